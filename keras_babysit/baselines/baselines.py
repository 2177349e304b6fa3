"""How good could it be? Errors that need no network, on the same examples.

Two yardsticks stand beside the network's error: the best constant answer, and the vote of the
nearest neighbours. A network that a handful of neighbours beat on its own training examples has
something left to learn; one that they do not beat may have met the noise of the data.
"""

import math

import keras
import numpy as np

NEIGHBOURS = 5
MAX_EXAMPLES = 512
MAX_FEATURES = 4096
MAX_TOKENS = 1024

RARE = 0.1
"""Share of what is to be expected of a class in training data below which it is hardly there."""

SURE = 10
"""Cases to be expected where there is none or one, so that this is no chance: Poisson's law
leaves 1 in 2,000 for it."""

APART = 4.0
"""Standard errors between two means that are no chance, even of the farthest of a hundred."""

FEWEST_EFFECTIVE = 30
"""Kish's effective number of weighted examples, below which their mean tells little: about 30 are
what it takes for a mean to be near enough to normal."""


def variety(task):
    """Return how much the predictions vary, beside how much the targets do.

    `largest_share` is the share of the commonest predicted class, `targets_largest_share` that of
    the commonest true one; for numbers `spread` is the deviation of the predictions over the
    examples, in deviations of the targets. `auc` tells how well yes is ranked above no, with the
    standard error that it has where nothing is known. Of several labels none may be the likelier
    answer for every example, which is no lack of variety.
    """
    ranked = {} if task.ranks is None else _auc(task.targets.reshape(task.ranks.shape), task.ranks)
    if task.kind == "numbers":
        given, wanted = (kept.var(axis=0).mean() for kept in (task.predictions, task.targets))
        return {"spread": float(np.sqrt(given / (wanted if wanted > 0 else 1)))}
    if task.kind == "labels" and task.targets.shape[1] > 1:
        return ranked
    rows = [
        np.unique(kept, axis=0, return_counts=True)[1] for kept in (task.predictions, task.targets)
    ]
    shares = [float(counts.max() / counts.sum()) for counts in rows]
    return ranked | dict(zip(("largest_share", "targets_largest_share"), shares, strict=True))


def _auc(targets, ranks):
    """Return the share of pairs of yes and no that are ranked rightly (Mann and Whitney, 1947).

    Of several labels the pairs of each are counted together.
    """
    pairs = above = variance = 0.0
    for is_yes, values in zip(targets.T > 0, ranks.T, strict=True):
        yes, no = int(is_yes.sum()), int((~is_yes).sum())
        _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
        middle = np.cumsum(counts) - (counts - 1) / 2  # equal ones share their ranks
        above += middle[places][is_yes].sum() - yes * (yes + 1) / 2
        variance += yes * no * (yes + no + 1) / 12
        pairs += yes * no
    if not pairs:
        return {}
    return {"auc": float(above / pairs), "auc_stderr": float(math.sqrt(variance) / pairs)}


def stands_for_all(train, part):
    """Return whether a part of validation data may stand for all: sorted ones begin otherwise.

    Either its targets are spread as those of training data, or they come in no order.
    """
    is_alike = train.kind == part.kind and _are_alike(part.kind, train.targets, part.targets)
    return is_alike or _has_no_order(part.kind, part.targets)


def _has_no_order(kind, targets):
    """Return whether one target differs from the next far more often than if they were sorted.

    Of numbers it counts whether they are above the median.
    """
    rows = targets.mean(axis=1) > np.median(targets.mean(axis=1)) if kind == "numbers" else targets
    values, places = np.unique(rows, axis=0, return_inverse=True)
    changes = np.count_nonzero(np.diff(places.ravel()))
    return bool(changes >= SURE * max(1, len(values) - 1))


def _are_alike(kind, first, second):
    """Return whether targets may be drawn from the same distribution.

    By the share of each class or label, or by the mean of a row of numbers.
    """
    classes = np.union1d(first, second)
    one, other = (_columns(kind, targets, classes) for targets in (first, second))
    both = np.concatenate([one, other])
    error = both.std(axis=0) * math.sqrt(1 / len(one) + 1 / len(other))
    return bool((np.abs(one.mean(axis=0) - other.mean(axis=0)) <= APART * error).all())


