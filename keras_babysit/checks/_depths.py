"""Measures the signal and the gradient at every layer for one batch."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from keras_babysit.backends import backend
from keras_babysit.probes import taps
from keras_babysit.probes.kernels import kernel_ids
from keras_babysit.probes.probe import compute_loss, stateless
from keras_babysit.probes.readings import Pass, Readings, norm
from keras_babysit.probes.taps import Call
from keras_babysit.probes.units import channel_axis
from keras_babysit.typing import Batch, Tensor

if TYPE_CHECKING:
    from keras_babysit.checks.case import Case

DEPTH_QUANTITIES = ("signal", "reach", "mean", "std", "distinct", "gradient")


@dataclasses.dataclass(frozen=True)
class LayerSignal:
    """The signal and the gradient at one layer.

    Args:
        target: Layer path.
        is_output: Whether this is the last layer with a kernel, or a layer after it.
        signal: Standard deviation of the outputs over the examples, averaged over the units.
        reach: Standard deviation of the pre-activations over the examples, averaged likewise.
        mean: Mean of the pre-activations.
        std: Standard deviation of the pre-activations over examples and units.
        distinct: Largest difference between units, relative to the largest output; 0 if all units
            are identical.
        gradient: Norm of the loss gradient at the layer's output; 0 if the loss is not available.
    """

    target: str
    is_output: bool
    signal: float
    reach: float
    mean: float
    std: float
    distinct: float
    gradient: float


def measure(case: "Case", trainable: Sequence[Tensor] | None = None) -> list[LayerSignal]:
    """Return the `LayerSignal` of each layer, in order, starting at the first one with weights.

    Args:
        case: Model and data.
        trainable: Values of the trainable variables; None for the model's own.
    """
    state = case.state if trainable is None else (trainable, *case.state[1:])
    layers = taps.leaves(case.model)
    names = taps.names(layers)
    calls = _calls(case, layers, names)
    zeros = [np.zeros(shape, "float32") for _, shape, _ in calls]
    targets = [target for target, *_ in calls]
    has_loss = case.has_loss  # evaluated here rather than while the pass is traced
    run = Pass(
        case.model,
        lambda readings, trainable, other, scale, batch: _read(
            case.model, has_loss, layers, names, targets, readings, trainable, other, batch
        ),
        is_compiled=keras.backend.backend() == "jax",
    )
    found = run(state, (*case.batch, zeros))
    return [
        LayerSignal(target, is_output, *(float(found[name, target]) for name in DEPTH_QUANTITIES))
        for target, _, is_output in calls
    ]


def _calls(
    case: "Case", layers: Sequence[keras.layers.Layer], names: Mapping[int, str]
) -> list[tuple[str, tuple[int, ...], bool]]:
    """Return layer path, output shape and `is_output` of each call, from the first with weights.

    The last layer with a kernel and every layer after it count as output, such as a separate
    softmax layer.
    """
    calls: list[Call] = []
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
    kernels = kernel_ids(case.model)
    has_kernel = [
        any(id(variable) in kernels for variable in call.layer.trainable_variables)
        for call in known
    ]
    last = next((n for n in reversed(range(len(known))) if has_kernel[n]), 0)
    return [
        (call.target, tuple(call.y.shape), index >= last or id(call.y) in outputs)
        for index, call in enumerate(known)
    ]


def _read(
    model: keras.Model,
    has_loss: bool,
    layers: Sequence[keras.layers.Layer],
    names: Mapping[int, str],
    targets: Sequence[str],
    readings: Readings,
    trainable: Sequence[Tensor],
    other: Sequence[Tensor],
    batch: Batch,
) -> None:
    """Measure all layers in one pass. The gradient at an output is that of a zero added to it."""
    x, y, sample_weight, zeros = batch
    seen = {}

    def run(values: Sequence[Tensor]) -> tuple[Tensor, list[tuple[Tensor, ...]]]:
        offsets = {target: values[len(trainable) + n] for n, target in enumerate(targets)}

        def record(call: Call) -> Tensor | None:
            if call.target not in offsets:
                return None
            seen[call.target] = call
            return call.y + ops.cast(offsets[call.target], call.y.dtype)

        with stateless(model, values[: len(trainable)], other):
            with taps.tapped(layers, names, record):
                y_pred = model(x, training=True)
            if has_loss:
                loss = compute_loss(model, x, y, y_pred, sample_weight, training=True)
            else:  # only the signal is measured; every gradient is zero
                loss = 0.0 * sum(ops.sum(leaf) for leaf in keras.tree.flatten(y_pred))
        measured = [_signal(seen[target]) for target in targets]
        return ops.cast(loss, "float32"), measured

    (_, measured), gradients = backend.value_and_grad(run, [*trainable, *map(_tensor, zeros)])
    for target, values, gradient in zip(
        targets, measured, gradients[len(trainable) :], strict=True
    ):
        for name, value in zip(DEPTH_QUANTITIES, (*values, norm(gradient)), strict=True):
            readings.add(name, target, value)


def _signal(call: Call) -> tuple[Tensor, ...]:
    """Return signal, reach, mean, std and distinct of one call, see `LayerSignal`.

    A squashing activation maps all large inputs to the same value, so the pre-activations are
    measured too.
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


def tensors(batch: Batch) -> Batch:
    """Return a batch with its arrays converted to tensors."""
    return keras.tree.map_structure(lambda a: None if a is None else _tensor(a), batch)


def _tensor(array: Any) -> Tensor:
    return ops.convert_to_tensor(array)
