"""The probe: one stateless pass forward and backward through a model, and what it read.

The pass is a pure function of the variables' values and a batch. All changes that layers make to
variables (moving averages, seeds, metrics) stay inside a `keras.StatelessScope` and are discarded.
"""

import contextlib
import functools
import inspect

import keras
import numpy as np
from keras import ops

from keras_babysit.backends import backend
from keras_babysit.probes import taps
from keras_babysit.probes.attention import attention_layers, tapped_attention
from keras_babysit.probes.constant_loss import read_constant
from keras_babysit.probes.facts import output_layers
from keras_babysit.probes.image_layers import describe_images
from keras_babysit.probes.kernels import kernel_ids
from keras_babysit.probes.readings import Pass, Readings, moments, nonfinite, norm
from keras_babysit.probes.sequence_layers import (
    describe_sequence,
    inside_bidirectional,
    read_mask,
    read_numbers,
)
from keras_babysit.probes.units import read_output, read_stored
from keras_babysit.probes.weight_penalties import weight_penalty

MAX_ROWS = 8
"""Examples whose predictions a probe returns, for what depends on single ones."""

MAX_ROW_ENTRIES = 2**16
"""Entries of the predictions of these examples above which they are not returned."""

ROWS = "rows"
"""Under what the readings hold these predictions."""


