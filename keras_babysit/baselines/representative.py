"""Whether a part of the validation data may stand for all of it."""

import math

import numpy as np

from keras_babysit.baselines.task import Task

MIN_CHANGES = 10
"""Changes from one target to the next, per change that sorted targets would have, from which on the
targets are in no order."""

MAX_STANDARD_ERRORS = 4.0
"""Standard errors between two means that chance explains, even for the largest of a hundred."""


def is_representative(train: Task, part: Task) -> bool:
    """Return whether the first part of the validation data may stand for all of it.

    The first part of sorted data does not. Either its targets are distributed as those of the
    training data, or they are in no order.

    Args:
        train: The `Task` of training examples.
        part: That of the first validation examples.
    """
    is_alike = train.kind == part.kind and _is_same_distribution(
        part.kind, train.targets, part.targets
    )
    return is_alike or _has_no_order(part.kind, part.targets)


def _has_no_order(kind: str, targets: np.ndarray) -> bool:
    """Return whether one target differs from the next far more often than if they were sorted.

    Numbers are split at their median.
    """
    rows = targets.mean(axis=1) > np.median(targets.mean(axis=1)) if kind == "numbers" else targets
    values, groups = np.unique(rows, axis=0, return_inverse=True)
    changes = np.count_nonzero(np.diff(groups.ravel()))
    return bool(changes >= MIN_CHANGES * max(1, len(values) - 1))


def _is_same_distribution(kind: str, first: np.ndarray, second: np.ndarray) -> bool:
    """Return whether two sets of targets may come from one distribution, by their means."""
    classes = np.union1d(first, second)
    one, other = (_columns(kind, targets, classes) for targets in (first, second))
    both = np.concatenate([one, other])
    error = both.std(axis=0) * math.sqrt(1 / len(one) + 1 / len(other))
    distance = np.abs(one.mean(axis=0) - other.mean(axis=0))
    return bool((distance <= MAX_STANDARD_ERRORS * error).all())


def _columns(kind: str, targets: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return numbers of each example: one per class or label, or the mean of a row of numbers."""
    if kind == "classes":
        return np.asarray((targets[:, None] == classes).astype("float64"))
    return targets if kind == "labels" else targets.mean(axis=1, keepdims=True)