def _columns(kind, targets, classes):
    """Return numbers of each example whose mean tells what the targets are mostly."""
    if kind == "classes":
        return (targets[:, None] == classes).astype("float64")
    return targets if kind == "labels" else targets.mean(axis=1, keepdims=True)


def unseen(train, validation):
    """Return the share of validation examples whose class the training data hardly hold.

    Less than `RARE` times as often; where as often would be `SURE` examples or more that is no
    chance. Nothing where the targets are no classes.
    """
    is_one_of_some = train.kind == "classes" or validation.targets.shape[1:] == (1,)
    if train.kind == "numbers" or not is_one_of_some:
        return {}
    classes, counts = np.unique(validation.targets, return_counts=True)
    shares = counts / counts.sum()
    expected = shares * len(train.targets)
    found = np.array([np.count_nonzero(train.targets == one) for one in classes])
    is_unseen = (found < RARE * expected) & (expected >= SURE)
    return {"targets/unseen_share": float(shares[is_unseen].sum())}


def constant_errors(task):
    """Return the errors of the best constant answer: the commonest class, mean or median."""
    weights = np.ones(len(task.targets)) if task.weights is None else task.weights
    if task.kind == "classes":
        return task.errors(np.full(len(weights), np.bincount(task.targets, weights).argmax()))
    found = [task.errors(np.broadcast_to(c, task.targets.shape)) for c in task.centres(weights)]
    return min(found, key=lambda errors: np.average(errors, weights=weights))