class Probe:
    """Measures activations, loss, gradients and weights of a model on one batch.

    It runs in training mode: early in a run the moving averages of a batch norm are still wrong,
    and it is the training pass whose gradients count.

    Args:
        model: A compiled and built `keras.Model`.
        has_loss: Whether `model.compute_loss` is what is trained; without it there is no backward
            pass. A model with a `train_step` of its own may train on something else.
        is_compiled: Whether to compile the pass; uncompiled it starts immediately and runs slower.
        layers: The layers to measure, None for all that compute.
        has_call: Whether `model(x)` can be called; without it only data and weights are read. A GAN
            may have no `call`.
        symmetric_kernels: Names of kernels whose units began equal, to measure whether they
            diverge.

    Attributes:
        has_run: Whether it has run once without an error.
        profiles: After the first run, the kind of activation by target (see `gates.Profile`).
        outputs: After the first run, for each output of the model the target that computed it and
            its last function; None where no measured layer computed it.
        shapes: After the first run, the shape of each output for one example.
        layers: After the first run, the layer of each target.
        structure: After the first run, the nested structure of the outputs, with None for each.
        rows: After the latest run, the predictions for the first examples, by index of the output;
            of an output that is too large for that there are none.
        sequences: After the first run, what `LayerFacts` say of the sequences that a layer gets,
            by target.
        symmetric_kernels: The same.
        untracked: After the first run, paths of the trainable weights that the model used although
            they do not belong to it.
    """

    def __init__(
        self,
        model,
        *,
        has_loss=True,
        is_compiled=True,
        layers=None,
        has_call=True,
        symmetric_kernels=(),
    ):
        self.model = model
        self.has_loss = has_loss
        self.has_call = has_call
        self.profiles = {}
        self.outputs = []
        self.shapes = []
        self.layers = {}
        self.structure = None
        self.rows = {}
        self.sequences = {}
        self.untracked = ()
        self.has_run = False
        self.watched = taps.leaves(model) if layers is None else layers
        self._names = taps.names(self.watched)
        self._weights = weight_names(model)
        self.symmetric_kernels = frozenset(symmetric_kernels)
        self._pairs = inside_bidirectional(model)
        self._attention = attention_layers(model) if self.watched else []
        self._attention_names = taps.names(self._attention)
        self._passes = {
            takes_gradients: Pass(
                model, functools.partial(self._read, takes_gradients), is_compiled=is_compiled
            )
            for takes_gradients in (True, False)
        }

    def __call__(self, state, batch, *, loss_scale=1.0, takes_gradients=True):
        """Return the readings by quantity and target, as numpy arrays.

        Args:
            state: Values of the variables as `backend.state` returns them.
            batch: `(x, y, sample_weight)` with tensors or arrays; y and sample_weight may be None.
            loss_scale: Factor of the loss in the backward pass, as mixed precision needs it; the
                gradients are returned without it.
            takes_gradients: Whether to add the backward pass, where there is a loss.
        """
        pass_ = self._passes[takes_gradients and self.has_loss]
        readings = pass_(state, batch, scale=loss_scale)
        self.rows = pop_rows(readings)
        self.has_run = True
        return readings

    def ends(self):
        """Return the targets that make up the outputs, see `facts.output_layers`."""
        return output_layers(self.layers, self.outputs)

    def _read(self, takes_gradients, readings, trainable, other, scale, batch):
        x, y, _ = batch
        for group, tensors in (("inputs", x), ("targets", y)):
            _read_data(readings, group, tensors)
        for name, value in zip(self._weights, trainable, strict=True):
            readings.add("weights/norm", name, norm(value))
            if name in self.symmetric_kernels:
                readings.add("weights/unit_spread", name, unit_spread(value))
        if takes_gradients:
            self._read_with_gradients(readings, trainable, other, scale, batch)
        elif self.has_call:
            _read_loss(readings, *self._forward(trainable, other, batch, readings))

    def _read_with_gradients(self, readings, trainable, other, scale, batch):
        forward = Readings()

        def scaled_loss(values):
            loss, penalty = self._forward(values, other, batch, forward)
            return loss * ops.cast(scale, loss.dtype), (loss, penalty, forward.pack())

        (_, (loss, penalty, packed)), gradients = backend.value_and_grad(scaled_loss, trainable)
        _read_loss(readings, loss, penalty)
        for name, gradient in zip(self._weights, gradients, strict=True):
            readings.add("gradients/norm", name, norm(gradient) / scale)
        readings.extend(forward.layout, packed)

    def _forward(self, trainable, other, batch, readings):
        """Add what the layers return to `readings`; return the loss and the penalty in it."""
        model = self.model
        x, y, sample_weight = batch
        made_by = {}

        def record(call):
            made_by[id(call.y)] = call
            self.layers[call.target] = call.layer
            self.profiles[call.target] = read_output(readings, call)
            if received := describe_sequence(call, self._pairs) | describe_images(call):
                self.sequences[call.target] = received
            read_mask(readings, call)
            read_numbers(readings, call)

        with stateless(model, trainable, other) as scope:
            for layer in self.watched:
                read_stored(readings, layer, self._names[id(layer)])
            attention = tapped_attention(self._attention, self._attention_names, readings)
            plainly = taps.without_remat(model) if self.watched else contextlib.nullcontext()
            with plainly, taps.tapped(self.watched, self._names, record), attention:
                y_pred = model(x, training=True)
            self.untracked = tuple(scope.untracked)
            outputs = keras.tree.flatten(y_pred)
            last = [made_by.get(id(t)) for t in outputs]
            # Not the calls themselves: they hold tensors of the graph.
            self.outputs = [None if call is None else (call.target, call.function) for call in last]
            self.shapes = [tuple(output.shape[1:]) for output in outputs]
            self.structure = keras.tree.map_structure(lambda leaf: None, y_pred)
            for index, output in enumerate(outputs):
                read_prediction(readings, f"outputs[{index}]", output)
                read_rows(readings, index, output)
            if not self.has_loss:
                return None, None
            loss = compute_loss(model, x, y, y_pred, sample_weight, training=True)
            read_constant(readings, model, batch, y_pred)
            penalty = weight_penalty(model)
            _read_added(readings, model, penalty)
            return ops.cast(loss, "float32"), penalty


def pop_rows(readings):
    """Take the predictions for the first examples out of `readings`, by index of the output."""
    rows = [key for key in readings if key[0] == ROWS]
    return {int(index): readings.pop((ROWS, index)) for _, index in rows}


def stateless(model, trainable, other):
    """Return a scope in which `model` has these values and changes of variables are discarded."""
    others = [*model.non_trainable_variables, *model.metrics_variables]
    mapping = [
        *zip(model.trainable_variables, trainable, strict=True),
        *zip(others, other, strict=True),
    ]
    return Scope(state_mapping=mapping, collect_losses=True)


class Scope(keras.StatelessScope):
    """A stateless scope that notes which weights are read although it has no value for them.

    Attributes:
        untracked: Paths of those that could be trained, in the order of their first use.
    """

    def __init__(self, **options):
        super().__init__(**options)
        self.untracked = []

    def get_current_value(self, ref):
        """Return the value of a variable in this scope, None if it has none."""
        value = super().get_current_value(ref)
        if value is None and _is_weight(ref) and ref.path not in self.untracked:
            self.untracked.append(ref.path)
        return value


