"""The mask that travels with a tensor, which slicing and arithmetic lose."""

from typing import Any

import keras
from keras.src.backend.common import masking  # Keras exports no other way to it

from keras_babysit.typing import Tensor


def mask_of(tensor: Tensor) -> Any:
    """Return the mask of a tensor, None without one."""
    return masking.get_keras_mask(tensor)


def masked_like(tensor: Tensor, other: Tensor) -> Tensor:
    """Return a tensor, with the mask of another one of its shape."""
    masking.set_keras_mask(tensor, mask_of(other))
    return tensor


def take_masked(tensors: Any, rows: Any) -> Any:
    """Return some examples of nested tensors, with the same examples of their masks.

    Args:
        tensors: Nested tensors with the examples along their first axis.
        rows: A slice.
    """

    def take(tensor: Tensor) -> Tensor:
        part, mask = tensor[rows], mask_of(tensor)
        masking.set_keras_mask(part, None if mask is None else mask[rows])
        return part

    return keras.tree.map_structure(take, tensors)
