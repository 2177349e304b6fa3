"""The headroom of the learning rate: how much longer the next update could be.

The update is that of the real step: the weights are copied before it, and read after it. So nothing
has to be undone. What follows are forward passes at the weights before the step plus multiples of
the update, on the batch of the step.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from keras_babysit.backends import backend
from keras_babysit.history import Measurement
from keras_babysit.probes.masks import take_masked
from keras_babysit.probes.probe import compute_loss, stateless
from keras_babysit.probes.readings import Pass
from keras_babysit.samples import batches
from keras_babysit.schedule.plan import MAX_PROBE_EXAMPLES

MULTIPLES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Multiples of the update at which the loss is read, as far as it has not risen for certain."""

SMALLER = (2.0**-4, 2.0**-6, 2.0**-8, 2.0**-10)
"""Further ones, in this order, where the loss rises at the smallest of `MULTIPLES` already."""

SLICES = 4
"""Parts of the batch whose losses are compared, for the interval."""

STUDENT_95 = 3.182
"""Half-width of a 95 % interval of a mean over `SLICES` values, in standard errors: the quantile of
Student's t with 3 degrees of freedom."""

ROUNDING = 4.0
"""Change of the loss, in units of its precision, that may be rounding."""

MAX_ENTRIES = 2**25
"""Entries of all weights above which they are not copied: 128 MiB in float32, which the step of
`fit` may need."""


class Critical(NamedTuple):
    """The critical multiple of an update, with its 95 % interval over the examples.

    A value at the end of the range of multiples stands for that or beyond: 32 for 32 or more.
    """

    value: float
    low: float
    high: float


class Headroom:
    """Measures the critical multiple of the next update of a model.

    It is the smallest multiple of the optimizer's own next update at which the loss of the same
    batch is above its value before the step. Below 1 the step overshoots.

    The loss is the one that the step lowers: with penalties, in training mode, where batch
    normalization uses the batch and dropout the masks of the step. In inference mode it would be
    another function, and the update not a step down its slope.

    Args:
        model: A compiled and built `keras.Model`.
        is_compiled: Whether to compile the forward pass.

    Reference:
        Kalra and Barkeshli, "Why warmup the learning rate?", arXiv:2406.09405, 2024, section 5:
        the critical learning rate from forward passes.
    """

    def __init__(self, model, *, is_compiled):
        self._model = model
        self._pass = Pass(model, self._read, is_compiled=is_compiled)
        self._precision = _precision(model)

    @staticmethod
    def can_measure(model):
        """Return whether the weights of a model are small enough to be copied."""
        sizes = [math.prod(variable.shape) for variable in model.trainable_variables]
        return 0 < sum(sizes) <= MAX_ENTRIES

    def before(self, arguments, batch, *, may_cut=True):
        """Return what `after` needs to know of a step; None if its batch cannot be divided.

        Args:
            arguments: Arguments of Keras' train function.
            batch: The batch of the step.
            may_cut: Whether the model takes batches of any size.
        """
        if batches.size(batch) < SLICES or not batches.is_dense(batch):
            return None
        trainable, other, _ = backend.state(self._model, arguments)
        if may_cut:
            batch = batches.keep(batch, MAX_PROBE_EXAMPLES)
        return backend.copy(trainable), backend.copy(other), batch

    def after(self, before, trained, step, epoch):
        """Return the measurements of a step; none where the update is no step down the slope.

        Args:
            before: What `before` returned.
            trained: Values of the trainable variables after the step.
            step: Optimizer steps done before the step.
            epoch: Epoch, counted from 0.
        """
        trainable, other, batch = before
        values = [*trainable, *trained]

        def losses(multiple):
            readings = self._pass((values, other, None), batch, scale=multiple)
            return np.array([readings["loss", str(at)] for at in range(SLICES)], np.float64)

        with np.errstate(all="ignore"):
            found = find_critical(losses, precision=self._precision)
        if found is None:
            return []
        named = zip(("", "_low", "_high"), found, strict=True)
        return [
            Measurement(step, epoch, f"optimizer/headroom{end}", "", value) for end, value in named
        ]

    def _read(self, readings, values, other, scale, batch):
        x, y, sample_weight = batch
        half = len(values) // 2
        moved = [
            ops.cast(_between(old, new, scale), old.dtype)
            for old, new in zip(values[:half], values[half:], strict=True)
        ]
        with stateless(self._model, moved, other):
            y_pred = self._model(x, training=True)
            size = ops.shape(next(leaf for leaf in keras.tree.flatten(x) if leaf is not None))[0]
            for at, rows in enumerate(_slices(size)):
                part = batches.take((x, y, sample_weight), rows)
                loss = compute_loss(
                    self._model, *part[:2], take_masked(y_pred, rows), part[2], training=True
                )
                readings.add("loss", str(at), ops.cast(loss, "float32"))


