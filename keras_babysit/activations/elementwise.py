"""Activations of any kind as functions on vectors, and their derivatives.

The backend's automatic differentiation computes the derivatives, because keras.ops has none.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_babysit.typing import Tensor

Function = Callable[[Any], Any]


def elementwise(activation: str | Function | keras.layers.Layer) -> Function:
    """Return `activation` as a function on vectors.

    Raises:
        ValueError: If an output depends on several inputs, as in softmax.
    """
    function = _as_function(activation)
    probe = np.linspace(-2.0, 2.0, 8)
    if not np.allclose(evaluate(function, probe)[:4], evaluate(function, probe[:4]), atol=1e-6):
        raise ValueError(
            "Argument `activation` must act on each element separately. "
            f"Received: activation={activation}"
        )
    return function


def _as_function(activation: str | Function | keras.layers.Layer) -> Function:
    if not isinstance(activation, keras.layers.Layer):
        named: Function = keras.activations.get(activation)
        return named
    # Copy it, because the first call would build the caller's layer for a single unit.
    copy = type(activation).from_config({**activation.get_config(), "dtype": "float32"})
    return lambda z: ops.squeeze(copy(ops.expand_dims(z, -1)), -1)


def evaluate(function: Function, z: np.ndarray) -> np.ndarray:
    """Return `f(z)`, computed in float32."""
    return np.asarray(ops.convert_to_numpy(function(ops.convert_to_tensor(z, dtype="float32"))))


def derivative(function: Function, z: np.ndarray) -> np.ndarray:
    """Return `f'(z)` of an elementwise function, computed in float32."""
    _, slope = value_and_derivative(function)(ops.convert_to_tensor(z, dtype="float32"))
    return np.asarray(ops.convert_to_numpy(slope))


def value_and_derivative(function: Function) -> Function:
    """Return a function from `z` to `f(z)` and `f'(z)`, compiled where the backend allows it.

    Raises:
        NotImplementedError: If the backend is not TensorFlow, JAX or PyTorch.
    """
    backend = keras.backend.backend()
    if backend not in _BY_BACKEND:
        raise NotImplementedError(
            f"Derivatives need the backend tensorflow, jax or torch. Received: backend={backend!r}"
        )
    return _BY_BACKEND[backend](function)


def _by_tensorflow(function: Function) -> Function:
    import tensorflow as tf

    def step(z: Tensor) -> Tensor:
        with tf.GradientTape() as tape:
            tape.watch(z)
            y = function(z)
        return y, tape.gradient(y, z, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    compiled: Function = tf.function(step)
    return compiled


def _by_jax(function: Function) -> Function:
    import jax

    def step(z: Tensor) -> Tensor:
        y, pull_back = jax.vjp(function, z)
        return y, pull_back(ops.ones_like(y))[0]

    compiled: Function = jax.jit(step)
    return compiled


def _by_torch(function: Function) -> Function:
    import torch

    def step(z: Tensor) -> Tensor:
        with torch.enable_grad():
            z = z.detach().requires_grad_(True)
            y = function(z)
            if not y.requires_grad:
                return y, torch.zeros_like(z)
            (slope,) = torch.autograd.grad(y, z, torch.ones_like(y), allow_unused=True)
        return y.detach(), torch.zeros_like(z) if slope is None else slope

    return step


_BY_BACKEND = {"tensorflow": _by_tensorflow, "jax": _by_jax, "torch": _by_torch}
