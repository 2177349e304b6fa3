"""The task of a network: targets and predictions in one form, and what counts as an error."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keras_babysit.baselines.estimate import mean_and_error
from keras_babysit.facts import OutputFacts

SAME_PROBABILITY = 1e-3
"""Difference of two target probabilities that count as equal: float16 rounds by as much."""


@dataclasses.dataclass(frozen=True)
class Task:
    """Targets and predictions brought into one form.

    Args:
        kind: `"classes"`, `"labels"` (several may hold at once) or `"numbers"`.
        targets: Class indices `(n,)`, or `(n, outputs)`.
        predictions: The same for the network.
        weights: Weight of each example in the loss, 1 on average; None if all count the same.
        distance: What the loss makes of the residual of a number.
        ranks: For yes or no, higher where yes is likelier, `(n, labels)`; None for other tasks.
        groups: Index of the example of each row, where an example has several, such as pixels; None
            if each row is an example.
    """

    kind: str
    targets: np.ndarray
    predictions: np.ndarray
    weights: np.ndarray | None = None
    distance: Callable[[np.ndarray], np.ndarray] = np.square
    ranks: np.ndarray | None = None
    groups: np.ndarray | None = None

    def mean_and_error(
        self, values: np.ndarray, *, is_weighted: bool = True
    ) -> tuple[float, float]:
        """Return the mean over the rows, and its standard error over independent examples.

        Args:
            values: A number for each row.
            is_weighted: Whether the rows count by their weights.
        """
        weights = self.weights if is_weighted else None
        if self.groups is None:
            return mean_and_error(values, weights)
        counts = np.ones(len(values)) if weights is None else weights
        _, groups = np.unique(self.groups, return_inverse=True)
        sizes = np.bincount(groups, counts)
        return mean_and_error(np.bincount(groups, counts * values) / sizes, sizes)

    def errors(self, answers: np.ndarray) -> np.ndarray:
        """Return the error of each example, at least 0.

        For classes it is 0 or 1, for labels the fraction of wrong ones. For numbers it is the
        distance as a multiple of the mean distance to the best constant; with the squared error
        that is the unexplained variance.
        """
        if self.kind == "classes":
            return np.asarray((answers != self.targets).astype("float64"))
        if self.kind == "labels":
            return np.asarray(np.mean((answers > 0.5) != (self.targets > 0.5), axis=1))
        # All columns together: alone, one that hardly varies would outweigh the others.
        left = min(self.distance(self.targets - best).mean() for best in self.centres(None))
        return np.asarray(
            self.distance(answers - self.targets).mean(axis=1) / (left if left > 0 else 1)
        )

    def joined(self, other: Task, rows: Any) -> Task:
        """Return the targets and weights of this task and of some rows of another one."""
        targets = np.concatenate([self.targets, other.targets[rows]])
        weights = [
            np.ones(len(t.targets)) if t.weights is None else t.weights for t in (self, other)
        ]
        return dataclasses.replace(
            self,
            targets=targets,
            predictions=targets,  # those of the network do not matter to neighbours
            weights=np.concatenate([weights[0], weights[1][rows]]),
            ranks=None,
        )

    def centres(self, weights: np.ndarray | None) -> list[np.ndarray]:
        """Return what may be the best constant prediction of numbers: mean and median."""
        mean = np.average(self.targets, axis=0, weights=weights)
        return [mean] if self.distance is np.square else [mean, _median(self.targets, weights)]


def read_task(
    targets: Any,
    predictions: Any,
    outputs: Sequence[OutputFacts],
    weights: Any = None,
    *,
    groups: np.ndarray | None = None,
) -> Task | None:
    """Return the task, read off the loss and the values; None if it is not known.

    Args:
        targets: Targets of some examples.
        predictions: The predictions of the network for them, `(n, outputs)`.
        outputs: The `OutputFacts` of the one output and its loss. An unknown loss may expect
            anything: then only outputs that are probabilities are read.
        weights: Weight of each example in the loss, above 0; None if all count the same.
        groups: Index of the example of each row, None if each row is an example.
    """
    task = _read(targets, predictions, outputs, weights)
    return task if task is None or groups is None else dataclasses.replace(task, groups=groups)


def _read(
    targets: Any, predictions: Any, outputs: Sequence[OutputFacts], weights: Any
) -> Task | None:
    targets, predictions = np.asarray(targets, "float64"), np.asarray(predictions, "float64")
    if not (np.isfinite(targets).all() and np.isfinite(predictions).all()):
        return None
    counts, is_clear = _read_weights(weights, len(targets))
    output = outputs[0] if outputs else OutputFacts()
    form = _form(output)
    flat = targets.reshape(len(targets), -1)
    if not is_clear or form is None:
        return None
    if predictions.shape[1] > 1:
        classes = _classes(flat, predictions.shape[1], form)
        if classes is not None:
            ranks = np.diff(predictions) if predictions.shape[1] == 2 else None
            return Task("classes", classes, predictions.argmax(1), counts, ranks=ranks)
    if flat.shape[1] != predictions.shape[1] or form == "categorical":
        return None
    if form == "margin" and np.isin(flat, (-1, 0, 1)).all():
        return _labels(flat > 0, predictions, 0, counts)
    if form == "binary" and output.from_logits:
        predictions = 1 / (1 + np.exp(-predictions.clip(-50, 50)))
    if np.isin(flat, (0, 1)).all():
        return _labels(flat, predictions, 0.5, counts)
    distance = "squared" if form == "binary" else output.distance
    return _numbers(flat, predictions, counts, distance, output.delta)


def _form(output: OutputFacts) -> str | None:
    """Return the form of the loss; of an unknown one the form of the output, or None."""
    if output.form != "other" or output.distance:
        return output.form
    if output.is_distribution:
        return "categorical"
    return "binary" if (output.low, output.high) == (0, 1) else None


def _read_weights(weights: Any, size: int) -> tuple[np.ndarray | None, bool]:
    """Return weights of mean 1, None if all are equal; and whether they could be read."""
    if weights is None:
        return None, True
    weights = np.asarray(weights, "float64").reshape(-1)
    if len(weights) != size or not np.isfinite(weights).all() or not (weights > 0).all():
        return None, False
    return (None if np.ptp(weights) == 0 else weights / weights.mean()), True


def _classes(flat: np.ndarray, outputs: int, form: str) -> np.ndarray | None:
    """Return the class of each example, None where the targets are not classes.

    Smoothed labels are classes. Where the largest probabilities of the rows differ, labels are
    mixed, and no single class is right.
    """
    if flat.shape[1] == 1:
        is_class = (flat == np.round(flat)).all() and flat.min() >= 0 and flat.max() < outputs
        return flat[:, 0].astype(int) if is_class else None
    if flat.shape[1] != outputs:
        return None
    largest = flat.max(axis=1)
    is_one = (np.abs(flat - largest[:, None]) < SAME_PROBABILITY).sum(axis=1) == 1
    is_one_hot = np.isin(flat, (0, 1)).all() and (flat.sum(1) == 1).all()
    is_smoothed = form == "categorical" and np.ptp(largest) < SAME_PROBABILITY and is_one.all()
    return flat.argmax(1) if is_one_hot or is_smoothed else None


def _labels(
    targets: np.ndarray, predictions: np.ndarray, limit: float, weights: np.ndarray | None
) -> Task:
    answers = (predictions > limit).astype("float64")
    return Task("labels", np.asarray(targets, "float64"), answers, weights, ranks=predictions)


def _numbers(
    targets: np.ndarray,
    predictions: np.ndarray,
    weights: np.ndarray | None,
    distance: str | None,
    delta: float,
) -> Task | None:
    if distance == "squared_logarithmic":
        targets, predictions = (np.log1p(values.clip(0)) for values in (targets, predictions))
    known: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "squared": np.square,
        "squared_logarithmic": np.square,
        "absolute": np.abs,
        "huber": functools.partial(_huber, delta=delta),
    }
    count = known.get(distance or "")
    return None if count is None else Task("numbers", targets, predictions, weights, count)


def _huber(residual: np.ndarray, delta: float) -> np.ndarray:
    size = np.abs(residual)
    return np.asarray(np.where(size < delta, size**2 / 2, delta * (size - delta / 2)))


def _median(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Return the weighted median of each column."""
    if weights is None:
        return np.asarray(np.median(values, axis=0))
    order = np.argsort(values, axis=0)
    below = np.cumsum(weights[order], axis=0)
    middle = (below < below[-1] / 2).sum(axis=0)
    return np.asarray(np.take_along_axis(np.take_along_axis(values, order, 0), middle[None], 0)[0])