def find_critical(
    losses: Callable[[float], np.ndarray], *, precision: float = 2.0**-23
) -> Critical | None:
    """Return the smallest multiple of an update at which a loss rises, with its interval.

    Between two multiples the mean rise per multiple is taken as linear, which is exact for a
    quadratic loss. The ends of the interval are where the ends of the 95 % interval of the mean
    rise over the slices of the batch become positive.

    Args:
        losses: Returns the loss of each of `SLICES` parts of a batch at a multiple of the update;
            0 is before the step.
        precision: Relative precision of the losses.

    Returns:
        None if the loss before the step is not finite, if it rises for the smallest multiple too,
        so that the update is no step down the slope on this batch, or if nothing moved.

    Example:
        >>> noise = np.array([-0.1, 0.0, 0.0, 0.1])
        >>> value, low, high = find_critical(lambda m: 1 - m + (0.2 + 0.1 * noise) * m**2)
        >>> round(value, 2), low < value < high
        (5.0, True)
    """
    base = losses(0.0)
    if not np.isfinite(base).all():
        return None
    least = ROUNDING * precision * max(abs(float(base.mean())), 1e-30)
    rises: dict[float, np.ndarray] = {}
    for multiple in MULTIPLES:
        rises[multiple] = losses(multiple) - base
        if _limits(rises[multiple], least)[1] > 0:
            break
    for multiple in SMALLER:
        if not _limits(rises[min(rises)], least)[0] > 0:
            break
        rises[multiple] = losses(multiple) - base
    if all((rise == 0).all() for rise in rises.values()):
        return None
    if _limits(rises[min(rises)], least)[0] > 0:
        return None
    return Critical(*(_crossing(rises, end, least) for end in (0, 2, 1)))


def _limits(rise: np.ndarray, least: float) -> tuple[float, float, float]:
    """Return the mean rise and the ends of its interval; infinite where a loss is not finite."""
    if not np.isfinite(rise).all():
        return (math.inf,) * 3
    mean = float(rise.mean())
    half = STUDENT_95 * float(rise.std(ddof=1)) / math.sqrt(len(rise))
    if abs(mean) <= least:
        return 0.0, min(0.0, mean - half), max(0.0, mean + half)
    return mean, mean - half, mean + half


def _crossing(rises: Mapping[float, np.ndarray], end: int, least: float) -> float:
    """Return the first multiple at which one end of the interval of the rise is positive."""
    known = sorted(rises)
    slopes = [_limits(rises[multiple], least)[end] / multiple for multiple in known]
    first = next((at for at, slope in enumerate(slopes) if slope > 0), None)
    if first is None:
        return known[-1]
    if first == 0:
        return known[0]
    before, after = known[first - 1], known[first]
    if math.isinf(slopes[first]):
        return math.sqrt(before * after)
    falls = -slopes[first - 1]
    return before + (after - before) * falls / (slopes[first] + falls)


def _between(old, new, multiple):
    """Return the weight after a multiple of its update, in float32."""
    old, new = ops.cast(old, "float32"), ops.cast(new, "float32")
    return old + multiple * (new - old)


def _slices(size):
    ends = [size * at // SLICES for at in range(SLICES + 1)]
    return list(itertools.starmap(slice, itertools.pairwise(ends)))


def _precision(model):
    """Return the relative precision of what a model computes."""
    coarse = {"float16": 2.0**-10, "bfloat16": 2.0**-7}
    dtypes = {getattr(layer, "compute_dtype", "float32") for layer in [model, *model.layers]}
    return max(coarse.get(dtype, 2.0**-23) for dtype in dtypes)
