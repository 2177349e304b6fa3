"""A column that was computed from the targets of the training data."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_babysit.samples.target_column import one_number

MIN_EXAMPLES = 100
"""Examples of either kind that are needed to speak of a fraction of the variance."""

MAX_COLUMNS = 256
"""Columns that are read; of more, as many at equal distances."""

MIN_EXPLAINED = 0.2
"""Fraction of the variance of the training targets that a column must explain by a line."""

MIN_RATIO = 1.5
"""Residual variance on the validation data over that on the training data, from which on a line
does not fit there: one that explains a fifth, and has nothing to do with the validation targets,
leaves 1.2 of their variance in place of 0.8."""

Z = 5.0
"""Standard errors by which the logarithm of the ratio must exceed 0: with 256 columns that is
exceeded by chance once in 7,000 runs."""

BLOCKS = 20
"""Blocks of successive examples by whose means a standard error is found: the windows of a series
are not independent."""

WITHIN = 0.9
"""Fraction of the validation examples whose entry lies within the range of the training data: a
column that goes on rising, such as the time, is no leak."""

Pair = tuple[Sequence[np.ndarray], Sequence[np.ndarray]]


def compare_columns(inputs: Pair, targets: Pair) -> dict[str, Any]:
    """Return what `ComparisonFacts` say of a column whose relation to the target is lost.

    A line is fitted to the target, by each column of a table on its own. Where the validation
    targets are farther from their training mean as well, the data has drifted, and the line must be
    so much worse.

    Args:
        inputs: The arrays of inputs, of the training and of the validation data.
        targets: The arrays of targets of both.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> y, y_val = rng.normal(size=(2, 400))
        >>> x, x_val = (y + 0.5 * rng.normal(size=400))[:, None], rng.normal(size=(400, 1))
        >>> found = compare_columns(([x], [x_val]), ([y], [y_val]))
        >>> found["fitted_input"], found["fitted_column"], round(found["fitted_train"], 1)
        (0, 0, 0.8)
        >>> compare_columns(([x], [x]), ([y], [y]))
        {}
    """
    worst: dict[str, Any] = {}
    (train, validation), (y, y_val) = inputs, targets
    if len(y) != len(y_val):
        return {}
    for pair in zip(y, y_val, strict=True):
        both = [one.astype("float64") for one in map(one_number, pair) if one is not None]
        if len(both) < 2 or not all(map(_varies, both)):
            continue
        for index, leaves in enumerate(zip(train, validation, strict=True)):
            if all(leaf.ndim == 2 and leaf.dtype.kind in "fiub" for leaf in leaves):
                found = _worst(leaves, both)
                if found and found[1] > worst.get("fitted_train", 0.0):
                    names = ("fitted_column", "fitted_train", "fitted_validation")
                    worst = {"fitted_input": index} | dict(zip(names, found, strict=True))
    return worst


def _relative_error(squares: np.ndarray) -> np.ndarray:
    """Return the standard error of the mean of each column, by the means of blocks, over it."""
    means = np.stack([block.mean(axis=0) for block in np.array_split(squares, BLOCKS)])
    return np.asarray(means.std(axis=0, ddof=1) / means.mean(axis=0) / BLOCKS**0.5)


def _varies(target: np.ndarray) -> bool:
    """Return whether a target is a number, or one of two classes, and is not constant."""
    values = np.unique(target)
    return len(values) == 2 or (len(values) > 2 and not (values == np.round(values)).all())


def _worst(
    leaves: Sequence[np.ndarray], targets: Sequence[np.ndarray]
) -> tuple[int, float, float] | None:
    """Return a column and what it explains of both targets: the one that explains the most."""
    (x, x_val), (y, y_val) = leaves, targets
    if min(len(x), len(x_val)) < MIN_EXAMPLES or x.shape[1] != x_val.shape[1]:
        return None
    if len(x) != len(y) or len(x_val) != len(y_val):
        return None
    columns = np.arange(0, x.shape[1], -(-x.shape[1] // MAX_COLUMNS))
    x, x_val = (leaf[:, columns].astype("float64") for leaf in (x, x_val))
    if not (np.isfinite(x).all() and np.isfinite(x_val).all()):
        return None
    centred, spread = x - x.mean(axis=0), x.std(axis=0)
    y0, variance = y - y.mean(), float(y.var())
    slope = (centred * y0[:, None]).mean(axis=0) / np.where(spread > 0, spread, np.inf) ** 2
    left = np.square(y0[:, None] - slope * centred)
    left_val = np.square((y_val - y.mean())[:, None] - slope * (x_val - x.mean(axis=0)))
    drift = max(1.0, float(np.square(y_val - y.mean()).mean()) / variance)
    with np.errstate(all="ignore"):
        ratio = np.log(left_val.mean(axis=0) / left.mean(axis=0) / drift)
        error = np.hypot(_relative_error(left), _relative_error(left_val))
    explained = 1 - left.mean(axis=0) / variance
    explained_val = 1 - left_val.mean(axis=0) / variance / drift
    is_within = ((x_val >= x.min(axis=0)) & (x_val <= x.max(axis=0))).mean(axis=0) >= WITHIN
    is_worse = (ratio > np.log(MIN_RATIO)) & (ratio > Z * error)
    is_lost = (explained >= MIN_EXPLAINED) & is_worse & is_within
    if not is_lost.any():
        return None
    best = int(np.where(is_lost, explained, -np.inf).argmax())
    return int(columns[best]), float(explained[best]), max(0.0, float(explained_val[best]))
