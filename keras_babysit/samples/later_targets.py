"""Inputs that were computed from targets of later rows: a series smoothed with its future."""

from collections.abc import Iterator, Sequence

import numpy as np

REACH = 16
"""Rows before and after an example whose targets are looked at."""

MIN_EXAMPLES = 256
"""Rows in order that are needed: eight for each of 33 targets of a regression."""

MAX_SERIES = 16
"""Columns, or features of the last step, that are looked at."""

EXACT = 1e-3
"""Unexplained variance up to which an input is a function of the targets: what rounding leaves."""

MUCH = 10.0
"""Factor by which more must be left unexplained by the targets on one side alone, at least."""


def later_column(inputs: np.ndarray, targets: Sequence[np.ndarray]) -> int | None:
    """Return the index of an input that is a function of targets before and after it, else None.

    The mean over a window around each value of a series is an exact function of the values on both
    sides, and so is its difference from one step to the next. A lag, or a mean over earlier values,
    is one of a single side. The rows must be in order; of rows that are not, no input is a function
    of the targets beside it.

    Args:
        inputs: A table `(rows, columns)` or windows `(rows, steps, features)`, in order.
        targets: The arrays of targets, one number per row.

    Returns:
        The index of the column, or of the feature of windows.

    Example:
        >>> series = np.cumsum(np.random.default_rng(0).normal(size=600))
        >>> around = np.convolve(series, np.ones(5) / 5, "same")
        >>> before = np.convolve(series, np.ones(5) / 5)[:600]
        >>> rows = np.arange(10, 590)
        >>> target = series[rows + 1] - series[rows]
        >>> lags = rows[:, None] - np.arange(3)
        >>> later_column(around[lags], [target]) is None, later_column(before[lags], [target])
        (False, None)
    """
    is_number = inputs.dtype.kind == "f" and inputs.ndim in (2, 3)
    if not is_number or len(inputs) < MIN_EXAMPLES or not np.isfinite(inputs).all():
        return None
    for leaf in targets:
        if leaf.dtype.kind != "f" or leaf[:1].size != 1 or len(leaf) != len(inputs):
            continue
        target = leaf.reshape(-1).astype("float64")
        if not np.isfinite(target).all() or len(np.unique(target)) < len(target) // 4:
            continue
        beside = np.lib.stride_tricks.sliding_window_view(target, 2 * REACH + 1)
        sides = beside, beside[:, : REACH + 1], beside[:, REACH:]
        for index, values in _series(inputs):
            both, earlier, later = (_unexplained(side, values[REACH:-REACH]) for side in sides)
            if both <= EXACT and min(earlier, later) >= MUCH * EXACT:
                return index
    return None


def _series(inputs: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield what may be a function of the targets: values, and differences within a row."""
    is_table = inputs.ndim == 2
    last = inputs if is_table else inputs[:, -1]
    values = last.astype("float64")
    for index in range(min(MAX_SERIES, values.shape[1])):
        column = values.shape[1] - 1 - index if is_table else index
        yield column, values[:, column]
        if is_table and column:
            yield column, values[:, column] - values[:, column - 1]
        elif not is_table and inputs.shape[1] > 1:
            yield column, values[:, column] - inputs[:, -2, column]


def _unexplained(beside: np.ndarray, values: np.ndarray) -> float:
    """Return which fraction of the variance a linear function of the columns leaves."""
    variance = values.var()
    if variance <= 0:
        return 1.0
    columns = np.column_stack([beside, np.ones(len(beside))])
    solution, *_ = np.linalg.lstsq(columns, values, rcond=None)
    return float(np.square(values - columns @ solution).mean() / variance)
