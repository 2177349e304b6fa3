"""Measures the properties of activations."""

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_babysit.activations.activation_profile import ActivationProfile, Interval, ProfileList
from keras_babysit.activations.elementwise import (
    Function,
    derivative,
    elementwise,
    evaluate,
    value_and_derivative,
)
from keras_babysit.typing import Tensor

DEFAULT_ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "elu")

SATURATION_THRESHOLD = 0.02
"""Fraction of the largest slope below which an activation is saturated: a unit there learns fifty
times more slowly. For tanh it means |tanh z| > 0.99."""

_MAX_ABS_Z = 30.0
_Z = np.linspace(-_MAX_ABS_Z, _MAX_ABS_Z, 6001)
# Shorter flat intervals are extrema that a unit passes through, such as GELU's minimum.
_MIN_INTERVAL_LENGTH = 0.5
# Beyond about 6 the slopes of GELU and tanh round to 0 in float32. That is saturation, not death.
_DEAD_WITHIN = 6.05
# Standardized inputs lie here; the largest slope is taken from this region.
_IS_CENTRAL = np.abs(_Z) <= 3.0
_TIMED_ELEMENTS = 2**20
_TIMED_PAIRS = 15


def profile(
    *activations: str | Callable[[Any], Any] | keras.layers.Layer, with_cost: bool = True
) -> ProfileList:
    """Measure range, mean, saturation, dead region and cost of activations.

    Args:
        *activations: Names of Keras activations, callables on tensors, or elementwise Keras layers.
            By default: sigmoid, tanh, ReLU, leaky ReLU and ELU.
        with_cost: Whether to time them, which takes some tenths of a second each.

    Returns:
        One `ActivationProfile` per activation, in order; a list that a notebook shows as a table.

    Raises:
        ValueError: If an output of an activation depends on several inputs, as in softmax.

    Example:
        >>> relu, = profile("relu", with_cost=False)
        >>> relu.output_range, relu.is_zero_centered, relu.dead
        ((0.0, inf), False, ((-inf, 0.0),))
    """
    return ProfileList(_profile(one, with_cost) for one in activations or DEFAULT_ACTIVATIONS)


def _profile(activation: Any, with_cost: bool) -> ActivationProfile:
    function = elementwise(activation)
    value, slope = evaluate(function, _Z), derivative(function, _Z)
    is_flat = np.abs(slope) < SATURATION_THRESHOLD * np.abs(slope[_IS_CENTRAL]).max()
    dead = _intervals(slope == 0)
    return ActivationProfile(
        name=_name(activation),
        output_range=_output_range(function, value),
        mean_output=_mean(value),
        saturated=_intervals(is_flat),
        dead=tuple(interval for interval in dead if min(map(abs, interval)) < _DEAD_WITHIN),
        relative_cost=_relative_cost(function) if with_cost else None,
        z=_Z,
        value=value,
        slope=slope,
    )


def _name(activation: Any) -> str:
    known = getattr(activation, "__name__", None) or getattr(activation, "name", None)
    return str(known or activation)


def _output_range(function: Function, value: np.ndarray) -> Interval:
    """Return smallest and largest output; infinite where f keeps growing far out."""
    with np.errstate(over="ignore"):
        near, far = (evaluate(function, np.array([-z, z])) for z in (1e4, 1e5))
    low, high = float(min(value.min(), *near)), float(max(value.max(), *near))
    if max(far) > 2 * abs(high):
        high = np.inf
    if min(far) < -2 * abs(low):
        low = -np.inf
    return round(low, 3), round(high, 3)


def _mean(value: np.ndarray) -> float:
    density = np.exp(-(_Z**2) / 2) / np.sqrt(2 * np.pi)
    return float((value * density).sum() * (_Z[1] - _Z[0]))


def _intervals(holds: np.ndarray) -> tuple[Interval, ...]:
    """Return the intervals where `holds`, infinite where they reach an end of the grid."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], holds, [False]]).astype(int)))
    intervals = []
    for start, end in zip(edges[::2], edges[1::2] - 1, strict=True):
        low = -np.inf if start == 0 else round(float(_Z[start]), 2)
        high = np.inf if end == len(_Z) - 1 else round(float(_Z[end]), 2)
        if high - low >= _MIN_INTERVAL_LENGTH:
            intervals.append((low, high))
    return tuple(intervals)


def _relative_cost(function: Function) -> float:
    """Return the median ratio of times, measured alternately under the same load."""
    z = ops.convert_to_tensor(np.random.default_rng(0).normal(size=_TIMED_ELEMENTS), "float32")
    steps = value_and_derivative(function), value_and_derivative(keras.activations.relu)
    for step in steps:
        _seconds(step, z)  # traces and compiles
    ratios = [_seconds(steps[0], z) / _seconds(steps[1], z) for _ in range(_TIMED_PAIRS)]
    return float(np.median(ratios))


def _seconds(step: Function, z: Tensor) -> float:
    start = time.perf_counter()
    _, slope = step(z)
    ops.convert_to_numpy(slope[:1])  # waits for the device
    return time.perf_counter() - start
