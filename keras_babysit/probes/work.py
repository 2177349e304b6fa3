"""The work of a network, read from its weights and shapes: no pass is made for it."""

import math

import keras
import numpy as np

from keras_babysit.backends import backend
from keras_babysit.probes import taps
from keras_babysit.schedule import CostEstimate

RECURRENT_LAYER_SIZE = 5
"""Layers that a recurrent layer counts for: its loop is compiled as well."""


def count_layers(leaves):
    """Return the number of layers that compute, a recurrent one counted for several."""
    return sum(
        RECURRENT_LAYER_SIZE if isinstance(layer, taps.OPAQUE_LAYERS) else 1 for layer in leaves
    )


def estimate_cost(
    model,
    leaves,
    batch,
    *,
    batch_size,
    can_compile,
    takes_gradients=False,
    is_single=False,
    is_kept=False,
    is_carried=False,
):
    """Return the `CostEstimate` of a network.

    Args:
        model: A built `keras.Model`.
        leaves: Its layers that compute.
        batch: A batch `(x, y, sample_weight)`.
        batch_size: Examples of a training step.
        can_compile: Whether a probe of the model can be compiled.
        takes_gradients: Whether a probe cannot do without a backward pass.
        is_single: Whether a single probe is taken, which does not earn a compilation back unless
            all must be compiled.
        is_kept: Whether a compiled probe is left over from an earlier run.
        is_carried: Whether the reference sample is.
    """
    size = count_layers(leaves)
    must_compile = can_compile and backend.COMPILES_EACH_SIZE
    is_compiled = must_compile or (can_compile and not is_single)
    return CostEstimate(
        layers=size,
        multiply_adds=multiply_adds(model, leaves, batch[0]),
        batch_size=batch_size,
        compiled_start=backend.start_seconds(size, is_compiled=True) if is_compiled else None,
        uncompiled_start=None if must_compile else backend.start_seconds(size, is_compiled=False),
        is_accelerated=backend.has_accelerator(),
        has_forward=not takes_gradients,
        is_kept=is_kept,
        is_carried=is_carried,
    )


def multiply_adds(model, leaves, x):
    """Return the multiplications of a forward pass of one example, about.

    Each entry of a kernel is used once at each position of the layer's output: a pixel, a step. A
    layer whose output is not known in advance, as inside a subclassed model, has as many positions
    as the inputs of the model.

    Example:
        >>> layers = keras.layers
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3, strides=2)])
        >>> multiply_adds(model, model.layers, np.zeros((1, 8, 8, 3)))
        972.0
    """
    default = max((_positions(leaf) for leaf in keras.tree.flatten(x)), default=1)
    return float(sum(_entries(layer) * _positions_of(layer, default) for layer in leaves))


def _entries(layer):
    if isinstance(layer, keras.layers.Embedding):
        return 0
    return sum(int(np.prod(one.shape)) for one in layer.weights if len(one.shape) > 1)


def _positions_of(layer, default):
    if isinstance(layer, (*taps.OPAQUE_LAYERS, keras.layers.Bidirectional)):
        return default
    try:
        shape = tuple(layer.output.shape)
    except Exception:  # it was not called in a functional model, or has several outputs
        return default
    is_first = getattr(layer, "data_format", None) == "channels_first"
    inner = shape[2:] if is_first else shape[1:-1]
    return default if None in inner else math.prod(inner)


def _positions(leaf):
    """Return the positions of an example of an input: all but its last axis, or its tokens.

    The length of a ragged axis is not known, and counts as one.
    """
    shape = [1 if size is None else size for size in getattr(leaf, "shape", ())]
    if len(shape) == 2 and keras.backend.is_int_dtype(leaf.dtype):
        return shape[1]
    return math.prod(shape[1:-1]) if len(shape) > 2 else 1
