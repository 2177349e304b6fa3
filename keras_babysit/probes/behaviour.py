"""What the outputs depend on although they should not: measured by changing inputs.

Two stateless passes in inference mode are compared, one on a batch and one on a changed copy of it.
Nothing of the run is touched.
"""

import keras
import numpy as np
from keras import ops

from keras_babysit.backends import backend
from keras_babysit.probes.masks import masked_like
from keras_babysit.probes.probe import compute_loss, stateless
from keras_babysit.probes.readings import Pass
from keras_babysit.samples import batches
from keras_babysit.samples.steps import (
    describe_target_steps,
    is_same_step,
    is_sequence,
    padded_steps,
    padding_of_target,
)
from keras_babysit.schedule.plan import BEHAVIOUR_EXAMPLES

NOTICEABLE = 1e-3
"""Change, in standard deviations of the output, from which on it is tried whether the same batch
twice gives the same outputs. The rounding of float32 is a hundredth of that."""

MAX_OUTPUT_ENTRIES = 16_000_000
"""Entries of all outputs for the batch above which nothing is compared, to spare memory."""

ATTENTION = (
    keras.layers.MultiHeadAttention,
    keras.layers.GroupQueryAttention,
    keras.layers.Attention,
    keras.layers.AdditiveAttention,
)


