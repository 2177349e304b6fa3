"""What a loss and an output are, read off their values: names play no part."""

import dataclasses

import numpy as np

from keras_babysit.checks.result import Unknown
from keras_babysit.facts import OutputFacts

CLOSE = 1e-3
"""Relative difference below which two losses count as the same."""


class View:
    """The loss as a function of the target and the prediction of one output, all else held.

    Args:
        case: The case.
        place: Which of the outputs.
    """

    def __init__(self, case, place):
        self._case = case
        self._place = place
        self.prediction = case.outputs[place]
        self.target = case.targets[place]

    def __call__(self, y, row):
        """Return the loss of targets `y` if every row of the prediction is `row`, None if it fails.

        Args:
            y: Targets, an array of any shape.
            row: The last axis of the prediction, or the whole of it.
        """
        predictions, targets = list(self._case.outputs), list(self._case.targets)
        shape = self.prediction.shape
        predictions[self._place] = np.broadcast_to(np.asarray(row, "float32"), shape).copy()
        targets[self._place] = y
        try:
            return self._case.loss(targets, predictions)
        except Unknown:
            raise
        except Exception:
            return None


@dataclasses.dataclass(frozen=True)
class LossKind:
    """What a loss expects of a prediction and a target.

    Args:
        form: `"categorical"`, `"binary"`, `"distance"` or `"other"`.
        from_logits: Whether the prediction is to be a logit; None where that makes no sense.
        is_sparse: Whether a categorical loss takes class numbers rather than one-hot rows.
        is_squared: Whether a distance grows as the square.
        normalizes: Whether a categorical loss divides shares by their sum, as Keras' do.
        unit: What one nat of a crossentropy, or a distance of one, adds to the whole loss: it
            holds the weight of this output, and what smoothing leaves of a nat.
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
    """Return what the loss of an output expects, by what it does to predictions made for this."""
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
    """Return a categorical loss, from logits or from probabilities; None if it is not categorical.

    A softmax forgets a constant that is added to the logits. From probabilities the loss is
    -log of what the true class gets: each halving adds the same amount.
    """
    z = np.linspace(2, -1, classes)
    rows = (z, z + 3, z[::-1], z[::-1] + 3)
    at, shifted, wrong, wrong_shifted = values = [view(y, row) for row in rows]
    if None in values:
        return None
    # On both sides: a logarithm of shares is cut off at 1, and does not move there either.
    forgets = _same(at, shifted, wrong - at) and _same(wrong, wrong_shifted, wrong - at)
    if forgets and wrong > at + CLOSE:
        return LossKind("categorical", True, unit=(wrong - at) / 3)
    half, quarter, eighth = (view(y, _gives(p, classes)) for p in (0.5, 0.25, 0.125))
    rise, further = quarter - half, eighth - quarter
    is_logarithm = rise > CLOSE and abs(further - rise) < 0.3 * rise
    if not is_logarithm:
        return None
    if not _ignores_others(view, y, classes, rise):
        return None
    all_ones, even = view(y, np.ones(classes)), view(y, np.full(classes, 1 / classes))
    normalizes = _same(all_ones, even, rise)
    return LossKind("categorical", False, normalizes=normalizes, unit=rise / np.log(2))


def _ignores_others(view, y, classes, rise):
    """Return whether it makes next to no difference how the rest is spread over the others.

    It does to a binary crossentropy of each column, and a little to one with label smoothing.
    """
    if classes == 2:
        # Of two columns the second is all that is left: a categorical loss normalises the row.
        low, high = view(y, [0.4, 0.4]), view(y, [0.2, 0.2])
        return _same(low, high, rise) or _same(view(y, [0.4, 0.1]), view(y, [0.4, 0.6]), rise)
    even = _gives(0.1, classes)
    uneven = even.copy()
    uneven[1], uneven[2:] = 0.8, 0.1 / (classes - 2)
    return abs(view(y, even) - view(y, uneven)) < 0.3 * rise


def _gives(share, classes):
    """Return a row that gives `share` to class 0 and the rest to the others alike."""
    return np.array([share, *[(1 - share) / (classes - 1)] * (classes - 1)])


def _binary(view, shape):
    """Return a binary crossentropy, from logits or from probabilities; None if it is none.

    From a logit, -log sigmoid(z) goes on falling beyond 1 and rises by about one per unit below
    0. From a probability it is flat outside of [0, 1], where the logarithm is cut off.
    """
    y = np.ones(shape, "float32")
    values = [view(y, z) for z in (-8, -5, -2, 0.3, 0.6, 2, 5)]
    if None in values:
        return None
    far, low, near, third, two_thirds, high, top = values
    slope = low - near
    if slope > CLOSE and top < high < two_thirds < third < near:
        is_logit = _same(far - low, slope, slope, within=0.05)
        return LossKind("binary", True, unit=slope / 3) if is_logit else None
    is_flat = _same(far, near, far - third) and _same(high, top, far - third)
    if is_flat and third > two_thirds + CLOSE * abs(third):
        return LossKind("binary", False, unit=(third - two_thirds) / np.log(2))
    return None


def _distance(view, shape):
    """Return a loss that grows with the distance from the target alike on both sides, or None."""
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


def _same(one, other, scale, *, within=CLOSE):
    if one is None or other is None:
        return False
    return abs(one - other) <= within * max(abs(scale), 1e-6) + 1e-6 * max(abs(one), abs(other))


DRAWS = 12
"""Random weights under which an output's range is read. A linear unit that is called one-sided
would have had the same sign under all of them, which for one unit has probability 2^-11."""

FEWEST_DRAWS = 2

STRESS_EXAMPLES = 32

SURE_ROWS = 8


@dataclasses.dataclass(frozen=True)
class Range:
    """What values an output takes under any weights.

    Args:
        low: Lower bound, -inf if there is none.
        high: Upper bound, inf if there is none.
        is_distribution: Whether rows are shares that sum to 1; of one column, if it is always 1.
        is_constant: Whether every value is the same, whatever the weights and inputs.
    """

    low: float
    high: float
    is_distribution: bool
    is_constant: bool

    @property
    def is_known(self):
        """Whether it tells anything: a constant other than the 1 of a softmax hides the range."""
        return self.is_distribution or not self.is_constant


def read_ranges(case):
    """Return the `Range` of each output, read under random weights larger than usual.

    Raises:
        Unknown: If the outputs are not finite there.
    """
    x = case.few(STRESS_EXAMPLES)
    for training in (False, True):  # a batch norm keeps a deep network finite in training mode
        draws = []
        for seed in range(DRAWS):
            case.need_time(passes=1, examples=STRESS_EXAMPLES)
            values = case.perturbed(3.0, seed)
            draws.append(case.forward(x, trainable=values, training=training)[0])
            if not all(np.isfinite(leaf).all() for leaf in draws[-1]):
                break
            by_output = list(zip(*draws, strict=True))
            ranges = [_range(values) for values in by_output]
            if len(draws) >= FEWEST_DRAWS and all(map(_is_settled, ranges, by_output)):
                return ranges
        else:
            return ranges
    raise Unknown("the output is not finite under random weights")


def _is_settled(bounds, values):
    """Return whether more draws cannot change a range: its bounds are left, or its rows sum to 1.

    Rows of 0 and 1 may sum to 1 by chance, all of them alike where units are saturated; of those in
    between each would have to do so by itself.
    """
    between = sum(int(np.sum((v.max(axis=-1) < 0.99) & (v.max(axis=-1) > 0.01))) for v in values)
    leaves_all = min(v.min() for v in values) < -1.01 and max(v.max() for v in values) > 1.01
    is_share = bounds.is_distribution and between >= SURE_ROWS
    return not bounds.is_constant and (is_share or leaves_all)


def _range(values):
    y = np.stack([np.asarray(value, "float64") for value in values])
    is_constant = bool(np.ptp(y) < 1e-6)
    columns = y.shape[-1] if y.ndim > 2 else 1
    sums = y.sum(axis=-1) if columns > 1 else y
    sums_to_one = (columns > 1 or is_constant) and np.abs(sums - 1).max() < 0.01
    low, high = float(y.min()), float(y.max())
    if sums_to_one and low >= 0:
        return Range(0.0, 1.0, is_distribution=True, is_constant=is_constant)
    return Range(
        low=next((bound for bound in (0.0, -1.0) if _is_bound(y, bound, low)), -np.inf),
        high=1.0 if high <= 1 + 1e-6 and high > 0.9 else np.inf,
        is_distribution=False,
        is_constant=is_constant,
    )


def _is_bound(y, bound, low):
    """Return whether an output reaches down to a bound, and in no draw below it."""
    if bound == 0.0:
        return low >= 0
    return low >= bound - 1e-6 and low < 0.9 * bound and y.max() <= 1 + 1e-6
