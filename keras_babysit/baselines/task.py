"""What is being learnt: targets and predictions in one form, and what counts as an error."""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from keras_babysit.facts import OutputFacts

SAME = 1e-3
"""How far apart two shares of a label may be and count as the same: float16 rounds to as much."""


@dataclasses.dataclass(frozen=True)
class Task:
    """Targets and predictions brought into one form.

    Args:
        kind: `"classes"`, `"labels"` (several may hold at once) or `"numbers"`.
        targets: Class indices `(n,)`, or `(n, outputs)`.
        predictions: The same for the network.
        weights: What each example counts in the loss, 1 in the mean; None where all count alike.
        distance: What counts of the residual of a number.
        ranks: For yes or no, how sure the network is of yes, `(n, labels)`; None for other tasks.
    """

    kind: str
    targets: np.ndarray
    predictions: np.ndarray
    weights: np.ndarray | None = None
    distance: Callable[[np.ndarray], np.ndarray] = np.square
    ranks: np.ndarray | None = None

    def errors(self, answers):
        """Return the error of each example: 0 or 1, a share of labels, or a multiple.

        Of numbers it is the distance in means of that to the best constant; where the loss is the
        squared error, in variances.
        """
        if self.kind == "classes":
            return (answers != self.targets).astype("float64")
        if self.kind == "labels":
            return np.mean((answers > 0.5) != (self.targets > 0.5), axis=1)
        # Of all columns together: one that hardly varies would outweigh the others by itself.
        left = min(self.distance(self.targets - best).mean() for best in self.centres(None))
        return self.distance(answers - self.targets).mean(axis=1) / (left if left > 0 else 1)

    def joined(self, other, rows):
        """Return the targets and weights of this task and of some rows of another one."""
        targets = np.concatenate([self.targets, other.targets[rows]])
        weights = [
            np.ones(len(t.targets)) if t.weights is None else t.weights for t in (self, other)
        ]
        return dataclasses.replace(
            self,
            targets=targets,
            predictions=targets,  # who is asked for answers has none of his own
            weights=np.concatenate([weights[0], weights[1][rows]]),
            ranks=None,
        )

    def centres(self, weights):
        """Return of numbers what may be the best constant answer, or nearly: mean and median."""
        mean = np.average(self.targets, axis=0, weights=weights)
        return [mean] if self.distance is np.square else [mean, _median(self.targets, weights)]


def read_task(targets, predictions, outputs, weights=None) -> Task | None:
    """Return what is being learnt, read off the loss and the values; None if it can't be told.

    Args:
        targets: Targets of some examples.
        predictions: What the network gives for them, `(n, outputs)`.
        outputs: The `OutputFacts` of the one output and its loss. A loss that is not known may
            want anything: then only shares are taken for what they seem.
        weights: What each example counts in the loss, above 0; None where all count alike.
    """
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


def _form(output):
    """Return the form of the loss; of one that is not known what the output has to be, or None."""
    if output.form != "other" or output.distance:
        return output.form
    if output.is_distribution:
        return "categorical"
    return "binary" if (output.low, output.high) == (0, 1) else None


def _read_weights(weights, size):
    """Return weights of mean 1, None if all are alike; and whether they could be read."""
    if weights is None:
        return None, True
    weights = np.asarray(weights, "float64").reshape(-1)
    if len(weights) != size or not np.isfinite(weights).all() or not (weights > 0).all():
        return None, False
    return (None if np.ptp(weights) == 0 else weights / weights.mean()), True


def _classes(flat, outputs, form):
    """Return the class of each example, None where the targets are none.

    Smoothed labels are classes. Where the largest shares of the rows differ, labels are mixed, and
    who is right is not told.
    """
    if flat.shape[1] == 1:
        is_class = (flat == np.round(flat)).all() and flat.min() >= 0 and flat.max() < outputs
        return flat[:, 0].astype(int) if is_class else None
    if flat.shape[1] != outputs:
        return None
    largest = flat.max(axis=1)
    is_one = (np.abs(flat - largest[:, None]) < SAME).sum(axis=1) == 1
    is_one_hot = np.isin(flat, (0, 1)).all() and (flat.sum(1) == 1).all()
    is_smoothed = form == "categorical" and np.ptp(largest) < SAME and is_one.all()
    return flat.argmax(1) if is_one_hot or is_smoothed else None


def _labels(targets, predictions, limit, weights):
    answers = (predictions > limit).astype("float64")
    return Task("labels", np.asarray(targets, "float64"), answers, weights, ranks=predictions)


def _numbers(targets, predictions, weights, distance, delta):
    if distance == "squared_logarithmic":
        targets, predictions = (np.log1p(values.clip(0)) for values in (targets, predictions))
    count = {
        "squared": np.square,
        "squared_logarithmic": np.square,
        "absolute": np.abs,
        "huber": functools.partial(_huber, delta=delta),
    }.get(distance)
    return None if count is None else Task("numbers", targets, predictions, weights, count)


def _huber(residual, delta):
    size = np.abs(residual)
    return np.where(size < delta, size**2 / 2, delta * (size - delta / 2))


def _median(values, weights):
    """Return the weighted median of each column."""
    if weights is None:
        return np.median(values, axis=0)
    order = np.argsort(values, axis=0)
    below = np.cumsum(weights[order], axis=0)
    middle = (below < below[-1] / 2).sum(axis=0)
    return np.take_along_axis(np.take_along_axis(values, order, 0), middle[None], 0)[0]
