"""How a loss behaves as a function of targets and predictions, evaluated on a few examples.

A loss of one's own is a black box. What it does shows in its values: whether it is a mean or a sum
over the examples, whether it matters which prediction belongs to which target, whether it is less
where the predictions are right, and whether it is finite where the predictions are at their limits.
"""

import dataclasses
import itertools
import warnings

import keras
import numpy as np
from keras import ops

from keras_babysit.backends import backend
from keras_babysit.probes.loss_reading import View, read_loss
from keras_babysit.probes.probe import MAX_ROWS, compute_loss, stateless
from keras_babysit.probes.readings import Pass
from keras_babysit.samples.batches import size, take, to_host

MIN_ROWS = 4

SAME = 1e-3
"""Relative difference below which two losses count as equal, a thousand times float32 rounding and
more."""

AS_COMPUTED = 0.02
"""Relative difference of two losses that are the same function: the backends round the logarithm
of what is next to 0 or 1 by up to a hundredth."""

ORDERS = 4
"""Random orders of the predictions, beside moving them by one, that must all give the same loss."""

MAX_AXES = 5
"""Axes of the predictions of volumes, the most of which sums are looked at."""

MAX_COLUMNS = 4
"""Columns of the predictions that are moved to where the targets are."""

FAR = (10.0, 100.0, 1000.0)
"""Standard deviations of the targets by which predictions are moved away from them."""

GROWS = 5.0
"""Factor by which a loss without a lower bound falls from one of `FAR` to the next, at least: half
of what a loss that is linear in the distance does."""

INSIDE = 0.01
"""How far inside of [0, 1] a right answer lies, so that a logarithm is finite."""

NEGATIVE = -1.0
"""What an output without a lower limit may return."""

LOGIT = 4.0
"""Size of a right answer as a logit: a probability of 0.98."""

SURER = 100.0
"""Factor by which a network may be surer of what is not there than of what is."""


class Rows:
    """Targets and predictions of a few examples, and the loss as a function of them.

    Args:
        model: A compiled and built `keras.Model` with a plain loss.
        state: Values of the variables as `backend.state` returns them.
        x: Inputs of the examples, arrays; None if the loss does not depend on them.
        targets: The targets of each output, a flat list of arrays.
        outputs: The predictions of each output, a flat list of arrays.
        structure: Nested structure of the outputs, with None for each.
        is_compiled: Whether to compile the loss.
    """

    def __init__(self, model, state, x, targets, outputs, structure, *, is_compiled=False):
        self.targets = list(targets)
        self.outputs = list(outputs)
        self._model = model
        self._state = state
        self._x = x
        self._structure = structure
        self._value = Pass(model, self._read_value, is_compiled=is_compiled)
        self._slope = Pass(model, self._read_slope, is_compiled=is_compiled)

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.outputs[0])

    def loss(self, targets, outputs, rows=slice(None)):
        """Return the loss of these targets and predictions, a float without the weight penalty."""
        return float(self._run(self._value, targets, outputs, rows)["loss", ""])

    def is_finite(self, index, predictions):
        """Return whether loss and gradient are finite if one output has these predictions."""
        outputs = _with(self.outputs, index, predictions)
        found = self._run(self._slope, self.targets, outputs, slice(None))
        return all(np.isfinite(value).all() for value in found.values())

    def _run(self, pass_, targets, outputs, rows):
        outputs = [np.asarray(one, "float32") for one in outputs]
        parts = take((self._x, list(targets), outputs), rows)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of chosen predictions, not of those of the run
            return pass_(self._state, parts)

    def _read_value(self, readings, trainable, other, scale, batch):
        del scale
        x, targets, outputs = batch
        with stateless(self._model, trainable, other):
            readings.add("loss", "", self._loss(x, targets, outputs))

    def _read_slope(self, readings, trainable, other, scale, batch):
        del scale
        x, targets, outputs = batch

        def loss_of(values):
            with stateless(self._model, trainable, other):
                return self._loss(x, targets, values), ()

        outputs = [ops.convert_to_tensor(one) for one in outputs]
        (loss, _), gradients = backend.value_and_grad(loss_of, outputs)
        readings.add("loss", "", loss)
        for index, gradient in enumerate(gradients):
            is_bad = ops.logical_not(ops.isfinite(gradient))
            bad = ops.where(ops.any(is_bad), float("nan"), 0.0)
            readings.add("slope", str(index), ops.cast(bad, "float32"))

    def _loss(self, x, targets, outputs):
        model = self._model
        x, targets, outputs = (
            keras.tree.map_structure(_to_tensor, part) for part in (x, targets, outputs)
        )
        y, y_pred = (self._packed(leaves) for leaves in (targets, outputs))
        loss = compute_loss(model, x, y, y_pred, None, training=True)
        for penalty in model.losses:  # none depends on the predictions
            loss = loss - ops.cast(ops.sum(penalty), loss.dtype)
        return ops.cast(loss, "float32")

    def _packed(self, leaves):
        if len(leaves) == 1 and self._structure is None:
            return leaves[0]
        return keras.tree.pack_sequence_as(self._structure, list(leaves))


