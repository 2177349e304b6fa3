"""What a loss expects of an output, read off its values on chosen predictions, not off its name."""

import dataclasses
import itertools

import numpy as np

from keras_babysit.facts import OutputFacts

SAME_LOSS = 1e-3
"""Relative difference below which two losses count as equal."""


class View:
    """The loss as a function of target and prediction of one output, with the others fixed.

    Args:
        case: Model and data.
        index: Index of the output.
    """

    def __init__(self, case, index):
        self._case = case
        self._index = index
        self.prediction = case.outputs[index]
        self.target = case.targets[index]

    def __call__(self, y, row):
        """Return the loss of targets `y` when every predicted row is `row`; None if it raises.

        Args:
            y: Targets, an array of any shape.
            row: Values of the last axis of the prediction, or a whole prediction.
        """
        predictions, targets = list(self._case.outputs), list(self._case.targets)
        shape = self.prediction.shape
        predictions[self._index] = np.broadcast_to(np.asarray(row, "float32"), shape).copy()
        targets[self._index] = y
        try:
            return self._case.loss(targets, predictions)
        except Exception:
            return None


@dataclasses.dataclass(frozen=True)
class LossKind:
    """What a loss expects as prediction and as target.

    Args:
        form: `"categorical"`, `"binary"`, `"distance"` or `"other"`.
        from_logits: Whether the loss expects logits; None if the question does not apply.
        is_sparse: Whether a categorical loss takes class indices rather than one-hot rows.
        is_squared: Whether a distance is squared.
        normalizes: Whether a categorical loss divides the predictions by their sum, as Keras does.
        unit: Increase of the total loss per nat of crossentropy, or per distance of 1. It includes
            the loss weight of this output and the effect of label smoothing.
    """

    form: str
    from_logits: bool | None = None
    is_sparse: bool = False
    is_squared: bool = False
    normalizes: bool = False
    unit: float = 1.0

    def output_facts(self, **known):
        """Return the `OutputFacts` of an output with this loss.

        Args:
            **known: Further fields of `OutputFacts`.
        """
        return OutputFacts(
            form=self.form,
            from_logits=self.from_logits,
            is_sparse=self.is_sparse,
            normalizes=self.normalizes,
            **known,
        )


def read_loss(view):
    """Return the `LossKind` of an output, found by evaluating its loss on chosen predictions."""
    shape = view.prediction.shape
    if len(shape) < 2:
        return LossKind("other")
    if shape[-1] > 1:
        first = np.zeros(shape, "float32")
        first[..., 0] = 1
        numbers = np.zeros(shape[:-1], "int32")
        for y, is_sparse in ((first, False), (numbers, True), (numbers[..., None], True)):
            found = _categorical(view, y, shape[-1])
            if found is not None:
                return dataclasses.replace(found, is_sparse=is_sparse)
    return _binary(view, shape) or _distance(view, shape) or LossKind("other")


def _categorical(view, y, classes):
    """Return the kind of a categorical crossentropy; None if the loss is another one.

    From logits, the loss does not change when a constant is added to all logits. From
    probabilities, it is -log of the probability of the true class: each halving adds the same
    amount.
    """
    z = np.linspace(2, -1, classes)
    rows = (z, z + 3, z[::-1], z[::-1] + 3)
    at, shifted, wrong, wrong_shifted = values = [view(y, row) for row in rows]
    if None in values:
        return None
    # For right and wrong predictions: from probabilities, the loss is clipped and constant above 1.
    is_invariant = _same(at, shifted, wrong - at) and _same(wrong, wrong_shifted, wrong - at)
    if is_invariant and wrong > at + SAME_LOSS:
        return LossKind("categorical", True, unit=(wrong - at) / 3)
    halved = [view(y, _row(p, classes)) for p in (0.5, 0.25, 0.125, 0.0625)]
    half, quarter, *_ = halved
    rise = quarter - half
    rises = [more - less for less, more in itertools.pairwise(halved)]
    is_logarithm = rise > SAME_LOSS and all(abs(one - rise) < 0.3 * rise for one in rises)
    if not is_logarithm:
        return None
    if not _ignores_others(view, y, classes, rise):
        return None
    all_ones, even = view(y, np.ones(classes)), view(y, np.full(classes, 1 / classes))
    normalizes = _same(all_ones, even, rise)
    return LossKind("categorical", False, normalizes=normalizes, unit=rise / np.log(2))