class Behaviour:
    """Measures what the outputs and the loss of a model depend on.

    Args:
        model: A compiled and built `keras.Model`.
        has_loss: Whether `model.compute_loss` is what is trained.
        is_compiled: Whether to compile the passes.
    """

    def __init__(self, model, *, has_loss=True, is_compiled=backend.COMPILES_EACH_SIZE):
        self._model = model
        self._has_loss = has_loss
        self._compare = Pass(model, self._read_change, is_compiled=is_compiled)
        self._compare_losses = Pass(model, self._read_losses, is_compiled=is_compiled)

    def __call__(self, state, batch, *, may_mix=False):
        """Return how much the outputs and the loss change, by quantity and target.

        Args:
            state: Values of the variables as `backend.state` returns them.
            batch: `(x, y, sample_weight)` of arrays, at least two examples.
            may_mix: Whether examples of a batch belong together, as the nodes of a graph do.
        """
        x, y, _ = batch
        inputs = [np.asarray(leaf) for leaf in keras.tree.flatten(x)]
        targets = [None if leaf is None else np.asarray(leaf) for leaf in keras.tree.flatten(y)]
        found = {}
        if not may_mix and len(inputs[0]) > 1:
            found |= self._read_batch_dependence(state, x, inputs)
        for index, source in _next_steps(inputs, targets):
            found |= self._read_later_inputs(state, x, inputs, index, source)
        for index, source in _same_steps(inputs, targets):
            found |= self._read_later_inputs(
                state, x, inputs, index, source, quantity="inference/later_than_target"
            )
        if len(inputs) == 1 and is_sequence(inputs[0]) and has_attention(self._model):
            found |= self._read_order(state, x, inputs[0])
        if self._has_loss:
            found |= self._read_padding(state, batch, inputs, targets)
        return found

    def _read_batch_dependence(self, state, x, inputs):
        """Return how the first half of the examples changes with the second one."""
        half = len(inputs[0]) // 2
        others = [np.concatenate([leaf[:half], _others(leaf, half)]) for leaf in inputs]
        rows = np.arange(len(inputs[0])) < half
        changes = self._changes(state, x, _packed(x, others), rows=rows)
        return {("inference/batch_dependence", name): value for name, value in changes.items()}

    def _read_later_inputs(
        self, state, x, inputs, index, source, *, quantity="inference/later_inputs"
    ):
        """Return how the earlier steps of an output change with later steps of its input."""
        leaf = inputs[source]
        first = _middle(leaf)
        changed = leaf.copy()
        changed[:, first:] = leaf[::-1][:, first:]
        others = [changed if at == source else one for at, one in enumerate(inputs)]
        steps = np.arange(leaf.shape[1]) < first
        changes = self._changes(state, x, _packed(x, others), steps=steps)
        name = f"outputs[{index}]"
        return {(quantity, name): changes[name]} if name in changes else {}

    def _read_order(self, state, x, leaf):
        """Return how the outputs change with the order of the steps."""
        order = np.random.default_rng(0).permutation(leaf.shape[1])
        changes = self._changes(state, x, _packed(x, [leaf[:, order]]), order=order)
        return {("inference/order", name): value for name, value in changes.items()}

    def _changes(self, state, x, changed, *, rows=None, steps=None, order=None):
        """Return the change of each output, in standard deviations of the output.

        Args:
            state: Values of the variables.
            x: The inputs.
            changed: The changed inputs.
            rows: Which examples count; None for all.
            steps: Which steps of sequences count; other outputs are then left out. None for all.
            order: In which order the steps of the changed inputs stand; None for as they were.
        """
        examples = len(keras.tree.flatten(x)[0])
        sequences = [leaf for leaf in keras.tree.flatten(x) if leaf.ndim > 1]
        length = len(steps) if steps is not None else len(order) if order is not None else 0
        length = length or (sequences[0].shape[1] if sequences else 1)
        rows = np.ones(examples) if rows is None else rows
        weights = np.ones(length) if steps is None else steps
        order = np.arange(length) if order is None else order
        region = (rows.astype("float32"), weights.astype("float32"), order.astype("int32"))
        readings = self._compare(state, (x, changed, *region))
        sizes = {name: float(value) for (of, name), value in readings.items() if of == "size"}
        changes = {
            name: float(readings["change", name]) / size
            for name, size in sizes.items()
            if np.isfinite(size) and size > 0 and np.isfinite(readings["change", name])
        }
        noticed = {name for name, change in changes.items() if change > NOTICEABLE}
        if noticed:  # is it the change of the inputs, or random?
            again = self._compare(state, (x, x, *region[:2], np.arange(length, dtype="int32")))
            is_random = {n for n in noticed if not float(again["change", n]) / sizes[n] <= 1e-4}
            changes = {name: change for name, change in changes.items() if name not in is_random}
        return changes

    def _read_change(self, readings, trainable, other, scale, batch):
        del scale
        x, changed, rows, steps, order = batch
        outputs = [self._outputs(trainable, other, one) for one in (x, changed)]
        size = sum(int(np.prod([n or 1 for n in one.shape])) for one in outputs[0])
        if size > MAX_OUTPUT_ENTRIES:
            return
        for index, (before, after) in enumerate(zip(*outputs, strict=True)):
            mixes = len(before.shape) == 2 and before.shape[1] == before.shape[0] > 1
            if not _is_float(before) or len(before.shape) < 2 or mixes:
                continue  # a matrix of examples by examples compares them on purpose
            before, after = (ops.cast(one, "float32") for one in (before, after))
            weights = ops.reshape(rows, (-1,) + (1,) * (len(before.shape) - 1))
            if len(before.shape) > 2 and before.shape[1] == order.shape[0]:
                before = ops.take(before, order, axis=1)
                weights = weights * ops.reshape(steps, (1, -1) + (1,) * (len(before.shape) - 2))
            change = ops.max(ops.abs(before - after) * weights)
            readings.add("change", f"outputs[{index}]", change)
            readings.add("size", f"outputs[{index}]", ops.std(before))

    def _outputs(self, trainable, other, x):
        with stateless(self._model, trainable, other):
            return keras.tree.flatten(self._model(x, training=False))

    def _read_padding(self, state, batch, inputs, targets):
        """Return how the loss changes with the answers on padding, where that is the only output.

        A mask, weights or a loss of one's own may leave padding out: then it does not change.
        """
        if len(targets) != 1 or targets[0] is None or targets[0].ndim not in (2, 3):
            return {}
        for leaf in inputs:
            if not is_sequence(leaf) or leaf.shape[:2] != targets[0].shape[:2]:
                continue
            on_padding = padding_of_target(targets[0], leaf)
            if on_padding is not None:
                readings = self._compare_losses(state, (batch, on_padding.astype("float32")))
                if ("altered", "") not in readings:
                    return {}
                loss, altered = (float(readings[of, ""]) for of in ("loss", "altered"))
                if not np.isfinite(loss):
                    return {}
                change = abs(altered - loss) / max(abs(loss), 1e-12)
                change = change if np.isfinite(change) else 1.0
                return {("padding/loss_change", "outputs[0]"): change}
        return {}

    def _read_losses(self, readings, trainable, other, scale, batch):
        del scale
        (x, y, sample_weight), on_padding = batch
        model = self._model
        with stateless(model, trainable, other):
            y_pred = model(x, training=False)
            if not hasattr(y_pred, "shape") or len(y_pred.shape) != 3:
                return
            if y_pred.shape[1] != on_padding.shape[1] or not _is_float(y_pred):
                return
            there = ops.cast(ops.expand_dims(on_padding, -1), y_pred.dtype)
            altered = y_pred * (1 - there) + _other_answer(y_pred) * there
            altered = masked_like(altered, y_pred)
            for name, prediction in (("loss", y_pred), ("altered", altered)):
                loss = compute_loss(model, x, y, prediction, sample_weight, training=False)
                readings.add(name, "", ops.cast(loss, "float32"))