def _to_tensor(leaf):
    return None if leaf is None else ops.convert_to_tensor(leaf)


def rows_of(probe, state, batch, *, is_compiled=False):
    """Return the `Rows` of a batch that a `Probe` just measured, None where that is not possible.

    Args:
        probe: The `Probe`.
        state: Values of the variables as `backend.state` returns them.
        batch: The batch `(x, y, sample_weight)`.
        is_compiled: Whether to compile the loss.
    """
    batch = to_host(take(batch, slice(MAX_ROWS)))
    count = min(MAX_ROWS, size(batch))
    targets = match_targets(probe.model, batch[1], probe.structure, len(probe.outputs))
    if not probe.has_loss or targets is None or len(probe.rows) != len(probe.outputs):
        return None
    outputs = [probe.rows[index][:count] for index in range(len(probe.outputs))]
    # Keras' own does not look at the inputs, which may be large.
    needs_inputs = type(probe.model).compute_loss is not keras.Model.compute_loss
    x = batch[0] if needs_inputs else None
    return Rows(probe.model, state, x, targets, outputs, probe.structure, is_compiled=is_compiled)


def match_targets(model, y, structure, count):
    """Return the targets as a flat list in the order of the outputs, None if they do not match.

    Args:
        model: The model.
        y: Its targets, nested arrays.
        structure: Nested structure of the outputs.
        count: Number of outputs.
    """
    if isinstance(y, dict) and not isinstance(structure, dict):
        names = getattr(model, "output_names", None) or []
        y = [y[name] for name in names] if set(names) == set(y) else None
    flat = [leaf for leaf in keras.tree.flatten(y) if leaf is not None]
    return flat if len(flat) == count else None


def describe_behaviour(rows, outputs):
    """Return how the loss behaves: what it makes of a batch, and of each output.

    Args:
        rows: Targets, predictions and loss, with `targets`, `outputs`, `loss` and `is_finite` as
            `Rows` has them.
        outputs: The `OutputFacts` of each output, as far as they are known.

    Returns:
        `"mean"` or `"sum"`, None where it is neither; and the `OutputFacts`, completed. What a loss
        that raises on chosen predictions does is not known.
    """
    return _reduction(rows), tuple(
        _completed(rows, index, facts) for index, facts in enumerate(outputs)
    )


