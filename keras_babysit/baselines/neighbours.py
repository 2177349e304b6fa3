"""The 5-nearest-neighbour baseline: each example is predicted from those that are most like it."""

from typing import Any

import keras
import numpy as np

from keras_babysit.baselines.task import Task
from keras_babysit.samples import batches

NEIGHBOURS = 5
"""Neighbours that vote; scikit-learn's default."""

MAX_VOTERS = 512
"""Examples among which neighbours are searched: the time grows with the square of their number."""

MAX_FEATURES = 4096
"""Inputs with more numbers per example have no neighbours: distances take too long."""

MAX_TOKENS = 1024
"""Number of the most frequent tokens that are counted."""


class Neighbours:
    """Predicts from the nearest neighbours among all examples of the largest score so far.

    In a score of a part of them the neighbours would be farther away, and worse, though no less
    could be known.

    Args:
        are_tokens: Whether the inputs are indices of tokens, whose size means nothing.
    """

    def __init__(self, *, are_tokens: bool = False) -> None:
        self._are_tokens = are_tokens
        self._answers: dict[tuple[bytes, ...], Any] = {}  # by the content of input and target
        # Task, inputs and contents of the examples that voted last.
        self._voters: tuple[Task, np.ndarray, list[tuple[bytes, ...]]] | None = None
        self._size_without: int | None = None  # examples of a score that had no neighbours

    def errors(self, task: Task, inputs: Any) -> np.ndarray | None:
        """Return the error of the neighbours on each example of a `Task`.

        Args:
            task: The `Task`.
            inputs: The inputs of its examples.

        Returns:
            An array with one error per example, None where there are no neighbours: see
            `neighbour_answers`.
        """
        if self._size_without == len(inputs) or not isinstance(inputs, np.ndarray):
            return None
        rows = zip(batches.contents(inputs), batches.contents(task.targets), strict=True)
        contents: list[tuple[bytes, ...]] = list(rows)
        is_known = all(one in self._answers for one in contents)
        if not is_known and not self._vote(*self._with_known(task, inputs, contents)):
            self._size_without = len(inputs)
            return None
        return task.errors(np.array([self._answers[one] for one in contents]))

    def _with_known(
        self, task: Task, inputs: np.ndarray, contents: list[tuple[bytes, ...]]
    ) -> tuple[Task, np.ndarray, list[tuple[bytes, ...]]]:
        """Return these examples, joined with those that voted before if those were more."""
        if self._voters is None or len(contents) >= len(self._voters[2]):
            return task, inputs, contents
        known, known_inputs, known_contents = self._voters
        is_alike = known.kind == task.kind and known.targets.shape[1:] == task.targets.shape[1:]
        if not is_alike or known_inputs.shape[1:] != inputs.shape[1:]:  # sequences of other lengths
            return task, inputs, contents
        new = [row for row, one in enumerate(contents) if one not in self._answers]
        return (
            known.joined(task, new),
            np.concatenate([known_inputs, inputs[new]]),
            known_contents + [contents[row] for row in new],
        )

    def _vote(self, task: Task, inputs: np.ndarray, contents: list[tuple[bytes, ...]]) -> bool:
        """Let the examples predict each other; return whether they could."""
        answers = neighbour_answers(task, inputs, are_tokens=self._are_tokens)
        if answers is None:
            return False
        self._answers = dict(zip(contents, answers, strict=True))
        self._voters = task, inputs, contents
        return True


def neighbour_answers(task: Task, inputs: Any, *, are_tokens: bool = False) -> np.ndarray | None:
    """Return what the nearest neighbours predict, each example excluded from its own vote.

    Features are standardised first; tokens are counted per example.

    Args:
        task: The `Task`.
        inputs: The inputs of its examples.
        are_tokens: Whether they are indices of tokens, whose size means nothing.

    Returns:
        An array with one prediction per example. None if the inputs are not one array of numbers,
        if they are too large, and where as many numbers come out as go in: the inputs of an
        autoencoder hold its answers, which its bottleneck hides from it.
    """
    features = _token_counts(inputs) if are_tokens else _features(inputs)
    if features is not None and task.kind == "numbers" and features.shape[1] > 1:
        features = None if task.targets.shape[1] == features.shape[1] else features
    if features is None or len(features) <= NEIGHBOURS or len(features) != len(task.targets):
        return None
    # Squared distances, minus what all of a row have in common.
    distances = np.einsum("ij,ij->i", features, features) - 2 * features @ features.T
    np.fill_diagonal(distances, np.inf)
    nearest = np.argpartition(distances, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    weights = np.ones(len(features)) if task.weights is None else task.weights
    return _majority(task, task.targets[nearest], weights[nearest])


def _majority(task: Task, votes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted majority, mean or median of the votes for each example."""
    if task.kind == "classes":
        counts = np.zeros((len(votes), task.targets.max() + 1))
        np.add.at(counts, (np.arange(len(votes))[:, None], votes), weights)
        return np.asarray(counts.argmax(1))
    if task.kind == "numbers" and task.distance is not np.square:
        return np.asarray(np.median(votes, axis=1))
    return np.asarray((votes * weights[..., None]).sum(1) / weights.sum(1, keepdims=True))


def takes_tokens(model: keras.Model) -> bool:
    """Return whether a model looks its inputs up in an embedding, so that their size means nothing.

    Args:
        model: A built `keras.Model`.
    """
    layers = model._flatten_layers(include_self=False)
    return any(isinstance(layer, keras.layers.Embedding) for layer in layers)


def _features(inputs: Any) -> np.ndarray | None:
    """Return standardised numbers of each example, None where there are none."""
    if not isinstance(inputs, np.ndarray) or inputs.dtype.kind not in "fiub":
        return None
    features = inputs.reshape(len(inputs), -1)
    if features.shape[1] > MAX_FEATURES:
        return None
    # float32 halves the time. Only after centring: the mean may be far from zero.
    with np.errstate(all="ignore"):
        centred = (features - features.mean(axis=0, dtype="float64")).astype("float32")
    if not np.isfinite(centred).all():
        return None
    spread = centred.std(axis=0)
    return np.asarray(centred / np.where(spread > 0, spread, 1))


def _token_counts(inputs: Any) -> np.ndarray | None:
    """Return how often each of the most frequent tokens is in each example, standardised."""
    if not isinstance(inputs, np.ndarray) or inputs.dtype.kind not in "fiu" or inputs.ndim < 2:
        return None
    tokens, indices = np.unique(inputs, return_inverse=True)
    indices = indices.reshape(len(inputs), -1)
    counts = np.zeros((len(inputs), len(tokens)))
    np.add.at(counts, (np.arange(len(inputs))[:, None], indices), 1.0)
    most_frequent = np.argsort(-counts.sum(axis=0), kind="stable")[:MAX_TOKENS]
    return _features(counts[:, most_frequent])
