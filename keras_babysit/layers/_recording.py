"""The inputs that layers of a model get, as rows of channels."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_babysit.layers._running_moments import RunningMoments
from keras_babysit.shadow import shadowed
from keras_babysit.typing import Tensor

BLOCK_ENTRIES = 2**20
"""Numbers that are squared at once, which takes some float64 copies of them: 8 MB each."""


@contextlib.contextmanager
def recording(layer: keras.layers.Layer, moments: RunningMoments) -> Iterator[None]:
    """Add the inputs of each call of a layer to `moments`, per channel along its `axis`."""
    call = layer.call

    def record(inputs: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        rows = rows_of_channels(inputs, layer.axis, kwargs.get("mask"))
        for block in np.array_split(rows, max(1, rows.size // BLOCK_ENTRIES)):
            if len(block):
                with np.errstate(invalid="ignore", over="ignore"):  # see `require_finite`
                    moments.update(block)
        return call(inputs, *args, **kwargs)

    with shadowed(layer, "call", record):
        yield


def require_finite(layer: keras.layers.Layer, moments: RunningMoments) -> None:
    """Raise a ValueError unless float32 can hold the mean and the variance of a layer's inputs."""
    largest = np.finfo("float32").max
    if not (np.abs(moments.mean) <= largest).all() or not (moments.variance <= largest).all():
        raise ValueError(
            f'The inputs of layer "{layer.name}" must be finite, with mean and variance within the '
            "range of float32. Received: NaN, infinity or larger numbers"
        )


@contextlib.contextmanager
def without_gradients() -> Iterator[None]:
    """Let calls of layers keep nothing for a backward pass; only PyTorch does so by itself."""
    if keras.backend.backend() != "torch":
        yield
        return
    import torch

    with torch.no_grad():
        yield


def rows_of_channels(inputs: Tensor, axis: int, mask: Tensor = None) -> np.ndarray:
    """Return the unmasked positions of `inputs`, as rows of channels."""
    x = ops.convert_to_numpy(ops.cast(inputs, "float32"))
    rows: np.ndarray = np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis])
    if mask is None:
        return rows
    counts = np.broadcast_to(ops.convert_to_numpy(mask)[..., None], x.shape)
    return rows[np.moveaxis(counts, axis, -1).reshape(rows.shape).all(axis=1)]
