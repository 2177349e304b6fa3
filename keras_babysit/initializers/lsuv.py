"""LSUV: initial weights scaled by data."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from keras_babysit.initializers._shadow import Forward, visited


class LayerScale(NamedTuple):
    """Standard deviation of one layer's pre-activation, before and after `lsuv`.

    Args:
        layer: Path of the layer.
        before: Standard deviation before `lsuv`.
        after: Standard deviation after it.
    """

    layer: str
    before: float
    after: float


def lsuv(
    model: keras.layers.Layer,
    x: Any,
    *,
    orthogonal: bool = True,
    tolerance: float = 0.02,
    max_iterations: int = 10,
    seed: int | None = None,
) -> list[LayerScale]:
    """Layer-sequential unit variance: scale each kernel so that its pre-activation has variance 1.

    Formulas for the initial scale assume independent inputs, and ignore skip connections, pooling
    and the data. This function runs one batch through the model in inference mode. Layer by layer,
    in the order in which they run, it divides the kernel by the standard deviation of the
    pre-activation. It changes nothing but kernels: biases, the averages of batch normalization and
    random seeds keep their values.

    It scales every layer with a trainable kernel (dense, convolution, einsum and maxout layers), in
    sequential, functional, subclassed and nested models. A layer that is used several times is
    scaled at its first use. It leaves out recurrent cells, because they run inside a compiled loop,
    frozen layers, and layers whose pre-activation is constant or not finite. The latter are part of
    the result, with their standard deviation.

    Args:
        model: A model or layer. It is built if necessary.
        x: One batch of inputs of the model; a few hundred examples are enough.
        orthogonal: Whether to draw orthonormal kernels first, as in the paper. False scales the
            existing kernels.
        tolerance: Largest accepted distance of the standard deviation from 1, above 0. With zero
            biases the first division is exact except for rounding.
        max_iterations: Largest number of divisions per layer, at least 1.
        seed: Seed of the orthonormal kernels. None uses Keras' global seed.

    Returns:
        One `LayerScale` per layer, in the order in which they run; empty if no layer has a kernel.

    Raises:
        ValueError: If `tolerance` is not above 0 or `max_iterations` is below 1.

    Example:
        >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
        >>> (scale,) = lsuv(model, np.random.default_rng(0).normal(size=(256, 8)))
        >>> abs(scale.after - 1) < 0.02
        True

    Reference:
        Mishkin & Matas, "All you need is a good init", arXiv:1511.06422, 2015.
    """
    if not tolerance > 0:
        raise ValueError(f"Argument `tolerance` must be above 0. Received: tolerance={tolerance}")
    if max_iterations < 1:
        raise ValueError(
            f"Argument `max_iterations` must be at least 1. Received: {max_iterations=}"
        )
    model(x, training=False)  # builds the model, which creates its kernels
    layers = _layers_with_kernel(model)
    before = _deviations(model, x, layers)
    if orthogonal:
        _draw_orthogonal(before, seed)
    _scale_in_order(model, x, before, tolerance, max_iterations)
    after = _deviations(model, x, before)
    return [LayerScale(layer.path, before[layer], after[layer]) for layer in before]


def _layers_with_kernel(model: keras.layers.Layer) -> list[keras.layers.Layer]:
    layers = list(model._flatten_layers())
    looped = {
        id(inner)
        for layer in layers
        if isinstance(layer, keras.layers.RNN | keras.layers.TimeDistributed)
        for inner in layer._flatten_layers()
    }
    return [layer for layer in layers if id(layer) not in looped and _kernel(layer) is not None]


def _kernel(layer: keras.layers.Layer) -> keras.Variable | None:
    """Return the trainable kernel that determines the scale of the layer's output, or None."""
    for name in ("pointwise_kernel", "kernel"):
        kernel = getattr(layer, name, None)
        if isinstance(kernel, keras.Variable) and kernel.trainable and len(kernel.shape) > 1:
            return kernel
    return None


def _deviations(
    model: keras.layers.Layer, x: Any, layers: Iterable[keras.layers.Layer]
) -> dict[keras.layers.Layer, float]:
    """Return the standard deviation of each layer's pre-activation at its first use."""
    deviations: dict[keras.layers.Layer, float] = {}

    def measure(layer: keras.layers.Layer, forward: Forward) -> Any:
        outputs, preactivation = forward()
        deviations.setdefault(layer, _deviation(preactivation))
        return outputs

    with visited(layers, measure):
        model(x, training=False)
    return deviations


def _deviation(preactivation: Any) -> float:
    return float(np.std(ops.convert_to_numpy(ops.cast(preactivation, "float32")), dtype="float64"))


def _draw_orthogonal(layers: Iterable[keras.layers.Layer], seed: int | None) -> None:
    draw = keras.initializers.Orthogonal(seed=keras.random.SeedGenerator(seed))
    for layer in layers:
        kernel = _kernel(layer)
        kernel.assign(draw(kernel.shape, dtype=kernel.dtype))


def _scale_in_order(
    model: keras.layers.Layer,
    x: Any,
    layers: Iterable[keras.layers.Layer],
    tolerance: float,
    max_iterations: int,
) -> None:
    """Scale all kernels in one pass, so that each layer gets inputs from scaled layers."""
    scaled = set()

    def scale(layer: keras.layers.Layer, forward: Forward) -> Any:
        outputs, preactivation = forward()
        if layer in scaled:
            return outputs
        scaled.add(layer)
        kernel = _kernel(layer)
        for _ in range(max_iterations):
            deviation = _deviation(preactivation)
            if abs(deviation - 1) <= tolerance or not 0 < deviation < np.inf:
                break
            kernel.assign(kernel / deviation)
            outputs, preactivation = forward()
        return outputs

    with visited(layers, scale):
        model(x, training=False)
