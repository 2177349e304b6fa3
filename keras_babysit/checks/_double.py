"""Temporary double precision, because difference quotients in float32 are mostly rounding error."""

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras

from keras_babysit.probes.probe import stateless
from keras_babysit.typing import Tensor


@contextlib.contextmanager
def double_precision(model: keras.Model) -> Iterator[None]:
    """Let every layer and loss of `model` compute in float64, and restore everything on exit."""
    floatx = keras.config.floatx()
    policies = [(layer, layer._dtype_policy) for layer in model._flatten_layers()]
    losses = [(loss, loss.dtype) for loss in _losses(model)]
    with contextlib.ExitStack() as stack:
        if keras.backend.backend() == "jax":
            stack.enter_context(_x64())
        stack.enter_context(_wide_results())
        stack.callback(keras.config.set_floatx, floatx)
        for layer, policy in policies:
            stack.callback(setattr, layer, "_dtype_policy", policy)
        for loss, dtype in losses:
            stack.callback(setattr, loss, "_dtype", dtype)
        keras.config.set_floatx("float64")
        for layer, _ in policies:
            layer._dtype_policy = keras.DTypePolicy("float64")
        for loss, _ in losses:
            loss._dtype = "float64"
        yield


def stateless_double(
    model: keras.Model, trainable: Sequence[Tensor], other: Sequence[Tensor]
) -> keras.StatelessScope:
    """Return the scope of `stateless` with all values in float64, frozen variables included."""
    scope = stateless(model, trainable, other)
    others = [*model.non_trainable_variables, *model.metrics_variables]
    pairs = [
        *zip(model.trainable_variables, trainable, strict=True),
        *zip(others, other, strict=True),
    ]
    for variable, value in pairs:
        scope.state_mapping[id(variable)] = value  # the scope itself would round to float32
    return scope


def _losses(model: keras.Model) -> list[Any]:
    compiled = getattr(model, "_compile_loss", None)
    flat = getattr(compiled, "_flat_losses", None) or ()
    found = [compiled, *(entry.loss for entry in flat)]
    return [loss for loss in found if loss is not None and hasattr(loss, "_dtype")]


@contextlib.contextmanager
def _wide_results() -> Iterator[None]:
    """Let Keras' operations return float64 for float64; on JAX and PyTorch they return float32.

    If a Keras version has no such table, results stay in float32; the gradient check detects this
    and reports "unknown".
    """
    from keras.src.backend.common import dtypes

    table = getattr(dtypes, "BIT64_TO_BIT32_DTYPE", {})
    before = table.get("float64")
    clear = getattr(dtypes.result_type, "cache_clear", lambda: None)
    if before is None:
        yield
        return
    table["float64"] = "float64"
    clear()
    try:
        yield
    finally:
        table["float64"] = before
        clear()


def _x64() -> AbstractContextManager[Any]:
    import jax

    if hasattr(jax, "enable_x64"):
        scope: AbstractContextManager[Any] = jax.enable_x64(True)
        return scope
    experimental: AbstractContextManager[Any] = jax.experimental.enable_x64()
    return experimental
