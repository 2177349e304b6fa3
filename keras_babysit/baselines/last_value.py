"""The last-value baseline, or persistence: a series goes on as it ended."""

from typing import Any

import numpy as np

from keras_babysit.baselines.task import Task

MIN_STEPS = 4
"""Steps that a window must have to be one of a series."""

SAME_SCALE = 1.5
"""Ratio of the standard deviations of two columns up to which they may be steps of one series."""

MIN_CORRELATION = 0.5
"""Mean correlation of a column with the next one from which on the rows of a table are windows of a
series."""

MAX_STEPS = 512
"""Columns that are compared with their neighbours at most."""


def last_value_errors(
    task: Task, inputs: Any, series: int | None = None
) -> tuple[np.ndarray, int] | tuple[None, None]:
    """Return the error of repeating the last value of the inputs, on each example of a `Task`.

    Args:
        task: The `Task`, with numbers as targets: one or more later values of one series.
        inputs: The inputs, windows `(n, steps)` or `(n, steps, features)`.
        series: Index of the feature that is repeated; None for the one with the smallest error.

    Returns:
        The errors and the index of the feature; None twice if the inputs are not windows.

    Example:
        >>> from keras_babysit.baselines import Task
        >>> walk = np.cumsum(np.random.default_rng(0).normal(size=300))
        >>> windows = np.stack([walk[i : i + 8] for i in range(290)])
        >>> later = walk[8:298, None]
        >>> errors, _ = last_value_errors(Task("numbers", later, later), windows)
        >>> bool(errors.mean() < 0.1)
        True
    """
    if task.kind != "numbers" or not isinstance(inputs, np.ndarray) or inputs.dtype.kind != "f":
        return None, None
    if inputs.ndim not in (2, 3) or inputs.shape[1] < MIN_STEPS or not np.isfinite(inputs).all():
        return None, None
    if len(inputs) != len(task.targets):
        return None, None
    windows = inputs.reshape(*inputs.shape[:2], -1).astype("float64")
    candidates = range(windows.shape[2]) if series is None else [series]
    found = {
        one: task.errors(np.broadcast_to(windows[:, -1:, one], task.targets.shape))
        for one in candidates
        if _is_series(windows[:, :, one])
    }
    if not found:
        return None, None
    best = min(found, key=lambda one: found[one].mean())
    return found[best], best


def _is_series(values: np.ndarray) -> bool:
    """Return whether the columns may be the steps of one series: alike, each like the next."""
    values = values[:, -MAX_STEPS:]
    deviations = values.std(axis=0)
    if deviations.min() <= 0 or deviations.max() > SAME_SCALE * deviations.min():
        return False
    standard = (values - values.mean(axis=0)) / deviations
    return bool((standard[:, 1:] * standard[:, :-1]).mean() >= MIN_CORRELATION)
