"""Columns of a table that hold the target: the answer is among the inputs."""

from collections.abc import Sequence

import numpy as np

MIN_EXAMPLES = 64
"""Examples that are needed: a column equals two balanced classes by chance with 2^-63."""

MIN_VALUES = 32
"""Different values of a target that is a number: chance orders 32 values alike with 1/32!."""

MIN_OF_A_CLASS = 2
"""Examples of each class that are needed: a class of one example has one value in any column."""

ROUNDING = 1e-5
"""Fraction of the range of a target by which its order may be wrong: float32 has 7 digits."""

MOST_VALUES = 0.5
"""Different values of the column, per different value of a number: a few are a hint of the target,
such as its decile."""

MOST_COLUMNS = 0.5
"""Fraction of the columns up to which it is an accident that they hold the target."""

MAX_COLUMNS = 4096


def target_column(inputs: np.ndarray, targets: Sequence[np.ndarray]) -> int | None:
    """Return the index of the column that holds a target, None if there is none.

    Columns are those of a table, or the entries of a sequence, step by step.

    A column holds the target if its values and those of the target correspond one to one, and, of
    numbers, in the same or the opposite order. Where it is all of the inputs, or most columns hold
    it, that is not reported: then the function is the task itself.

    Args:
        inputs: One array of inputs.
        targets: The arrays of targets, numbers or one-hot rows.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 3))
        >>> target_column(x, [np.exp(x[:, 1])]), target_column(x, [x[:, 1] + x[:, 2]])
        (1, None)
        >>> classes = np.repeat([0, 1], 50)
        >>> target_column(np.repeat(classes[:, None], 3, axis=1), [classes]) is None
        True
    """
    if inputs.ndim not in (2, 3) or inputs.dtype.kind not in "fiub":
        return None
    are_steps = inputs.ndim == 3
    inputs = inputs.reshape(len(inputs), -1)
    if not 2 <= inputs.shape[1] <= MAX_COLUMNS or len(inputs) < MIN_EXAMPLES:
        return None
    for leaf in targets:
        target = one_number(leaf)
        if target is None or len(target) != len(inputs):
            continue
        values, counts = np.unique(target, return_counts=True)
        are_classes = counts.min() >= MIN_OF_A_CLASS and len(values) > 1
        if are_steps and are_classes:
            continue  # the class of a sequence may well be one of its steps
        if not are_classes and len(values) < MIN_VALUES:
            continue
        holding = [
            index
            for index, column in enumerate(inputs.T)
            if _is_one_to_one(column, target, in_order=not are_classes)
        ]
        if 0 < len(holding) <= MOST_COLUMNS * inputs.shape[1]:
            return holding[0]
    return None


def one_number(leaf: np.ndarray) -> np.ndarray | None:
    """Return a target as one number per example, None where it is several."""
    if leaf.dtype.kind not in "fiub" or not np.isfinite(leaf).all():
        return None
    flat = leaf.reshape(len(leaf), -1)
    if flat.shape[1] == 1:
        return flat[:, 0]
    is_one_hot = np.isin(flat, (0, 1)).all() and (flat.sum(axis=1) == 1).all()
    return flat.argmax(axis=1) if is_one_hot else None


def _is_one_to_one(column: np.ndarray, target: np.ndarray, *, in_order: bool) -> bool:
    if not np.isfinite(column).all():
        return False
    moves = np.diff(target[np.argsort(column, kind="stable")].astype("float64"))
    if in_order:
        least = ROUNDING * np.ptp(target)
        are_enough = len(np.unique(column)) >= MOST_VALUES * len(np.unique(target))
        return bool(are_enough and ((moves >= -least).all() or (moves <= least).all()))
    # Each class must be one run of equal values, and each value of one class.
    runs = np.count_nonzero(moves) + 1
    return bool(runs == len(np.unique(target)) == len(np.unique(column)))