def _completed(rows, index, facts):
    found = {"mixes_examples": _known(_mixes_examples, rows, index)}
    if facts.form == "categorical" and facts.from_logits is False:
        axes = normalized_axes(rows.outputs[index])
        found |= {"normalized_axes": axes, "is_distribution": False} if axes else {}
    if facts.form == "other" and found["mixes_examples"] is False:
        facts = _read_kind(rows, index, facts)
    if facts.form == "other" or facts.is_own:
        found["prefers_errors"] = _known(_prefers_errors, rows, index, facts)
        found["falls_without_bound"] = _known(_falls_without_bound, rows, index, facts)
        found["not_finite_at"] = _known(_not_finite_at, rows, index, facts)
        found["is_swapped"] = _known(_is_swapped, rows, index)
    return dataclasses.replace(facts, **found)


def normalized_axes(predictions):
    """Return the axes over which predictions sum to 1 if that is not the last axis alone.

    A softmax over another axis, or over all values that are reshaped afterwards, shows in these
    sums. That of the examples is not among the axes, because the predictions are those of a part of
    a batch.

    Args:
        predictions: Predictions of several examples, of shape `(examples, ..., classes)`.

    Returns:
        A tuple of axes; empty if the predictions sum to 1 over the last axis, or over none.

    Example:
        >>> rows = np.full((4, 2, 5), 0.5)
        >>> normalized_axes(rows)
        (1,)
    """
    p = np.asarray(predictions, "float64")
    if p.ndim < 3 or p.ndim > MAX_AXES or p.min() < 0 or _sums_to_one(p, (p.ndim - 1,)):
        return ()
    axes = range(1, p.ndim)
    some = (one for count in axes for one in itertools.combinations(axes, count))
    return next((one for one in some if _sums_to_one(p, one)), ())


def _sums_to_one(p, axes):
    is_single = all(p.shape[axis] == 1 for axis in axes)
    return not is_single and bool(np.abs(p.sum(axis=axes) - 1).max() < SAME)


def _known(function, *arguments):
    """Return what a function finds, None if the loss raises on what it is asked."""
    try:
        return function(*arguments)
    except Exception:
        return None


def _read_kind(rows, index, facts):
    """Return the facts of an output with what its own loss computes, as far as it is a known one.

    Only where it matters which prediction belongs to which target: the squared difference of two
    means is no distance of examples. That the loss expects probabilities is recorded only for an
    output that does not stay in [0, 1]: all others fit.
    """
    kind = _known(lambda: read_loss(View(rows, index)))
    if kind is None or facts.distance is not None:
        return facts
    if kind.form == "other":
        has_negative = facts.low is not None and facts.low < 0
        if has_negative and _known(_rewards_excess, rows, index):
            return dataclasses.replace(facts, form="binary", from_logits=False, is_own=True)
        return facts
    if kind.form == "distance":
        distance = _known(_distance, rows, index, kind.unit)
        known = {"form": "distance", "distance": distance, "is_own": True}
        return dataclasses.replace(facts, **known) if distance else facts
    if kind.from_logits or (
        kind.from_logits is False and _leaves_unit_interval(rows, index, facts)
    ):
        known = {"form": kind.form, "from_logits": kind.from_logits, "is_sparse": kind.is_sparse}
        return dataclasses.replace(facts, is_own=True, **known)
    return facts


def _leaves_unit_interval(rows, index, facts):
    """Return whether an output may leave [0, 1] although its targets are labels."""
    y = rows.targets[index]
    if facts.low is None or facts.high is None or y.dtype.kind not in "fiub":
        return False
    are_labels = y.size > 0 and bool(np.all((y >= 0) & (y == np.round(y))))
    return are_labels and (facts.low < 0 or facts.high > 1)