def _is_weight(variable):
    return bool(variable.trainable and len(variable.shape) and _is_float(variable))


def compute_loss(model, x, y, y_pred, sample_weight, *, training):
    """Return the loss as `fit` computes it, also where a user's `compute_loss` lacks `training`."""
    parameters = inspect.signature(model.compute_loss).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    mode = {"training": training} if takes_any or "training" in parameters else {}
    return model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **mode)


def unit_spread(kernel):
    """Return how far the units of a kernel are from their mean, as a fraction of its norm.

    0 if all units are equal. A unit is an entry of the last axis, as in Dense and Conv.
    """
    kernel = ops.cast(kernel, "float32")
    apart = kernel - ops.mean(kernel, axis=-1, keepdims=True)
    return norm(apart) / (norm(kernel) + 1e-30)


def symmetric_kernels(model, state):
    """Return the names of the kernels whose first two units are equal at these values.

    Reading two units is cheap enough for every kernel of every model.
    """
    found, kernels = set(), kernel_ids(model)
    named = zip(weight_names(model), model.trainable_variables, state[0], strict=True)
    for name, variable, value in named:
        if id(variable) in kernels and value.shape[-1] > 1:
            two = np.asarray(backend.first_units(value, 2), "float32")
            if np.array_equal(two[..., 0], two[..., 1]):
                found.add(name)
    return found


def weight_names(model):
    """Return a name for each trainable variable: the layer's name and its own."""
    names, used = [], set()
    for variable in model.trainable_variables:
        path = variable.path.split("/")
        name = "/".join(path[-2:])
        if name in used:
            name = variable.path
        unique, number = name, 1
        while unique in used:
            number += 1
            unique = f"{name}({number})"
        used.add(unique)
        names.append(unique)
    return names


def _read_loss(readings, loss, penalty):
    if loss is not None:
        readings.add("loss/batch", "", loss)
        readings.add("loss/penalty", "", penalty)


def _read_added(readings, model, penalty):
    """Add what layers added to the loss in their call, if any did."""
    losses = model.losses
    if len(losses) > sum(v.regularizer is not None for v in model.trainable_variables):
        total = sum(ops.cast(ops.sum(one), "float32") for one in losses)
        readings.add("loss/added", "", total - penalty)


def _read_data(readings, group, tensors):
    for index, tensor in enumerate(keras.tree.flatten(tensors)):
        if tensor is None or not backend.is_dense(tensor) or not _is_float(tensor):
            continue
        target = f"{group}[{index}]"
        tensor = ops.cast(tensor, "float32")
        readings.add(f"{group}/nonfinite", target, nonfinite(tensor))
        readings.add(f"{group}/mean", target, ops.mean(tensor))
        readings.add(f"{group}/std", target, ops.std(tensor))


def read_prediction(readings, target, y_pred):
    """Add what an output of the model is like, unless it is one number or no floating point."""
    if len(y_pred.shape) < 2 or not _is_float(y_pred):
        return
    y_pred = ops.cast(y_pred, "float32")
    mean, variance = moments(y_pred, [0])
    readings.add("outputs/mean", target, ops.mean(mean))
    readings.add("outputs/std", target, ops.std(y_pred))
    readings.add("outputs/spread", target, ops.sqrt(ops.mean(variance)))
    readings.add("outputs/min", target, ops.min(y_pred))
    readings.add("outputs/max", target, ops.max(y_pred))


def read_rows(readings, index, y_pred):
    """Add the predictions for the first examples, for what depends on single ones."""
    inner = tuple(y_pred.shape[1:])
    is_small = None not in inner and MAX_ROWS * np.prod(inner) <= MAX_ROW_ENTRIES
    if len(y_pred.shape) and is_small and _is_float(y_pred):
        # Of a batch that is smaller the examples come again: their number must be known.
        rows = ops.arange(MAX_ROWS) % ops.shape(y_pred)[0]
        readings.add(ROWS, str(index), ops.take(y_pred, rows, axis=0))


def _is_float(tensor):
    return keras.backend.is_float_dtype(keras.backend.standardize_dtype(tensor.dtype))
