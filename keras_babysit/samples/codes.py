"""Columns of a table that hold codes of categories: only whether two are equal says something."""

from collections.abc import Sequence

import numpy as np

from keras_babysit.samples.target_column import one_number

MIN_VALUES = 16
"""Different values: with fewer, a network has a unit or two for each of them, and chance orders the
means of few groups."""

MIN_ROWS = 4
"""Rows for each value, on average: the mean of a group is worth nothing otherwise."""

MAX_COLUMNS = 256
"""Columns that are searched; of more, as many at equal distances."""

MIN_EXPLAINED = 0.1
"""Fraction of the variance of the target between the groups: less is not worth a change."""

ORDERLY = 1.5
"""Von Neumann's ratio of the means of the groups, in the order of their values, below which they
have an order: 2 without any, 0 for a smooth course. The ratio of k independent values has the
standard deviation 2 / sqrt(k): with the least number of groups, 1.5 is one of these below 2."""


def code_column(
    inputs: np.ndarray, targets: Sequence[np.ndarray]
) -> tuple[int, int, float, float] | None:
    """Return a column whose values tell the target, but not by their size; None if there is none.

    The rows with equal values are a group. The means of the target differ between groups by more
    than chance explains, and those of neighbouring values are no more alike than any others.

    Args:
        inputs: One array of inputs; only tables `(n, columns)` have such a column.
        targets: The arrays of targets, one number each, or one-hot rows of two classes.

    Returns:
        The index of the column, the number of its different values, the fraction of the variance of
        the target that they explain (omega squared, which is 0 on average by chance), and the error
        of a table that knows of each value no more than the target of its other rows: the error
        rate for two classes, else the unexplained variance.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> city, income = rng.integers(0, 30, 600), rng.normal(size=30)
        >>> y = income[city] + 0.5 * rng.normal(size=600)
        >>> code_column(city[:, None], [y])[:2]
        (0, 30)
        >>> code_column(city[:, None], [0.1 * city + 0.5 * rng.normal(size=600)]) is None
        True

    Reference:
        von Neumann, "Distribution of the ratio of the mean square successive difference to the
        variance", 1941; Hays, "Statistics for Psychologists", 1963, for omega squared.
    """
    if inputs.ndim != 2 or inputs.dtype.kind not in "fiu" or not inputs.size:
        return None
    columns = range(0, inputs.shape[1], -(-inputs.shape[1] // MAX_COLUMNS))
    found: list[tuple[int, int, float, float]] = []
    for leaf in targets:
        target = one_number(leaf)
        if target is None or len(target) != len(inputs) or not _is_quantity(target):
            continue
        described = ((index, _describe(inputs[:, index], target)) for index in columns)
        found += [(index, *known) for index, known in described if known is not None]
    return max(found, key=lambda one: one[2], default=None)


def _is_quantity(target: np.ndarray) -> bool:
    """Return whether means of a target mean something: it is a number, or one of two classes."""
    values = np.unique(target)
    are_classes = len(values) < MIN_VALUES and (values == np.round(values)).all()
    return len(values) > 1 and (len(values) == 2 or not are_classes)


def _describe(column: np.ndarray, target: np.ndarray) -> tuple[int, float, float] | None:
    if not np.isfinite(column).all():
        return None
    values, group, counts = np.unique(column, return_inverse=True, return_counts=True)
    if len(values) < MIN_VALUES or len(column) < MIN_ROWS * len(values):
        return None
    classes = np.unique(target)
    y = (target == classes[1]).astype("float64") if len(classes) == 2 else target.astype("float64")
    sums = np.bincount(group.ravel(), y)
    means, mean = sums / counts, y.mean()
    total = float(np.sum((y - mean) ** 2))
    between = float(np.sum(counts * (means - mean) ** 2))
    within = (total - between) / (len(y) - len(values))
    omega = (between - (len(values) - 1) * within) / (total + within)
    # Groups of a single row have a mean that is mostly noise: they have no say in the order.
    known = means[counts > 1]
    if omega < MIN_EXPLAINED or len(known) < MIN_VALUES or known.var() == 0:
        return None
    if np.mean(np.diff(known) ** 2) / np.var(known, ddof=1) < ORDERLY:
        return None
    return (
        len(values),
        float(omega),
        _table_error(group.ravel(), y, sums, counts, len(classes) == 2),
    )


def _table_error(
    group: np.ndarray, y: np.ndarray, sums: np.ndarray, counts: np.ndarray, are_classes: bool
) -> float:
    """Return the error of predicting each row by the mean of the other rows of its group."""
    others = np.maximum(counts[group] - 1, 1)
    predicted = np.where(counts[group] > 1, (sums[group] - y) / others, y.mean())
    if are_classes:
        return float(np.mean(np.where(predicted == 0.5, 0.5, (predicted > 0.5) != (y == 1))))
    return float(np.mean((predicted - y) ** 2) / y.var())