def _rewards_excess(rows, index):
    """Return whether labels above 1 count as better than right ones, and logits as they do not.

    So it is of a Dice, Jaccard or Tversky loss, which divides the sum of what prediction and target
    share by the sum of both: it is a score of probabilities. Above 1 it exceeds the best score, and
    logits below 0 turn the sign of the divisor, so that right logits count as wrong ones or wrong
    ones as better than right. A margin, a crossentropy of logits or the loss of a critic also fall
    beyond 1, but they are lower for right logits and higher for wrong ones.
    """
    y, p = rows.targets[index].astype("float64"), rows.outputs[index]
    if y.shape == p.shape[:-1] and p.shape[-1] == 1:
        y = y[..., None]
    if y.shape != p.shape or not np.isin(y, (0, 1)).all() or y.min() == y.max():
        return None

    def loss(predictions):
        return rows.loss(rows.targets, _with(rows.outputs, index, predictions))

    right, unsure, wrong = loss(y), loss(np.full_like(y, 0.5)), loss(1 - y)
    exceeding = [loss(size * y) for size in (2.0, LOGIT)]
    logits = max(loss(LOGIT * (y - factor * (1 - y))) for factor in (1, SURER))
    reversed_logits = loss(LOGIT * (1 - 2 * y))
    if not np.isfinite([right, unsure, wrong, *exceeding]).all():
        return None
    least = SAME * (unsure - right)
    return bool(
        right < unsure < wrong
        and all(one < right - least for one in exceeding)
        and not (logits < right and reversed_logits > right)
    )


def _distance(rows, index, unit):
    """Return the distance that an own loss is, as `OutputFacts` name it; None if it is another one.

    It must be that distance on the targets of the run as well: it may leave out some of them, such
    as -1 for a missing value.
    """
    y, p = rows.targets[index].astype("float64"), rows.outputs[index].astype("float64")
    if y.shape == p.shape[:-1] and p.shape[-1] == 1:
        y = y[..., None]
    if y.shape != p.shape:
        return None

    def loss(predictions):
        return rows.loss(rows.targets, _with(rows.outputs, index, predictions))

    rise = loss(p) - loss(y)
    square = np.square(y - p).mean()
    sizes = (("squared", square), ("absolute", np.abs(y - p).mean()), ("squared", square**0.5))
    limit = SAME * abs(rise)
    return next((name for name, size in sizes if abs(rise - unit * size) <= limit), None)


def _reduction(rows):
    """Return whether two halves of a batch count as their mean or as their sum."""
    half = len(rows) // 2
    if 2 * half < MIN_ROWS:
        return None
    parts = slice(0, half), slice(half, 2 * half), slice(0, 2 * half)
    values = _known(lambda: [rows.loss(rows.targets, rows.outputs, part) for part in parts])
    if values is None or not np.isfinite(values).all():
        return None
    first, second, both = values
    size = SAME * max(abs(first), abs(second))
    is_mean = abs(both - (first + second) / 2) <= size
    is_sum = abs(both - (first + second)) <= size
    return None if is_mean == is_sum else "mean" if is_mean else "sum"


def _mixes_examples(rows, index):
    """Return whether each prediction meets the target of every example; None if it is not known.

    So it is where targets `(n,)` and predictions `(n, 1)` are broadcast to `(n, n)`. Then it does
    not matter which prediction belongs to which target, although both matter, and the loss of a
    batch of predictions is the mean of that of its halves. A loss that compares two distributions
    fulfils the first, but not the second.
    """
    y, p = rows.targets[index], rows.outputs[index]
    half = len(rows) // 2
    if 2 * half < MIN_ROWS or p.ndim < 2 or not (_varies(y) and _varies(p)):
        return None
    y, p = y[: 2 * half], p[: 2 * half]

    def loss(targets, predictions):
        return rows.loss(
            _with(rows.targets, index, targets),
            _with(rows.outputs, index, predictions),
            slice(0, 2 * half),
        )

    # A distance of predictions that are all far below the targets is linear: nothing to pair there.
    found = []
    for predictions in (p, *_among(y, p)):
        found.append(_is_indifferent(loss, y, predictions))
        if found[-1] is False:  # of most losses at once: the others are not evaluated
            return False
    if found[0] is None:
        return None
    halves = p[:half], p[half:]
    twice = sum(loss(y, np.concatenate([part, part])) for part in halves)
    at = loss(y, p)
    return True if abs(twice - 2 * at) <= 2 * SAME * abs(at) else None


