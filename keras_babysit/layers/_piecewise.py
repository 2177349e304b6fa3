"""The common part of the layers that take the maximum over pieces."""

import functools
from typing import TYPE_CHECKING, TypeAlias

import keras
from keras import ops

from keras_babysit.typing import Tensor

# A chain of pairwise maxima is faster than a reduction for few pieces, because its gradient is a
# selection, while the gradient of a reduction compares, counts and divides. Measured ratios
# (TensorFlow, CPU): 0.4 to 0.9 for up to 3 pieces; for 4 pieces 0.8 without XLA, 1.3 to 1.6 with
# it; 2 for 8 pieces.
_MAX_CHAIN_LENGTH = 3


def require_pieces(pieces: int) -> int:
    """Return `pieces`, and raise a ValueError if it is below 2."""
    if pieces < 2:
        raise ValueError(f"Argument `pieces` must be at least 2. Received: pieces={pieces}")
    return int(pieces)


def split_pieces(z: Tensor, pieces: int) -> Tensor:
    """Return `z` of shape `(..., units * pieces)` as `(..., units, pieces)`."""
    return ops.reshape(z, (*ops.shape(z)[:-1], z.shape[-1] // pieces, pieces))


if TYPE_CHECKING:
    Mixin: TypeAlias = keras.layers.Layer
else:
    Mixin = object


class Piecewise(Mixin):
    """Mixin: the maximum over the pieces, and the fraction of positions that each piece wins."""

    def reduce_pieces(self, z: Tensor) -> Tensor:
        """Return the maximum over the pieces of `z`, of shape `(..., units, pieces)`.

        If pieces tie, the backend decides whether the gradient goes to one of them or is divided.
        """
        # Keras' `maximum` returns float32 for float64 on PyTorch.
        is_double = keras.backend.standardize_dtype(z.dtype) == "float64"
        if z.shape[-1] > _MAX_CHAIN_LENGTH or is_double:
            return ops.max(z, axis=-1)
        return functools.reduce(ops.maximum, ops.unstack(z, axis=-1))

    def winners(self, z: Tensor) -> Tensor:
        """Return the fraction of positions at which each piece of each unit is the maximum.

        A piece that is never the maximum gets no gradient: it is dead.

        Args:
            z: The input of `reduce_pieces`, of shape `(..., units, pieces)`.

        Returns:
            Fractions of shape `(units, pieces)` in float32. Each row sums to 1. If pieces tie, the
            first one wins.
        """
        wins = ops.one_hot(ops.argmax(z, axis=-1), z.shape[-1], dtype="float32")
        return ops.mean(wins, axis=tuple(range(len(z.shape) - 2)))
