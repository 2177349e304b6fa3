"""Numbers that stand for missing values, such as -999."""

from typing import Any

import numpy as np

MAX_COLUMNS = 256
"""Columns that are searched; of more, as many at equal distances."""

MIN_MARKED = 5
"""Entries that must have exactly the same value."""

MIN_DIFFERENT = 10
"""Different values that the other entries must have: a code of a few levels has no marker."""

SQUEEZED = 0.1
"""Standard deviation of the other entries, as a fraction of that of the column, up to which scaling
makes them nearly constant: a hundredth of its variance."""


def find_markers(values: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return what `InputFacts` say of columns in which a number stands for missing values.

    It is the least or the largest value of the column and occurs several times. It is farther from
    all others than these are from each other, and so far that their standard deviation is a tenth
    of that of the column at most.

    Args:
        values: A table, or sequences of features, of floating-point numbers.

    Example:
        >>> table = np.arange(100.0).reshape(50, 2)
        >>> table[::5, 1] = -9999
        >>> find_markers(table)["marked_columns"], find_markers(table)["marker"]
        (1, -9999.0)
    """
    if values.ndim not in (2, 3) or not values.size:
        return {}
    table = values.reshape(-1, values.shape[-1])
    columns = range(0, table.shape[1], -(-table.shape[1] // MAX_COLUMNS))
    found = [(index, *one) for index in columns if (one := _marker(table[:, index]))]
    if not found:
        return {"marked_columns": 0}
    names = ("first_marked", "marker", "marked_fraction", "unmarked_low", "unmarked_high")
    return {"marked_columns": len(found), **dict(zip(names, found[0], strict=True))}


def _marker(column: np.ndarray[Any, Any]) -> tuple[float, float, float, float] | None:
    """Return the marker, the fraction of the entries that have it, and the range of the others."""
    ends = np.array([column.min(), column.max()])
    for end in ends:
        is_marked = column == end
        others = column[~is_marked]
        if is_marked.sum() < MIN_MARKED or len(others) < MIN_DIFFERENT:
            continue
        low, high = float(others.min()), float(others.max())
        is_far = min(abs(low - end), abs(high - end)) >= high - low > 0
        if not is_far or others.std() > SQUEEZED * column.std():
            continue
        if len(np.unique(others)) >= MIN_DIFFERENT:
            return float(end), float(is_marked.mean()), low, high
    return None
