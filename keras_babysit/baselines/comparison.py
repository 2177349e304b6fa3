"""The errors of a network beside those of the baselines, as quantities of the history."""

import numpy as np

from keras_babysit.baselines.constant import constant_errors
from keras_babysit.baselines.task import Task
from keras_babysit.baselines.variety import variety

RARE = 0.1
"""Fraction of the expected training examples of a class below which the class counts as unseen."""

MIN_EXPECTED_EXAMPLES = 10
"""Training examples of a class to expect, so that none or one is no chance: Poisson's law leaves
1 in 2,000 for it."""

MIN_OF_EACH = 3
"""The same of one class among several: Poisson's law leaves 1 in 20."""

MIN_EFFECTIVE_EXAMPLES = 30
"""Kish's effective number of weighted examples below which their mean is not used: a mean of about
30 is near enough to normal."""


def compare_with_baselines(
    train: Task | None, validation: Task | None, neighbours: np.ndarray | None
) -> dict[tuple[str, str], float]:
    """Return how good the predictions of a network are, and how good the baselines are.

    Validation examples whose task is of another kind are omitted: mixed training labels and plain
    validation labels cannot be compared.

    Args:
        train: The `Task` of training examples, None if it is not known: then nothing is compared.
        validation: That of validation examples, or None.
        neighbours: Errors of the nearest neighbours on the training examples, or None.

    Returns:
        Numbers by `(quantity, target)`, empty if there is nothing to compare.
    """
    found = {}
    if train is not None:
        found["train"] = _describe_predictions(train) | measure_baselines(train, neighbours)
        if validation is not None and validation.kind == train.kind:
            found["validation"] = (
                _describe_predictions(validation)
                | compare_with_constant(validation)
                | unseen_classes(train, validation)
            )
            found["train"] |= unvalidated_classes(train, validation)
    return {(name, target): value for target in found for name, value in found[target].items()}


def _describe_predictions(task: Task) -> dict[str, float]:
    """Return how good and how varied the predictions of the network are, by quantity."""
    mean, error = task.mean_and_error(task.errors(task.predictions), is_weighted=False)
    found = {"score/error": mean, "score/error_stderr": error}
    return found | {f"predictions/{name}": value for name, value in variety(task).items()}


def measure_baselines(task: Task, neighbours: np.ndarray | None) -> dict[str, float]:
    """Return what the errors of a network are compared with, by quantity.

    Examples are weighted as in the loss: a network that was trained to find a rare class is not
    compared with a prediction that ignores it. Where the weights differ, the network's own error
    with these weights is returned as well. Nothing is returned where a few examples outweigh all
    others.

    Args:
        task: The `Task`.
        neighbours: Errors of the nearest neighbours on its examples, None if there are none.
    """
    weights, errors = task.weights, task.errors(task.predictions)
    found: dict[str, float] = {}
    if weights is not None:
        if weights.sum() ** 2 / np.square(weights).sum() < MIN_EFFECTIVE_EXAMPLES:
            return found
        mean, error = task.mean_and_error(errors)
        found |= {"reference/network_error": mean, "reference/network_error_stderr": error}
    found |= compare_with_constant(task)
    if neighbours is not None:
        advantage, error = task.mean_and_error(errors - neighbours)
        found["reference/neighbour_error"] = task.mean_and_error(neighbours)[0]
        found["reference/neighbour_advantage"] = advantage
        found["reference/neighbour_advantage_stderr"] = error
    return found


def compare_with_constant(task: Task) -> dict[str, float]:
    """Return the error of the best constant prediction, and by how much the network is better."""
    constant = constant_errors(task)
    advantage, error = task.mean_and_error(constant - task.errors(task.predictions))
    return {
        "reference/constant_error": task.mean_and_error(constant)[0],
        "reference/constant_advantage": advantage,
        "reference/constant_advantage_stderr": error,
    }


def compare_with_last_value(task: Task, errors: np.ndarray) -> dict[str, float]:
    """Return the error of repeating the last value, and by how much it is better.

    Args:
        task: The `Task`.
        errors: Error of the last value on each of its examples.
    """
    advantage, error = task.mean_and_error(task.errors(task.predictions) - errors)
    return {
        "reference/last_value_error": task.mean_and_error(errors)[0],
        "reference/last_value_advantage": advantage,
        "reference/last_value_advantage_stderr": error,
    }


def unseen_classes(train: Task, validation: Task) -> dict[str, float]:
    """Return the fraction of validation examples whose class is not in the training data.

    A class counts as unseen if it is less than `RARE` times as frequent in the training examples,
    where `MIN_EXPECTED_EXAMPLES` or more were to be expected.

    Returns:
        By quantity; empty where the targets are not classes.
    """
    if not _is_of_classes(train, validation):
        return {}
    fractions, found, expected = _class_counts(validation, train)
    is_unseen = (found < RARE * expected) & (expected >= MIN_EXPECTED_EXAMPLES)
    return {"targets/unseen_share": float(fractions[is_unseen].sum())}


def unvalidated_classes(train: Task, validation: Task) -> dict[str, float]:
    """Return the fraction of the training examples whose class is not in the validation data.

    A class counts only if there is no example of it at all: the training examples of a rare class
    may be repeated on purpose. There may be few validation examples of each class, and none of one
    by chance; but not of several at once, of which `MIN_EXPECTED_EXAMPLES` were to be expected
    together.

    Returns:
        By quantity; empty where the targets are not classes.
    """
    if not _is_of_classes(train, validation):
        return {}
    fractions, found, expected = _class_counts(train, validation)
    is_missing = (found == 0) & (expected >= MIN_OF_EACH)
    are_enough = expected[is_missing].sum() >= MIN_EXPECTED_EXAMPLES
    missing = float(fractions[is_missing].sum()) if are_enough else 0.0
    return {"targets/unvalidated_share": missing}


def _is_of_classes(train: Task, validation: Task) -> bool:
    is_one_of_some = train.kind == "classes" or validation.targets.shape[1:] == (1,)
    return train.kind != "numbers" and is_one_of_some


def _class_counts(task: Task, other: Task) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each class's fraction, and its found and expected counts in another task."""
    classes, counts = np.unique(task.targets, return_counts=True)
    fractions = counts / counts.sum()
    found = np.array([np.count_nonzero(other.targets == one) for one in classes])
    return fractions, found, fractions * len(other.targets)
