"""Columns of a table that are far smaller than others, and what they say of the target."""

from collections.abc import Sequence
from typing import Any

import numpy as np

SMALL = 0.01
"""Spread of a column, as a fraction of the largest, below which it is small. Gradient descent is
the square of it, 10,000 times, slower along such a column (LeCun et al., "Efficient BackProp")."""

MIN_EXAMPLES = 64
"""Examples that are needed."""

EXAMPLES_PER_COLUMN = 20
"""Examples per column of the linear model: its own error is then hardly below that on new data."""

MAX_EXAMPLES = 4096
"""Examples that are read, at equal distances."""

MAX_COLUMNS = 512
"""Columns of a table up to which it is read."""

MAX_CLASSES = 32
"""Number of classes up to which whole numbers are read as classes."""


def small_columns(inputs: np.ndarray, targets: Sequence[np.ndarray]) -> dict[str, Any]:
    """Return what `InputFacts` say of columns that are far smaller than the largest one.

    The spread of a column is its interquartile range, so that neither outliers nor markers of
    missing values count, and that columns that are mostly one value, as rare classes and counts of
    rare words, are no small columns.

    A least-squares fit on these columns alone, standardized, tells whether they matter. Of numbers,
    its error is the unexplained variance, adjusted for the number of columns; of classes, the
    fraction of wrong ones.

    Args:
        inputs: One array of inputs.
        targets: The arrays of targets; only a single one is read.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(500, 3)) * [1, 1000, 1]
        >>> found = small_columns(x, [x[:, 0] + x[:, 2]])
        >>> found["small_columns"], found["first_small"], found["largest_column"]
        (2, 0, 1)
        >>> bool(found["small_unexplained"] < 1e-6)
        True
    """
    if inputs.ndim != 2 or not 2 <= inputs.shape[1] <= MAX_COLUMNS:
        return {}
    table = inputs[:: -(-len(inputs) // MAX_EXAMPLES) or 1].astype("float64")
    if len(table) < MIN_EXAMPLES or not np.isfinite(table).all():
        return {}
    low, high = np.quantile(table, (0.25, 0.75), axis=0)
    spreads = high - low
    largest = int(spreads.argmax())
    small = np.flatnonzero((spreads > 0) & (spreads < SMALL * spreads[largest]))
    if not len(small):
        return {"small_columns": 0}
    return {
        "small_columns": len(small),
        "first_small": int(small[0]),
        "largest_column": largest,
        "small_spread": float(spreads[small[0]] / spreads[largest]),
        **_errors(table[:, small], inputs, targets),
    }


def _errors(
    columns: np.ndarray, inputs: np.ndarray, targets: Sequence[np.ndarray]
) -> dict[str, float]:
    """Return the errors of a linear model on some columns, empty if there is no such target."""
    if len(targets) != 1 or len(targets[0]) != len(inputs) or targets[0].dtype.kind not in "fiub":
        return {}
    target = targets[0][:: -(-len(inputs) // MAX_EXAMPLES) or 1].astype("float64")
    target = target.reshape(len(target), -1)
    columns = columns[:, : len(columns) // EXAMPLES_PER_COLUMN]
    spread = columns.std(axis=0)
    if not np.isfinite(target).all() or not (spread > 0).all():
        return {}
    design = np.column_stack([(columns - columns.mean(axis=0)) / spread, np.ones(len(columns))])
    found = {}
    if target.var(axis=0).sum() > 0:
        left = np.square(target - _fitted(design, target)).sum()
        left /= np.square(target - target.mean(axis=0)).sum()
        rows = len(design)
        found["small_unexplained"] = float(left * (rows - 1) / (rows - design.shape[1]))
    one_hot = _one_hot(target)
    if one_hot is not None:
        wrong = _fitted(design, one_hot).argmax(axis=1) != one_hot.argmax(axis=1)
        found["small_error_rate"] = float(wrong.mean())
    return found


def _fitted(design: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.asarray(design @ np.linalg.lstsq(design, target, rcond=None)[0])


def _one_hot(target: np.ndarray) -> np.ndarray | None:
    """Return the classes of the targets as rows of zeros with a 1, None if they are no classes."""
    if target.shape[1] > 1:
        is_one_hot = np.isin(target, (0, 1)).all() and (target.sum(axis=1) == 1).all()
        return target if is_one_hot else None
    values, classes = np.unique(target, return_inverse=True)
    return np.eye(len(values))[classes.ravel()] if 2 <= len(values) <= MAX_CLASSES else None