def has_attention(model):
    """Return whether a model has a layer of attention, which alone does not see the order."""
    layers = model._flatten_layers(include_self=False)
    return any(isinstance(layer, ATTENTION) for layer in layers)


def _next_steps(inputs, targets):
    """Return `(target, input)` for each target that is the next step of an input."""
    found = [
        (index, describe_target_steps(target, inputs).get("next_of_input"))
        for index, target in enumerate(targets)
        if target is not None
    ]
    return [(index, source) for index, source in found if source is not None]


def _same_steps(inputs, targets):
    """Return `(target, input)` for each target that is a token of the same step of an input."""
    return [
        (index, source)
        for index, target in enumerate(targets)
        for source, leaf in enumerate(inputs)
        if target is not None and target.ndim in (2, 3) and is_same_step(target, leaf)
    ]


def _middle(leaf):
    """Return the step in the middle of the data of sequences, padding left out; at least 1."""
    data = ~padded_steps(leaf)
    steps = np.flatnonzero(data.any(axis=0))
    first, last = (steps[0], steps[-1]) if len(steps) else (0, leaf.shape[1] - 1)
    length = np.median(data.sum(axis=1))
    begins = np.median(data.argmax(axis=1)) if len(steps) else first
    middle = int(begins + length / 2)
    return int(np.clip(middle, max(1, first), max(1, last)))


def _others(leaf, half):
    """Return as many examples as follow the first half, taken from that in turn."""
    return np.resize(leaf[:half][::-1], leaf[half:].shape)


def _packed(x, leaves):
    return keras.tree.pack_sequence_as(x, leaves)


def _other_answer(y_pred):
    """Return an answer in the range of an output that differs from it."""
    if y_pred.shape[-1] == 1:
        return 0.5 * y_pred + 0.25
    first = ops.cast(ops.arange(y_pred.shape[-1]) == 0, y_pred.dtype)
    return 0.5 * ops.flip(y_pred, axis=-1) + 0.5 * first


def _is_float(tensor):
    return keras.backend.is_float_dtype(keras.backend.standardize_dtype(tensor.dtype))


def take_examples(batch, only=None):
    """Return the examples that are measured on, None if there are not enough.

    Args:
        batch: A batch of arrays, or None.
        only: The only batch size that the model accepts, None if it accepts any.
    """
    if batch is None:
        return None
    size = batches.size(batch)
    if only is not None:
        return batches.keep(batch, only) if size >= only else None
    return batches.keep(batch, BEHAVIOUR_EXAMPLES) if size > 1 else None
