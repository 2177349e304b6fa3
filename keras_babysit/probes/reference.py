"""How good could it be? Errors that need no network, on the same examples.

Two yardsticks stand beside the network's error: the best constant answer, and the vote of the
nearest neighbours. A network that a handful of neighbours beat on its own training examples has
something left to learn; one that they do not beat may have met the noise of the data.
"""

import dataclasses
import math

import keras
import numpy as np

NEIGHBOURS = 5
MAX_EXAMPLES = 512
MAX_FEATURES = 4096
MAX_TOKENS = 1024


@dataclasses.dataclass(frozen=True)
class Task:
    """Targets and predictions brought into one form.

    Args:
        kind: `"classes"`, `"labels"` (several may hold at once) or `"numbers"`.
        targets: Class indices `(n,)`, or `(n, outputs)`.
        predictions: The same for the network.
    """

    kind: str
    targets: np.ndarray
    predictions: np.ndarray

    def errors(self, answers):
        """Return the error of each example: 0 or 1, a share of labels, or a share of variance."""
        if self.kind == "classes":
            return (answers != self.targets).astype("float64")
        if self.kind == "labels":
            return np.mean((answers > 0.5) != (self.targets > 0.5), axis=1)
        # Of all columns together: one that hardly varies would outweigh the others by itself.
        variance = self.targets.var(axis=0).mean()
        return np.square(answers - self.targets).mean(axis=1) / (variance if variance > 0 else 1)


def read_task(targets, predictions) -> Task | None:
    """Return what is being learnt, read off the values; None if it can't be told."""
    targets, predictions = np.asarray(targets, "float64"), np.asarray(predictions, "float64")
    if not (np.isfinite(targets).all() and np.isfinite(predictions).all()):
        return None
    outputs = predictions.shape[1]
    flat = targets.reshape(len(targets), -1)
    if flat.shape[1] == 1 and outputs > 1:
        is_class = (flat == np.round(flat)).all() and flat.min() >= 0 and flat.max() < outputs
        classes = flat[:, 0].astype(int)
        return Task("classes", classes, predictions.argmax(1)) if is_class else None
    if flat.shape[1] != outputs:
        return None
    if not np.isin(flat, (0, 1)).all():
        return Task("numbers", flat, predictions)
    if outputs > 1 and (flat.sum(1) == 1).all():
        return Task("classes", flat.argmax(1), predictions.argmax(1))
    # Logits leave [0, 1]; the limit between the two answers is then 0 and not 1/2.
    is_probability = predictions.min() >= 0 and predictions.max() <= 1
    return Task("labels", flat, (predictions > (0.5 if is_probability else 0)).astype("float64"))


def variety(task):
    """Return how much the predictions vary, beside how much the targets do.

    `largest_share` is the share of the commonest predicted class, `targets_largest_share` that of
    the commonest true one; for numbers `spread` is the deviation of the predictions over the
    examples, in deviations of the targets.
    """
    if task.kind == "numbers":
        given, wanted = (kept.var(axis=0).mean() for kept in (task.predictions, task.targets))
        return {"spread": float(np.sqrt(given / (wanted if wanted > 0 else 1)))}
    rows = [
        np.unique(kept, axis=0, return_counts=True)[1] for kept in (task.predictions, task.targets)
    ]
    shares = [float(counts.max() / counts.sum()) for counts in rows]
    return dict(zip(("largest_share", "targets_largest_share"), shares, strict=True))


def constant_errors(task):
    """Return the errors of the best constant answer: the commonest class, the mean."""
    if task.kind == "classes":
        return task.errors(np.full(len(task.targets), np.bincount(task.targets).argmax()))
    answer = task.targets.mean(axis=0)
    return task.errors(np.broadcast_to(answer, task.targets.shape))


def neighbour_errors(task, inputs, *, are_tokens=False):
    """Return the errors of the nearest neighbours' answer, each example left out of its own vote.

    Features are standardised first; of tokens it is counted how often each one comes. None if the
    inputs are not one array of numbers, or too large; and where as many numbers are to come out as
    go in: the inputs of an autoencoder hold its answers, which its neck is to keep it from.

    Args:
        task: The `Task`.
        inputs: The inputs of its examples.
        are_tokens: Whether they are numbers of words, whose size means nothing.
    """
    features = _counts(inputs) if are_tokens else _features(inputs)
    if features is not None and task.kind == "numbers" and features.shape[1] > 1:
        features = None if task.targets.shape[1] == features.shape[1] else features
    if features is None or len(features) <= NEIGHBOURS or len(features) != len(task.targets):
        return None
    squares = np.sum(features**2, axis=1)
    distances = squares[:, None] + squares[None] - 2 * features @ features.T
    np.fill_diagonal(distances, np.inf)
    nearest = np.argpartition(distances, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    votes = task.targets[nearest]
    if task.kind == "classes":
        classes = task.targets.max() + 1
        counts = np.apply_along_axis(np.bincount, 1, votes, minlength=classes)
        return task.errors(counts.argmax(1))
    return task.errors(votes.mean(axis=1))


def beside(task, errors, neighbours):
    """Return what a network's errors are to be compared with, by quantity.

    Args:
        task: The `Task`.
        errors: The network's errors on its examples.
        neighbours: Those of the nearest neighbours, None where there are none.
    """
    found = {"reference/constant_error": float(constant_errors(task).mean())}
    if neighbours is not None:
        advantage, error = mean_and_error(errors - neighbours)
        found["reference/neighbour_error"] = float(neighbours.mean())
        found["reference/neighbour_advantage"] = advantage
        found["reference/neighbour_advantage_stderr"] = error
    return found


def takes_tokens(model):
    """Return whether a model looks its inputs up, so that their size means nothing."""
    layers = model._flatten_layers(include_self=False)
    return any(isinstance(layer, keras.layers.Embedding) for layer in layers)


def mean_and_error(values):
    """Return mean and standard error of independent values; the error is 0 for fewer than two."""
    values = np.asarray(values, "float64")
    error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return float(values.mean()), float(error)


def _features(inputs):
    if not isinstance(inputs, np.ndarray) or inputs.dtype.kind not in "fiub":
        return None
    features = inputs.reshape(len(inputs), -1).astype("float64")
    if features.shape[1] > MAX_FEATURES or not np.isfinite(features).all():
        return None
    spread = features.std(axis=0)
    return (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1)


def _counts(inputs):
    """Return how often each of the commonest tokens comes in each example."""
    if not isinstance(inputs, np.ndarray) or inputs.dtype.kind not in "fiu" or inputs.ndim < 2:
        return None
    tokens, places = np.unique(inputs, return_inverse=True)
    places = places.reshape(len(inputs), -1)
    counts = np.zeros((len(inputs), len(tokens)))
    np.add.at(counts, (np.arange(len(inputs))[:, None], places), 1.0)
    commonest = np.argsort(-counts.sum(axis=0), kind="stable")[:MAX_TOKENS]
    return _features(counts[:, commonest])
