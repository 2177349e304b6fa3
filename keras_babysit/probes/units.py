"""What a probe records of the output of a layer: numbers per layer and vectors per unit.

A unit is one channel of the channel axis; every other axis, the batch and all positions, counts
as examples.
"""

import dataclasses

import keras
from keras import ops

from keras_babysit.probes import gates
from keras_babysit.probes.readings import moments, nonfinite, norm

MAX_MEASURED_UNITS = 65_536
"""Layers with more units get numbers for the layer but no vectors."""


def read_output(readings, call):
    """Add the readings of one `Call` to `readings`; return the profile of its function, if any."""
    if not _is_float(call):
        return None
    call = _without_gradients(call)
    readings.add("activations/nonfinite", call.target, nonfinite(call.y))
    if not _is_read(call):
        return None
    _read_moments(readings, call)
    if hasattr(call.layer, "moving_mean") and call.x is not None:
        _read_averages(readings, call)
    if hasattr(call.layer, "alpha") and hasattr(call.layer.alpha, "shape"):
        _read_slopes(readings, call)
    profile, gate, z = _read_openings(readings, call)
    if gate is not None:
        _read_gates(readings, call, profile, gate, z)
    return profile


def read_openings(readings, call):
    """Add only which units of a `Call` are open for some example, and which pieces win."""
    if _is_float(call) and _is_read(call):
        _read_openings(readings, call)


def read_stored(readings, layer, target):
    """Add what shows whether a layer was ever trained: averages and frozen biases.

    It must be called before the layer is: in training mode a batch norm changes its averages.
    """
    if not layer.built:
        return
    if hasattr(layer, "moving_mean") and hasattr(layer, "moving_variance"):
        averages = (layer.moving_mean, layer.moving_variance)
        mean, variance = (ops.cast(ops.reshape(one, (-1,)), "float32") for one in averages)
        moved = norm(ops.concatenate([mean, variance - 1]))
        readings.add("normalization/averages_moved", target, moved)
    bias = None if layer.trainable else getattr(layer, "bias", None)
    if bias is not None and len(getattr(bias, "shape", ())):
        readings.add("weights/frozen_bias_norm", target, norm(ops.convert_to_tensor(bias)))


def channel_axis(layer, rank: int) -> int:
    """Return the axis of the units in an output of `layer` of that rank."""
    data_format = getattr(layer, "data_format", None)
    if data_format is None and rank > 3:
        data_format = keras.config.image_data_format()
    return 1 if data_format == "channels_first" else rank - 1


def _without_gradients(call):
    """Return the call with tensors that keep no gradient."""
    tensors = {name: getattr(call, name) for name in ("y", "z", "x", "pieces")}
    kept = {name: ops.stop_gradient(t) for name, t in tensors.items() if t is not None}
    return dataclasses.replace(call, **kept)


def _is_float(call):
    return keras.backend.is_float_dtype(keras.backend.standardize_dtype(call.y.dtype))


def _is_read(call):
    computes = call.function is not None or call.layer.weights or call.pieces is not None
    return computes and len(call.y.shape) > 1


def _read_openings(readings, call):
    """Add the widest gates and the wins of the pieces; return what `_gate` does, in float32."""
    if call.pieces is not None:
        winners = call.layer.winners(call.pieces)
        readings.add("activations/piece_share", call.target, ops.reshape(winners, (-1,)))
    profile, gate, z = _gate(call)
    if gate is None or _units(call) is None:
        return profile, None, None
    gate = ops.cast(gate, "float32")
    widest = ops.max(gate, _examples(call, len(call.y.shape)))
    readings.add("activations/gate_max", call.target, widest)
    return profile, gate, z


def _units(call):
    rank = len(call.y.shape)
    units = call.y.shape[channel_axis(call.layer, rank)]
    return None if units is None or units > MAX_MEASURED_UNITS else units


