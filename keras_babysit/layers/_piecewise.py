"""What every layer that takes the maximum over pieces shares."""

import functools
from typing import Any

from keras import ops

# The gradient of a pairwise maximum is a selection, that of a reduction compares, counts and
# divides. Up to 3 pieces the chain takes 0.4 to 0.9 of the reduction's time, for 4 pieces 0.8
# without XLA but 1.3 to 1.6 with it, for 8 twice as long (TensorFlow, CPU).
_LONGEST_CHAIN = 3


def require_pieces(pieces: int) -> int:
    """Return `pieces`, or raise STYLE.md's ValueError below 2."""
    if pieces < 2:
        raise ValueError(f"Argument `pieces` must be at least 2. Received: pieces={pieces}")
    return int(pieces)


def split_pieces(z: Any, pieces: int) -> Any:
    """Return `z` of shape `(..., units * pieces)` as `(..., units, pieces)`."""
    return ops.reshape(z, (*ops.shape(z)[:-1], z.shape[-1] // pieces, pieces))


class Piecewise:
    """Mixin: the maximum over the last axis, and who wins it."""

    def reduce_pieces(self, z: Any) -> Any:
        """Return the maximum over the pieces of `z`, of shape `(..., units, pieces)`.

        Where pieces tie, the gradient goes to one of them or is shared, as the backend does it.
        """
        if z.shape[-1] > _LONGEST_CHAIN:
            return ops.max(z, axis=-1)
        return functools.reduce(ops.maximum, ops.unstack(z, axis=-1))

    def winners(self, z: Any) -> Any:
        """Return the share of positions that each piece of each unit wins.

        A piece that never wins gets no gradient: it is dead, as a ReLU can be.

        Args:
            z: What is given to `reduce_pieces`, of shape `(..., units, pieces)`.

        Returns:
            Shares of shape `(units, pieces)` in float32, each row summing to 1. Of pieces that
            tie the first one wins.
        """
        wins = ops.one_hot(ops.argmax(z, axis=-1), z.shape[-1], dtype="float32")
        return ops.mean(wins, axis=tuple(range(len(z.shape) - 2)))
