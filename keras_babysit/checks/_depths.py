"""What the layers make of one batch: the signal, and the gradient that comes back to it."""

import dataclasses

import keras
import numpy as np
from keras import ops

from keras_babysit.backends import backend
from keras_babysit.probes import taps
from keras_babysit.probes.probe import compute_loss, stateless
from keras_babysit.probes.readings import Pass, norm
from keras_babysit.probes.units import channel_axis

QUANTITIES = ("signal", "reach", "mean", "std", "distinct", "gradient")


@dataclasses.dataclass(frozen=True)
class Depth:
    """The signal at one layer.

    Args:
        target: Name of the layer.
        is_output: Whether it is the last layer with weights, or comes after it.
        signal: Standard deviation of its units over the examples.
        reach: Standard deviation of its pre-activations over the examples.
        mean: Mean of its pre-activations.
        std: Standard deviation of its pre-activations over examples and units.
        distinct: How far units differ, as a share of the largest value; 0 if all give the same.
        gradient: Norm of the loss' gradient at its output; 0 where the loss cannot be computed.
    """

    target: str
    is_output: bool
    signal: float
    reach: float
    mean: float
    std: float
    distinct: float
    gradient: float


def measure(case, trainable=None):
    """Return the `Depth` of each layer from the first with weights on, in their order.

    Args:
        case: The case.
        trainable: Values of the trainable variables; None for the model's own.
    """
    state = case.state if trainable is None else (trainable, *case.state[1:])
    layers = taps.leaves(case.model)
    names = taps.names(layers)
    calls = _calls(case, layers, names)
    zeros = [np.zeros(shape, "float32") for _, shape, _ in calls]
    targets = [target for target, *_ in calls]
    has_loss = case.has_loss  # found out here, and not while the pass is traced
    run = Pass(
        lambda readings, trainable, other, scale, batch: _read(
            case.model, has_loss, layers, names, targets, readings, trainable, other, batch
        ),
        is_compiled=keras.backend.backend() == "jax",
    )
    found = run(state, (*case.batch, zeros))
    return [
        Depth(target, is_output, *(float(found[name, target]) for name in QUANTITIES))
        for target, _, is_output in calls
    ]


def _calls(case, layers, names):
    """Return name, shape and place of what each layer gives, from the first with weights on.

    The last layer with weights and all that follows it is the output: a softmax of its own too.
    """
    calls = []
    with stateless(case.model, *case.state[:2]), taps.tapped(layers, names, calls.append):
        outputs = case.model(tensors(case.batch[0]), training=True)
    outputs = {id(leaf) for leaf in keras.tree.flatten(outputs)}
    known = [
        call
        for call in calls
        if len(call.y.shape) > 1
        and keras.backend.is_float_dtype(keras.backend.standardize_dtype(call.y.dtype))
    ]
    first = next((n for n, call in enumerate(known) if call.layer.weights), len(known))
    known = known[first:]
    last = next((n for n in reversed(range(len(known))) if _has_kernel(known[n].layer)), 0)
    return [
        (call.target, tuple(call.y.shape), place >= last or id(call.y) in outputs)
        for place, call in enumerate(known)
    ]


def _has_kernel(layer):
    return any(len(variable.shape) > 1 for variable in layer.trainable_variables)


def _read(model, has_loss, layers, names, targets, readings, trainable, other, batch):
    """Measure in one pass; a zero added to each output takes the gradient there."""
    x, y, sample_weight, zeros = batch
    seen = {}

    def run(values):
        places = {target: values[len(trainable) + n] for n, target in enumerate(targets)}

        def record(call):
            if call.target not in places:
                return None
            seen[call.target] = call
            return call.y + ops.cast(places[call.target], call.y.dtype)

        with stateless(model, values[: len(trainable)], other):
            with taps.tapped(layers, names, record):
                y_pred = model(x, training=True)
            if has_loss:
                loss = compute_loss(model, x, y, y_pred, sample_weight, training=True)
            else:  # then the signal is all there is, and every gradient is zero
                loss = 0.0 * sum(ops.sum(leaf) for leaf in keras.tree.flatten(y_pred))
        measured = [_signal(seen[target]) for target in targets]
        return ops.cast(loss, "float32"), measured

    (_, measured), gradients = backend.value_and_grad(run, [*trainable, *map(_tensor, zeros)])
    for target, values, gradient in zip(
        targets, measured, gradients[len(trainable) :], strict=True
    ):
        for name, value in zip(QUANTITIES, (*values, norm(gradient)), strict=True):
            readings.add(name, target, value)


def _signal(call):
    """Return deviations and mean of the units, and how they differ.

    What a squashing output gives is the same for all large inputs: of it the pre-activation counts.
    """
    y = ops.cast(call.y, "float32")
    rank = len(y.shape)
    unit = channel_axis(call.layer, rank)
    axes = [axis for axis in range(rank) if axis != unit]
    deviation = ops.sqrt(ops.mean(ops.var(y, axis=axes)))
    z = ops.cast(call.y if call.z is None else call.z, "float32")
    reach = ops.sqrt(ops.mean(ops.var(z, axis=axes)))
    mean, std = ops.mean(z), ops.std(z)
    if y.shape[unit] == 1:
        return deviation, reach, mean, std, ops.ones(())
    differ = ops.max(ops.abs(y - ops.take(y, [0], axis=unit)))
    return deviation, reach, mean, std, differ / ops.maximum(ops.max(ops.abs(y)), 1e-30)


def tensors(batch):
    """Return a batch with tensors in place of arrays."""
    return keras.tree.map_structure(lambda a: None if a is None else _tensor(a), batch)


def _tensor(array):
    return ops.convert_to_tensor(array)