def _gate(call):
    """Return profile, gate as a fraction of the steepest slope, and a tensor that shows the end."""
    if call.function is None or gates.is_linear(call.function):
        return None, None, None
    if call.z is None:
        gate = gates.from_output(call.function, call.y)
        return (None if gate is None else gates.profile(call.function)), gate, call.y
    if hasattr(call.layer, "gate"):
        return gates.Profile("rectifier", 1.0), ops.abs(call.layer.gate(call.z)), call.z
    if isinstance(call.layer, keras.layers.PReLU):
        profile = gates.Profile("rectifier", 1.0)  # at alpha = 0, where it starts, it is a ReLU
    else:
        profile = gates.profile(call.function)
    if profile is None:
        return None, None, None
    return profile, gates.from_input(call.function, call.z, profile), call.z


def _read_gates(readings, call, profile, gate, z):
    axes = _examples(call, len(call.y.shape))
    readings.add("activations/gate", call.target, ops.mean(gate, axes))
    if profile.kind == "squashing":
        z = ops.cast(z, "float32")
        flat = gate < gates.SATURATED_GATE
        # The low end is left of the centre; of an output alone, below the middle of its range.
        middle = _middle(call)
        low, high = (ops.logical_and(flat, side) for side in (z < middle, z >= middle))
        for end, where in (("low", low), ("high", high)):
            fraction = ops.mean(ops.cast(where, "float32"), axes)
            readings.add(f"activations/saturated_{end}", call.target, fraction)


def _read_moments(readings, call):
    """Add mean and standard deviation over everything, and the standard deviation of the units.

    The last is over the examples: it is 0 where every example has the same output, however
    different the units are.
    """
    y = ops.cast(call.y, "float32")
    mean, within = moments(y, _examples(call, len(y.shape)))
    whole = ops.mean(mean)
    between = ops.mean(ops.square(mean - whole))
    within = ops.mean(within)
    readings.add("activations/mean", call.target, whole)
    readings.add("activations/std", call.target, ops.sqrt(within + between))
    readings.add("activations/spread", call.target, ops.sqrt(within))


def _examples(call, rank):
    unit_axis = channel_axis(call.layer, rank)
    return [axis for axis in range(rank) if axis != unit_axis]


def _read_averages(readings, call):
    """Add how far the moving averages of a batch norm are from the batch.

    The distance of the mean is in standard deviations of the batch, that of the variance the log of
    the ratio. What a frozen layer returns follows from its averages: healthy are about 1 and 0.
    """
    layer, x = call.layer, ops.cast(call.x, "float32")
    axis = layer.axis if isinstance(layer.axis, int) else layer.axis[0]
    axes = [a for a in range(len(x.shape)) if a != axis % len(x.shape)]
    mean, variance = moments(x, axes)
    moving_mean = ops.cast(layer.moving_mean, "float32")
    moving_variance = ops.cast(layer.moving_variance, "float32")
    expected = moving_variance + layer.epsilon
    shift = ops.square(moving_mean - mean)
    if layer.trainable:
        variance = variance + layer.epsilon
        lag = ops.sqrt(ops.mean(shift / variance))
        readings.add("normalization/mean_lag", call.target, lag)
        ratio = ops.mean(ops.abs(ops.log(expected / variance)))
        readings.add("normalization/variance_lag", call.target, ratio)
    else:
        shift = ops.sqrt(ops.mean(shift / expected))
        readings.add("normalization/frozen_shift", call.target, shift)
        variance = ops.mean(variance / expected)
        readings.add("normalization/frozen_variance", call.target, variance)


def _read_slopes(readings, call):
    """Add the smallest and the largest slope of the negative side of a PReLU."""
    alpha = ops.cast(call.layer.alpha, "float32")
    readings.add("activations/slope_low", call.target, ops.min(alpha))
    readings.add("activations/slope_high", call.target, ops.max(alpha))


def _middle(call):
    return 0.5 if call.z is None and call.function is keras.activations.sigmoid else 0.0