def _is_indifferent(loss, y, p):
    """Return whether the loss stays the same if the predictions change places.

    None if it is not finite, or if targets or predictions hardly matter at all.
    """
    at = loss(y, p)
    # A correlation of equal ones is not finite.
    by_p = _largest(loss(y, np.repeat(p[row : row + 1], len(p), axis=0)) - at for row in (0, -2))
    by_y = _largest(loss(np.repeat(y[row : row + 1], len(y), axis=0), p) - at for row in _ends(y))
    least = 1e-4 * abs(at)
    if not (np.isfinite(at) and by_p > least and by_y > least):
        return None
    limit = SAME * min(by_p, by_y) + 1e-6 * abs(at)
    limit = limit if np.isfinite(limit) else SAME * abs(at)
    rng = np.random.default_rng(0)
    orders = np.roll(p, 1, axis=0), *(rng.permutation(p) for _ in range(ORDERS))
    return all(abs(loss(y, order) - at) <= limit for order in orders)


def _among(y, p):
    """Yield predictions of which one column after the other lies among the targets."""
    if y.dtype.kind not in "fiub":
        return
    middle, spread = float(np.mean(y)), float(np.std(y))
    for column in range(min(p.shape[-1], MAX_COLUMNS)):
        moved = p.astype("float64")
        values = moved[..., column]
        scale = values.std() or 1.0
        moved[..., column] = middle + spread * (values - values.mean()) / scale
        yield moved


def _largest(changes):
    """Return the largest size of some changes, infinity if none is finite."""
    sizes = [abs(change) for change in changes if np.isfinite(change)]
    return max(sizes, default=np.inf)


def _ends(y):
    """Return two rows of targets that differ."""
    other = next(row for row in range(len(y)) if not np.array_equal(y[row], y[0]))
    return 0, other


def _varies(rows):
    return any(not np.array_equal(row, rows[0]) for row in rows[1:])


def _right_answers(rows, index, facts):
    """Return the predictions that agree with the targets, None where that is not known."""
    y, p = rows.targets[index], rows.outputs[index]
    if y.dtype.kind not in "fiub" or not np.isfinite(y).all():
        return None
    y = y.astype("float64")
    classes, is_one_hot = p.shape[-1], False
    if y.shape != p.shape and p.ndim > 1:
        is_column = y.shape in (p.shape[:-1], (*p.shape[:-1], 1))
        if classes == 1 and y.shape == p.shape[:-1]:
            y = y[..., None]
        elif classes > 1 and is_column and (y == np.round(y)).all() and _within(y, 0, classes - 1):
            y, is_one_hot = np.eye(classes)[y.astype(int).reshape(p.shape[:-1])], True
    if y.shape != p.shape or facts.low is None or facts.high is None:
        return None
    if facts.is_distribution:
        is_row = _within(y, 0, 1) and np.allclose(y.sum(axis=-1), 1, atol=1e-3)
        return (1 - INSIDE) * y + INSIDE / classes if is_row and classes > 1 else None
    if (facts.low, facts.high) == (0, 1):
        return y.clip(INSIDE, 1 - INSIDE) if _within(y, 0, 1) else None
    if is_one_hot:
        return LOGIT * (2 * y - 1)
    return y if _within(y, facts.low, facts.high) else None


def _within(values, low, high):
    return bool(values.min() >= low and values.max() <= high)


def _prefers_errors(rows, index, facts):
    """Return whether wrong answers have a lower loss than right ones; None if it is not known.

    The wrong answers are the right ones of other examples. A loss that is linear in the
    predictions, such as that of a Wasserstein critic, has no right answers.
    """
    right = _right_answers(rows, index, facts)
    if right is None or not _varies(right):
        return None

    def loss(predictions):
        return rows.loss(rows.targets, _with(rows.outputs, index, predictions))

    at = loss(right)
    wrong = [np.roll(right, shift, axis=0) for shift in range(1, len(right))]
    wrong = [loss(one) for one in wrong if not np.array_equal(one, right)]
    if not np.isfinite([at, *wrong]).all():
        return None
    size = SAME * max(abs(at), *(abs(one) for one in wrong))
    if not all(abs(one - at) > size for one in wrong):
        return None
    is_less = [one < at for one in wrong]
    if not all(is_less):
        return False
    ends = loss(np.zeros_like(right)), loss(2 * right)
    is_linear = abs(ends[0] + ends[1] - 2 * at) <= size
    return None if is_linear else True