def neighbour_answers(task, inputs, *, are_tokens=False):
    """Return what the nearest neighbours answer, each example left out of its own vote.

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
    # Squared distances, less what all of a row have in common.
    distances = np.einsum("ij,ij->i", features, features) - 2 * features @ features.T
    np.fill_diagonal(distances, np.inf)
    nearest = np.argpartition(distances, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    weights = np.ones(len(features)) if task.weights is None else task.weights
    votes, counts = task.targets[nearest], weights[nearest]
    if task.kind == "classes":
        given = np.zeros((len(votes), task.targets.max() + 1))
        np.add.at(given, (np.arange(len(votes))[:, None], votes), counts)
        return given.argmax(1)
    if task.kind == "numbers" and task.distance is not np.square:
        return np.median(votes, axis=1)
    return (votes * counts[..., None]).sum(1) / counts.sum(1, keepdims=True)


class Neighbours:
    """What the nearest neighbours answer, among all examples of the largest score so far.

    In a score of a part of them neighbours would be farther away, which says nothing of what could
    be known.

    Args:
        are_tokens: Whether the inputs are numbers of words, whose size means nothing.
    """

    def __init__(self, *, are_tokens=False):
        self._are_tokens = are_tokens
        self._answers = {}  # by the content of input and target
        self._voters = None  # task, inputs and contents of those who were asked last
        self._hopeless = None  # examples of a score that had no neighbours

    def errors(self, task, inputs):
        """Return their errors on the examples of a `Task`, None where there are none."""
        if self._hopeless == len(inputs) or not isinstance(inputs, np.ndarray):
            return None
        contents = list(map(_content, inputs, task.targets))
        is_known = all(one in self._answers for one in contents)
        if not is_known and not self._ask(*self._with_known(task, inputs, contents)):
            self._hopeless = len(inputs)
            return None
        return task.errors(np.array([self._answers[one] for one in contents]))

    def _with_known(self, task, inputs, contents):
        """Return these examples, and those who voted before where they were more."""
        if self._voters is None or len(contents) >= len(self._voters[2]):
            return task, inputs, contents
        known, known_inputs, known_contents = self._voters
        is_alike = known.kind == task.kind and known.targets.shape[1:] == task.targets.shape[1:]
        if not is_alike or known_inputs.shape[1:] != inputs.shape[1:]:  # sequences of other lengths
            return task, inputs, contents
        new = [place for place, one in enumerate(contents) if one not in self._answers]
        return (
            known.joined(task, new),
            np.concatenate([known_inputs, inputs[new]]),
            known_contents + [contents[place] for place in new],
        )

    def _ask(self, task, inputs, contents):
        """Let the examples answer each other; return whether they could."""
        answers = neighbour_answers(task, inputs, are_tokens=self._are_tokens)
        if answers is None:
            return False
        self._answers = dict(zip(contents, answers, strict=True))
        self._voters = task, inputs, contents
        return True


def _content(*parts):
    return tuple(np.ascontiguousarray(part).tobytes() for part in parts)


def compared(train, validation, neighbours):
    """Return how right the answers of a network are, beside what they might be.

    Validation data are left out where their task is of another kind: mixed training labels and
    plain ones of validation data cannot be compared.

    Args:
        train: The `Task` of training examples, None if it can't be told: then neither is another.
        validation: That of validation examples, or None.
        neighbours: Errors of the nearest neighbours on the training examples, or None.

    Returns:
        Numbers by quantity and target.
    """
    found = {}
    if train is not None:
        found["train"] = answers(train) | beside(train, neighbours)
        if validation is not None and validation.kind == train.kind:
            found["validation"] = answers(validation) | beside_constant(validation)
            found["validation"] |= unseen(train, validation)
    return {(name, target): value for target in found for name, value in found[target].items()}


def answers(task):
    """Return how right and how different the answers of the network are, by quantity."""
    mean, error = mean_and_error(task.errors(task.predictions))
    found = {"score/error": mean, "score/error_stderr": error}
    return found | {f"predictions/{name}": value for name, value in variety(task).items()}


def beside(task, neighbours):
    """Return what a network's errors are to be compared with, by quantity.

    Examples count here as they do in the loss: a network that was told to mind the rare class is
    not to be held against one that gives it up. Where they differ in that its own error, so
    counted, is told as well. Nothing is told where a few examples outweigh all others.

    Args:
        task: The `Task`.
        neighbours: Errors of the nearest neighbours on its examples, None where there are none.
    """
    weights, errors = task.weights, task.errors(task.predictions)
    found = {}
    if weights is not None:
        if weights.sum() ** 2 / np.square(weights).sum() < FEWEST_EFFECTIVE:
            return found
        mean, error = mean_and_error(errors, weights)
        found |= {"reference/network_error": mean, "reference/network_error_stderr": error}
    found |= beside_constant(task)
    if neighbours is not None:
        advantage, error = mean_and_error(errors - neighbours, weights)
        found["reference/neighbour_error"] = mean_and_error(neighbours, weights)[0]
        found["reference/neighbour_advantage"] = advantage
        found["reference/neighbour_advantage_stderr"] = error
    return found


def beside_constant(task):
    """Return the error of the best constant answer, and by how much it is above the network's."""
    constant = constant_errors(task)
    advantage, error = mean_and_error(constant - task.errors(task.predictions), task.weights)
    return {
        "reference/constant_error": mean_and_error(constant, task.weights)[0],
        "reference/constant_advantage": advantage,
        "reference/constant_advantage_stderr": error,
    }


def takes_tokens(model):
    """Return whether a model looks its inputs up, so that their size means nothing."""
    layers = model._flatten_layers(include_self=False)
    return any(isinstance(layer, keras.layers.Embedding) for layer in layers)


def mean_and_error(values, weights=None):
    """Return mean and standard error of independent values; the error is 0 for fewer than two.

    Args:
        values: The values.
        weights: What each of them counts, None for all alike.
    """
    values = np.asarray(values, "float64")
    weights = np.ones(len(values)) if weights is None else weights
    mean = np.average(values, weights=weights)
    if len(values) < 2:
        return float(mean), 0.0
    spread = np.square(weights * (values - mean)).sum() * len(values) / (len(values) - 1)
    return float(mean), float(math.sqrt(spread) / weights.sum())


def _features(inputs):
    if not isinstance(inputs, np.ndarray) or inputs.dtype.kind not in "fiub":
        return None
    features = inputs.reshape(len(inputs), -1)
    if features.shape[1] > MAX_FEATURES:
        return None
    # In float32 from here on, in half of the time; not before, for the centre may be far off.
    with np.errstate(all="ignore"):
        centred = (features - features.mean(axis=0, dtype="float64")).astype("float32")
    if not np.isfinite(centred).all():
        return None
    spread = centred.std(axis=0)
    return centred / np.where(spread > 0, spread, 1)


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
