"""The way of a tensor to the host."""

from typing import Any

import numpy as np

from keras_babysit.backends.selected import backend


def to_array(tensor: Any) -> np.ndarray:
    """Return a tensor as an array on the host, to compute with.

    float16, bfloat16 and still smaller types become float32, which holds each of their values
    exactly: their squares overflow, and numpy has no fast arithmetic for them. All other dtypes
    stay, and the array may share the memory of the tensor. For the values in their own dtype, as a
    snapshot needs them, use `backend.to_numpy`.

    Args:
        tensor: A tensor of the backend in use, or an array.

    Example:
        >>> to_array(keras.ops.ones((2,), "bfloat16")).dtype.name
        'float32'
        >>> to_array(keras.ops.ones((2,), "int32")).dtype.name
        'int32'
    """
    array = np.asarray(backend.to_numpy(tensor))
    is_small = array.dtype == "float16" or array.dtype.kind == "V"  # V: bfloat16 and smaller ones
    return array.astype("float32") if is_small else array
