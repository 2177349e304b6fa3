"""Which label of pairs a loss takes for equal inputs, and whether such pairs are the closer ones.

A network that returns a distance or a similarity of its two inputs returns one value for all pairs
of an input with itself, and all others lie on one side of it, whatever its weights are. The loss of
that value tells which label it takes for an equal pair. A layer with weights after the comparison
may learn either meaning: with negated weights other pairs lie on the other side.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_babysit.probes.probe import compute_loss, stateless
from keras_babysit.probes.readings import Pass, Readings

SAME = 1e-3
"""Spread of the outputs for equal inputs, as a fraction of how far other outputs are from them, up
to which they count as one value: that of a distance or a similarity."""

MIN_CHANGE = 1e-4
"""Change of the loss, as a fraction of it, that is more than rounding."""

SAMPLE = 256
"""Pairs whose inputs are compared."""

MIN_PAIRS = 30
"""Pairs of each label from which on their inputs are compared: the standard error of the order is
then at most 0.075, half of the effect that counts."""


class EqualPairs:
    """Reads whether the pairs that a loss takes for equal ones have the closer inputs.

    Args:
        model: A compiled and built `keras.Model`, whose `compute_loss` is trained.
        is_compiled: Whether to compile the passes.
    """

    def __init__(self, model: keras.Model, *, is_compiled: bool) -> None:
        self._model = model
        self._pass = Pass(model, self._read, is_compiled=is_compiled)

    def __call__(self, state: Any, batch: Any, sample: Any) -> dict[tuple[str, str], float]:
        """Return how often pairs of the label of equal inputs are closer, as inputs.

        Args:
            state: Values of the variables as `backend.state` returns them.
            batch: `(x, y, sample_weight)` of a few examples, on which the network is evaluated.
            sample: The same of many examples, of which inputs and labels are compared.

        Returns:
            Empty unless the network has two inputs of the same shape, two whole labels, and one
            output that is the same for all equal inputs.
        """
        labels = _labels(sample)
        few = _labels(batch)
        if labels is None or few is None:
            return {}
        larger = (few == labels.max()).astype("float32")
        readings = self._pass(state, (batch, larger))
        if ("spread", "") not in readings:
            return {}
        value = {name: float(reading) for (name, _), reading in readings.items()}
        if not all(np.isfinite(one) for one in value.values()):
            return {}
        if not value["spread"] <= SAME * value["distance"] or value["side"] * value["negated"] <= 0:
            return {}
        least = MIN_CHANGE * abs(value["loss"])
        smaller, larger = value["smaller"] - value["loss"], value["larger"] - value["loss"]
        if not (min(smaller, larger) < -least and max(smaller, larger) > least):
            return {}
        is_equal = labels == (labels.max() if larger < smaller else labels.min())
        if min(is_equal.sum(), (~is_equal).sum()) < MIN_PAIRS:
            return {}
        order = _order(keras.tree.flatten(sample[0]), is_equal)
        return {} if order is None else {("pairs/equal_closer", "outputs[0]"): order}

    def _read(self, readings: Readings, trainable: Any, other: Any, scale: Any, batch: Any) -> None:
        del scale
        (x, y, sample_weight), larger = batch
        model = self._model
        with stateless(model, trainable, other):
            y_pred = model(x, training=False)
            first, _ = keras.tree.flatten(x)
            same = keras.tree.pack_sequence_as(x, [first, first])
            equal = model(same, training=False)
            if not _is_column(y_pred):
                return
            column = ops.reshape(larger, (-1,) + (1,) * (len(y_pred.shape) - 1))
            column = ops.cast(column, y_pred.dtype)
            readings.add("side", "", _side(y_pred, equal))
            readings.add("spread", "", ops.max(ops.abs(equal - ops.mean(equal))))
            readings.add("distance", "", ops.sqrt(ops.mean(ops.square(y_pred - equal))))
            for name, replaced in (
                ("loss", 0 * column),
                ("larger", column),
                ("smaller", 1 - column),
            ):
                prediction = y_pred + replaced * (equal - y_pred)
                loss = compute_loss(model, x, y, prediction, sample_weight, training=False)
                readings.add(name, "", ops.cast(loss, "float32"))
        with stateless(model, [-value for value in trainable], other):
            pair, equal = model(x, training=False), model(same, training=False)
            readings.add("negated", "", _side(pair, equal))


def _side(pair: Any, equal: Any) -> Any:
    """Return 1 if all outputs of pairs lie above those of equal inputs, -1 if below, else 0."""
    apart = pair - equal
    is_above, is_below = (ops.all(one) for one in (apart >= 0, apart <= 0))
    return ops.cast(is_above, "float32") - ops.cast(is_below, "float32")


def _is_column(y_pred: Any) -> bool:
    """Return whether an output is one floating point number per example."""
    if not hasattr(y_pred, "shape") or len(y_pred.shape) not in (1, 2):
        return False
    is_float = keras.backend.is_float_dtype(keras.backend.standardize_dtype(y_pred.dtype))
    return is_float and all(size == 1 for size in y_pred.shape[1:])


def _labels(batch: Any) -> np.ndarray | None:
    """Return the labels of a batch of pairs, None if these are no pairs of two labels."""
    x, y, _ = batch
    inputs, targets = keras.tree.flatten(x), keras.tree.flatten(y)
    if len(inputs) != 2 or len(targets) != 1 or targets[0] is None:
        return None
    one, other = (np.asarray(leaf) for leaf in inputs)
    labels = np.asarray(targets[0])
    if one.shape != other.shape or one.ndim < 2 or one.dtype.kind not in "fiub":
        return None
    if labels.size != len(one) or labels.dtype.kind not in "fiub":
        return None
    labels = labels.reshape(-1).astype("float64")
    different = np.unique(labels)
    return labels if len(different) == 2 and (different == np.round(different)).all() else None


def _order(inputs: list[Any], is_equal: np.ndarray) -> float | None:
    """Return how often a pair of the chosen label is closer than one of the other label.

    Numbers of words or other indices have no distance.
    """
    one, other = (np.asarray(leaf) for leaf in inputs)
    if one.dtype.kind != "f" or (one == np.round(one)).all():
        return None
    axes = tuple(range(1, one.ndim))
    distances = np.square(one.astype("float64") - other).sum(axis=axes)
    near, far = distances[is_equal], distances[~is_equal]
    return float((near[:, None] < far).mean() + 0.5 * (near[:, None] == far).mean())
