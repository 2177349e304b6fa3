"""Gates: how much gradient an activation lets through at each unit, f'(z).

The kind of an activation is read off its values: it is evaluated once, and its name is not used. A
user's own activation is therefore handled like a built-in one.
"""

import dataclasses
import functools
import warnings
from collections.abc import Callable, Hashable
from typing import Any

import keras
import numpy as np

from keras_babysit.backends import backend
from keras_babysit.typing import Nested, Tensor

CLOSED_GATE = 1e-3
"""Fraction of the steepest slope below which a gate counts as closed: a thousandth of the signal
gets through, and no learning rate that suits the open units compensates it. |tanh z| > 0.9995."""

SATURATED_GATE = 0.02
"""Fraction of the steepest slope below which a squashing unit counts as saturated: |tanh z| > 0.99,
a sigmoid below 0.005 or above 0.995. It learns fifty times more slowly there than at its centre."""

_ASYMPTOTE = 50.0  # far out on both sides every activation in use has reached its asymptote
_SHIFT = 0.01
_CENTRE = 3.0  # standardised pre-activations are within; the steepest slope is taken from here


@dataclasses.dataclass(frozen=True)
class Profile:
    """What kind of activation a function is.

    Args:
        kind: `"rectifier"` if one side is flat, `"squashing"` if both are, `"open"` if none is.
            ReLU6 is a rectifier: behind a batch norm each unit is off for half of the examples,
            as those of any ReLU, which is no saturation.
        peak: Steepest slope near the centre; gates are fractions of it.
    """

    kind: str
    peak: float


KNOWN = {
    keras.activations.relu: Profile("rectifier", 1.0),
    keras.activations.tanh: Profile("squashing", 1.0),
    keras.activations.sigmoid: Profile("squashing", 0.25),
    keras.activations.softmax: None,
}
"""What evaluation gives for the most common functions, to save its time."""


def profile(function: Callable[..., Any]) -> Profile | None:
    """Return what kind of elementwise function `function` is; None if it is not elementwise.

    Softmax and gated linear units mix their inputs and have no gate of their own.
    """
    is_method = getattr(function, "__self__", None) is not None  # a cache would keep its layer
    with backend.eagerly():
        if is_method or not isinstance(function, Hashable):
            return evaluated_profile.__wrapped__(function)
        return KNOWN[function] if function in KNOWN else evaluated_profile(function)


@functools.lru_cache(256)
def evaluated_profile(function: Callable[..., Any]) -> Profile | None:
    """Return the same as `profile`, without looking it up."""
    points = np.concatenate([np.linspace(-_CENTRE, _CENTRE, 122), [-_ASYMPTOTE, _ASYMPTOTE]])
    row, column = points.reshape(1, -1), points.reshape(-1, 1)
    try:
        as_row, as_column = (_evaluate(function, z) for z in (row, column))
    except Exception:  # it wants another shape, so it does not work entry by entry
        return None
    if as_row.shape != row.shape or as_column.shape != column.shape:
        return None
    if not np.allclose(as_row.ravel(), as_column.ravel(), rtol=1e-4, atol=1e-5):
        return None
    # By difference: TensorFlow records no gradient where constants are computed at once.
    ahead, behind = (_evaluate(function, row + shift) for shift in (_SHIFT, -_SHIFT))
    slopes = np.abs(ahead - behind).ravel() / (2 * _SHIFT)
    peak = float(slopes[:-2].max())
    if not np.isfinite(peak) or peak == 0:
        return None
    is_flat = slopes < CLOSED_GATE * peak
    is_off_from_zero = any(half.all() for half in np.split(is_flat[:-2], 2))
    flat_sides = 1 if is_off_from_zero else sum(is_flat[-2:])
    return Profile(("open", "rectifier", "squashing")[flat_sides], peak)


@dataclasses.dataclass(frozen=True)
class FunctionRange:
    """What values a function can return, whatever its input.

    Args:
        low: Lower bound, -inf if there is none.
        high: Upper bound, inf if there is none.
        is_distribution: Whether each row holds probabilities that sum to 1.
    """

    low: float = -np.inf
    high: float = np.inf
    is_distribution: bool = False


KNOWN_REACH = {
    keras.activations.linear: FunctionRange(),
    keras.activations.relu: FunctionRange(low=0.0),
    keras.activations.tanh: FunctionRange(low=-1.0, high=1.0),
    keras.activations.sigmoid: FunctionRange(low=0.0, high=1.0),
    keras.activations.softmax: FunctionRange(low=0.0, high=1.0, is_distribution=True),
}
"""What evaluation gives for the most common functions, to save its time."""


def reach(function: Callable[..., Any]) -> FunctionRange | None:
    """Return what values `function` can return, read off its values; None if the call fails."""
    if is_linear(function):
        return FunctionRange()
    is_known = isinstance(function, Hashable) and function in KNOWN_REACH
    return KNOWN_REACH[function] if is_known else evaluated_reach(function)


def evaluated_reach(function: Callable[..., Any]) -> FunctionRange | None:
    """Return the same as `reach`, without looking it up."""
    with backend.eagerly():
        try:
            far = _evaluate(function, np.outer([-1, 1], np.linspace(_CENTRE, _ASYMPTOTE, 8)))
            rows = _evaluate(function, np.random.default_rng(0).normal(0, _CENTRE, (16, 5)))
        except Exception:  # it wants another shape
            return None
    values = np.concatenate([far.ravel(), rows.ravel()])
    if not np.isfinite(values).all():
        return None
    sums = rows.sum(axis=-1)
    return FunctionRange(
        low=next((float(b) for b in (0, -1) if values.min() >= b - 1e-6), -np.inf),
        high=1.0 if values.max() <= 1 + 1e-6 else np.inf,
        is_distribution=bool(rows.min() >= 0 and np.abs(sums - 1).max() < 1e-3),
    )


def _evaluate(function: Callable[..., Any], array: Any) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns about softmax over one entry
        values = function(backend.to_tensor(array.astype("float32")))
        return np.asarray(backend.to_numpy(values), "float64")


def is_linear(function: Callable[..., Any]) -> bool:
    """Return whether `function` passes its input on as it is."""
    return function is None or function is keras.activations.linear


def from_input(function: Callable[..., Any], z: Tensor, profile: Any) -> Tensor:
    """Return the gate as a fraction of its peak, from the input `z` of the function."""
    if (
        function is keras.activations.relu
    ):  # by far the most common, and this takes a part of the time
        return keras.ops.cast(z > 0, z.dtype)
    return keras.ops.abs(backend.derivative(function, z)) / profile.peak


def from_output(function: Callable[..., Any], y: Nested) -> Any:
    """Return the gate as a fraction of its peak, from the output; None where that is impossible.

    ReLU is open where `y > 0`; sigmoid has slope `y (1 - y)`, tanh `1 - y²`.
    """
    if function is keras.activations.relu:
        return keras.ops.cast(y > 0, y.dtype)
    if function is keras.activations.sigmoid:
        return 4 * y * (1 - y)
    if function is keras.activations.tanh:
        return 1 - y * y
    return None