def _ignores_others(view, y, classes, rise):
    """Return whether the loss hardly depends on how the other classes split the remainder.

    A binary crossentropy per column depends on it; a categorical one with label smoothing
    depends on it slightly.
    """
    if classes == 2:
        # With two columns the second one is the remainder; a categorical loss normalizes the row.
        low, high = view(y, [0.4, 0.4]), view(y, [0.2, 0.2])
        return _same(low, high, rise) or _same(view(y, [0.4, 0.1]), view(y, [0.4, 0.6]), rise)
    even = _row(0.1, classes)
    uneven = even.copy()
    uneven[1], uneven[2:] = 0.8, 0.1 / (classes - 2)
    return abs(view(y, even) - view(y, uneven)) < 0.3 * rise


def _row(probability, classes):
    """Return a row with `probability` for class 0 and equal probabilities for the others."""
    return np.array([probability, *[(1 - probability) / (classes - 1)] * (classes - 1)])


def _binary(view, shape):
    """Return the kind of a binary crossentropy; None if the loss is another one.

    From logits, -log sigmoid(z) keeps falling above 1 and rises by about 1 per unit below 0. From
    probabilities, the loss is clipped and constant outside of [0, 1].
    """
    y = np.ones(shape, "float32")
    values = [view(y, z) for z in (-8, -5, -2, 0.3, 0.6, 2, 5)]
    if None in values:
        return None
    far, low, near, third, two_thirds, high, top = values
    slope = low - near
    if slope > SAME_LOSS and top < high < two_thirds < third < near:
        # It levels off where it is right; one without a lower bound goes on as steeply.
        is_logit = _same(far - low, slope, slope, within=0.05) and high - top < slope / 2
        return LossKind("binary", True, unit=slope / 3) if is_logit else None
    if shape[-1] > 1 and not _punishes(view, shape):
        return None
    is_flat = _same(far, near, far - third) and _same(high, top, far - third)
    if is_flat and third > two_thirds + SAME_LOSS * abs(third):
        return LossKind("binary", False, unit=(third - two_thirds) / np.log(2))
    return None


def _punishes(view, shape):
    """Return whether a high probability where the target is 0 costs anything.

    In a loss of one of several classes only the probability of the true class counts.
    """
    y = np.zeros(shape, "float32")
    low, high = view(y, 0.3), view(y, 0.6)
    return None not in (low, high) and high > low + SAME_LOSS * abs(low)


def _distance(view, shape):
    """Return the kind of a loss that grows symmetrically with the distance; None if it does not."""
    zeros, ones = np.zeros(shape, "float32"), np.ones(shape, "float32")
    at, up, down, far = (view(zeros, z) for z in (0, 1, -1, 3))
    other, other_up = (view(ones, z) for z in (1, 2))
    if None in (at, up, down, far, other, other_up) or not up > at:
        return None
    is_symmetric = _same(up, down, up - at) and _same(other_up - other, up - at, up - at)
    ratio = (far - at) / (up - at)
    if not is_symmetric or ratio < 1.5:
        return None
    return LossKind("distance", is_squared=ratio > 8, unit=up - at)


def _same(one, other, scale, *, within=SAME_LOSS):
    if one is None or other is None:
        return False
    return abs(one - other) <= within * max(abs(scale), 1e-6) + 1e-6 * max(abs(one), abs(other))
