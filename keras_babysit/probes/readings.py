"""Readings: what a probe measured, packed into one vector so that one read brings it to the host.

Inside the graph a reading is a scalar or a vector with a fixed number of entries. `Readings`
keeps the tensors and, beside them, the layout that tells the host which entry is what.
"""

import math
from dataclasses import dataclass

import numpy as np
from keras import ops


@dataclass(frozen=True)
class Slot:
    """Place of one reading in the packed vector; `shape` is `()` for a scalar."""

    quantity: str
    target: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of entries that the reading takes."""
        return math.prod(self.shape)


class Readings:
    """Collects named tensors while a probe is traced.

    `layout` is known as soon as the trace is done and stays the same from call to call.
    """

    def __init__(self):
        self.layout: list[Slot] = []
        self._tensors = []

    def add(self, quantity, target, tensor):
        """Add one reading; a tensor whose shape is not known in the graph is left out."""
        shape = tuple(tensor.shape)
        if any(size is None for size in shape):
            return
        self.layout.append(Slot(quantity, target, shape))
        self._tensors.append(ops.reshape(ops.cast(tensor, "float32"), (-1,)))

    def extend(self, layout, packed):
        """Add readings that were packed elsewhere."""
        self.layout += layout
        self._tensors.append(packed)

    def pack(self):
        """Return all readings as one float32 vector."""
        if not self._tensors:
            return ops.zeros((0,), "float32")
        return ops.concatenate(self._tensors)


def unpack(layout: list[Slot], packed: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """Return the readings of `packed` by quantity and target, in the order of the layout."""
    found = {}
    start = 0
    for slot in layout:
        piece = packed[start : start + slot.size]
        found[slot.quantity, slot.target] = piece.reshape(slot.shape)
        start += slot.size
    return found


def nonfinite(tensor):
    """Return how many entries of a floating-point tensor are NaN or infinite."""
    return ops.sum(ops.cast(ops.logical_not(ops.isfinite(tensor)), "float32"))


def norm(tensor):
    """Return the Euclidean norm, in float32 and without overflow of the squares.

    The tensor is scaled by its largest entry first: the squares of a float16 or of a diverging
    float32 would overflow long before the norm does.
    """
    tensor = ops.cast(tensor, "float32")
    largest = ops.max(ops.abs(tensor))
    scale = ops.where(ops.logical_and(largest > 0, ops.isfinite(largest)), largest, 1.0)
    return scale * ops.sqrt(ops.sum(ops.square(tensor / scale)))
