"""Argument validation shared by `check` and `lr_range_test`."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_babysit.errors import NotCompiledError, ProbeMismatchError
from keras_babysit.typing import Nested


def require_model(model: Any) -> None:
    """Raise unless `model` is a compiled Keras model."""
    if not isinstance(model, keras.Model):
        raise TypeError(f"Argument `model` must be a keras.Model. Received: {type(model).__name__}")
    if not model.compiled:
        raise NotCompiledError(
            "The model must be compiled before it can be checked. Received: "
            f"model={model.name!r}. Call `model.compile(optimizer, loss)` first."
        )


def require_above_zero(name: str, value: float) -> None:
    """Raise a ValueError unless `value` is above 0."""
    if not value > 0:
        raise ValueError(f"Argument `{name}` must be above 0. Received: {name}={value}")


def require_examples(count: int, name: str) -> None:
    """Raise a ValueError if there are no examples."""
    if count < 1:
        raise ValueError(
            f"Argument `{name}` must hold at least one example. Received: {count} examples"
        )


def require_same_length(x: Nested, y: Nested, sample_weight: Nested, *, name: str = "x") -> None:
    """Raise a ValueError unless all arrays have the same number of examples."""
    sizes = {}
    for what, leaves in (("x", x), ("y", y), ("sample_weight", sample_weight)):
        lengths = {_length(leaf, name) for leaf in keras.tree.flatten(leaves) if leaf is not None}
        if lengths:
            sizes[what] = sorted(lengths)
    if len({length for lengths in sizes.values() for length in lengths}) > 1:
        received = ", ".join(f"{what}: {', '.join(map(str, n))}" for what, n in sizes.items())
        raise ValueError(
            f"The arrays of `{name}` and its targets must all have the same number of examples. "
            f"Received: {received}"
        )


def require_fit(model: keras.Model, x: Nested) -> None:
    """Raise unless the inputs match a built model in number and shape."""
    expected = getattr(model, "inputs", None)
    if not expected:  # unknown for a subclassed model
        return
    leaves = [leaf for leaf in keras.tree.flatten(x) if leaf is not None]
    if len(leaves) != len(expected):
        raise ProbeMismatchError(
            f"Argument `x` must have as many inputs as the model: {len(expected)}. "
            f"Received: {len(leaves)} inputs"
        )
    if isinstance(x, dict):  # matched by name, in the order of the model
        leaves = [x.get(tensor.name, leaf) for tensor, leaf in zip(expected, leaves, strict=True)]
    for tensor, leaf in zip(expected, leaves, strict=True):
        if not _fits(tensor.shape, leaf.shape):
            raise ProbeMismatchError(
                f"Argument `x` must have the shape that the model expects: "
                f"{tuple(tensor.shape)}. Received: x.shape={tuple(leaf.shape)}"
            )


def _fits(expected: Sequence[int | None], received: Sequence[int]) -> bool:
    """Return whether Keras accepts the shape; it adds or drops a last axis of size 1 itself."""
    expected, received = tuple(expected)[1:], tuple(received)[1:]
    if len(expected) == len(received) + 1 and expected[-1:] == (1,):
        expected = expected[:-1]
    if len(received) == len(expected) + 1 and received[-1:] == (1,):
        received = received[:-1]
    return len(expected) == len(received) and all(
        want is None or want == got for want, got in zip(expected, received, strict=True)
    )


def _length(leaf: Any, name: str) -> int:
    if not getattr(leaf, "shape", ()):
        raise ValueError(
            f"The first axis of every array of `{name}` must be the batch axis. "
            f"Received: {type(leaf).__name__} of shape ()"
        )
    return int(leaf.shape[0])