def _falls_without_bound(rows, index, facts):
    """Return whether the loss falls ever further as the predictions leave the targets."""
    right = _right_answers(rows, index, facts)
    if right is None or not (np.isinf(facts.low) and np.isinf(facts.high)):
        return None if right is None else False
    step = float(right.std()) or 1.0
    for sign in (1, -1):
        falls = [
            rows.loss(rows.targets, _with(rows.outputs, index, right + sign * far * step))
            for far in FAR
        ]
        grows = all(
            now < 0 and now < GROWS * min(before, 0.0) for before, now in itertools.pairwise(falls)
        )
        if np.isfinite(falls).all() and falls[0] < 0 and grows:
            return True
    return False


def _is_swapped(rows, index):
    """Return whether the loss is Keras' crossentropy with truth and prediction exchanged.

    Its values must be those, also with a sum over the columns in place of the mean: of a
    crossentropy with labels 0 and 1 the exchanged one is a multiple of the absolute difference.
    """
    y, p = rows.targets[index].astype("float32"), rows.outputs[index]
    if p.ndim > 1 and y.shape == p.shape[:-1] and p.shape[-1] == 1:
        y = y[..., None]
    if y.shape != p.shape or not (_within(y, 0, 1) and _within(p, 0, 1)) or not _varies(p):
        return None
    tried = [p, np.roll(p, 1, axis=0), np.full_like(p, 0.3), (0.2 + 0.6 * p).astype(p.dtype)]
    values = [rows.loss(rows.targets, _with(rows.outputs, index, one)) for one in tried]
    if not np.isfinite(values).all():
        return None
    for crossentropy in (_binary, _categorical):
        expected = np.array([crossentropy(one, y) for one in tried])
        for unit in {1, p.shape[-1]}:
            if np.allclose(values, unit * expected, rtol=AS_COMPUTED, atol=0):
                return True
    return False


def _binary(truth, prediction):
    """Return the binary crossentropy in float32, as Keras computes it."""
    prediction = _inside(prediction)
    each = truth * np.log(prediction) + (1 - truth) * np.log(1 - prediction)
    return -float(each.mean())


def _categorical(truth, prediction):
    """Return the crossentropy of several classes in float32, as Keras computes it."""
    total = prediction.sum(axis=-1, keepdims=True)
    prediction = _inside(prediction / np.where(total > 0, total, 1))
    return -float((truth * np.log(prediction)).sum(axis=-1).mean())


def _inside(prediction):
    least = np.float32(keras.config.epsilon())
    return np.clip(prediction.astype("float32"), least, 1 - least)


def _not_finite_at(rows, index, facts):
    """Return the output value at which the loss or its gradient is not finite, None if none is.

    What is tried: the limits of the output; of one without a lower limit a negative value, of
    which there is neither logarithm nor square root.
    """
    shape = rows.outputs[index].shape
    if facts.low is None or facts.high is None or not rows.is_finite(index, np.full(shape, 0.5)):
        return None
    limits = [bound for bound in (facts.low, facts.high) if np.isfinite(bound)]
    values = limits if np.isfinite(facts.low) else [*limits, NEGATIVE]
    return next((v for v in values if not rows.is_finite(index, np.full(shape, v))), None)


def _with(leaves, index, leaf):
    """Return a list with one entry replaced."""
    return [leaf if at == index else one for at, one in enumerate(leaves)]
