"""Exact statistics for every batch normalization of a model."""

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_babysit.layers._batches import batches
from keras_babysit.layers._recording import recording, require_finite, without_gradients
from keras_babysit.layers._running_moments import RunningMoments
from keras_babysit.layers.manual_batch_normalization import ManualBatchNormalization
from keras_babysit.shadow import shadowed
from keras_babysit.typing import Nested

KINDS = (keras.layers.BatchNormalization, ManualBatchNormalization)

MAX_OUTPUTS = 2**23
"""Numbers that all layers return in one pass, 32 MB: a model that is not compiled keeps them to the
end of the pass."""


def recalibrate(
    model: keras.Model, x: Any, batch_size: int = 32, *, steps: int | None = None
) -> list[keras.layers.Layer]:
    """Replace the moving averages of batch normalizations by the statistics of a data set.

    The moving averages cover some hundred batches, with weights that were still changing. In
    inference, a batch normalization should use mean and variance of the training set under the
    final weights. They are computed in float64, layer by layer from the inputs on, because each
    layer changes the inputs of the next ones. The model runs in inference mode without gradients,
    once to find the order of the layers on one batch, and once over the data for each layer. A
    batch whose outputs would take too much memory is passed in parts: in inference mode, the
    examples of a batch do not affect each other.

    A layer with `trainable=False` keeps its averages: the weights behind it were trained with them.

    Args:
        model: A built model.
        x: The training set: an array, several arrays as the model takes them (a list, tuple or
            dictionary), or batches as `tf.data.Dataset`, `keras.utils.PyDataset`, PyTorch
            `DataLoader` or list of `(x, y)`. A generator can be read only once: pass a function
            that returns one.
        batch_size: Largest number of examples of a pass where `x` holds arrays, at least 1.
        steps: Number of batches to read; None for all.

    Returns:
        The layers that were recalibrated, in the order in which they run. A layer whose inputs are
        all masked keeps its averages and is left out.

    Raises:
        ValueError: If `batch_size` is below 1, if the data is empty, or infinite while `steps` is
            None, or if the inputs of a layer are not finite, as with NaN in the data. All layers
            keep their averages then.
        TypeError: If `x` is an iterator.

    Example:
        >>> x = np.random.default_rng(0).normal(5.0, 2.0, (512, 3)).astype("float32")
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.BatchNormalization()])
        >>> [norm] = recalibrate(model, x)
        >>> np.allclose(keras.ops.convert_to_numpy(norm.moving_mean), x.mean(axis=0), atol=1e-4)
        True

    Reference:
        Ioffe and Szegedy, arXiv:1502.03167, algorithm 2, steps 8 to 12.
    """
    if batch_size < 1:
        raise ValueError(f"Argument `batch_size` must be at least 1. Received: {batch_size}")
    if isinstance(x, Iterator):
        raise TypeError(
            "Argument `x` is read once per layer, and an iterator can be read only once. Pass a "
            f"function that returns one. Received: x of type {type(x).__name__}"
        )
    first = next(_batches(x, batch_size, steps), None)
    if first is None:
        raise ValueError("Argument `x` must hold at least one example. Received: no data")
    with without_gradients():
        layers, outputs_of_example = _look(model, first)
        count = max(1, MAX_OUTPUTS // max(1, outputs_of_example))
        recalibrated = []
        with _restored_on_error(layers):
            for layer in layers:
                moments = RunningMoments()
                with recording(layer, moments):
                    for batch in _batches(x, batch_size, steps):
                        for part in _parts(batch, count):
                            model(part, training=False)
                if moments.count:
                    _assign(layer, moments)
                    recalibrated.append(layer)
    return recalibrated


@contextlib.contextmanager
def _restored_on_error(layers: list[keras.layers.Layer]) -> Iterator[None]:
    """Give the layers the averages that they had if an error is raised."""
    before = [
        (weight, np.array(keras.ops.convert_to_numpy(weight)))
        for layer in layers
        for weight in layer.non_trainable_variables
    ]
    try:
        yield
    except BaseException:
        for weight, value in before:
            weight.assign(value)
        raise


def _batches(x: Any, batch_size: int, steps: int | None) -> Iterator[Nested]:
    """Return an iterator over the inputs of the batches."""
    if callable(x) and not isinstance(x, keras.utils.PyDataset):
        return batches(x(), steps=steps)
    leaves = keras.tree.flatten(x) if isinstance(x, dict | list | tuple) else [x]
    are_arrays = bool(leaves) and all(
        hasattr(leaf, "shape") and hasattr(leaf, "__array__") for leaf in leaves
    )
    if not are_arrays or (isinstance(x, list) and leaves and isinstance(x[0], tuple | list)):
        return batches(x, steps=steps)
    starts = range(0, leaves[0].shape[0], batch_size)[:steps]
    return (
        keras.tree.map_structure(lambda leaf, at=start: leaf[at : at + batch_size], x)
        for start in starts
    )


def _look(model: keras.Model, batch: Nested) -> tuple[list[keras.layers.Layer], int]:
    """Return the layers to recalibrate in the order in which they run, and the size of the outputs.

    Args:
        model: The model.
        batch: The inputs of one batch, of which one example is used if they are arrays.

    Returns:
        The batch normalizations that are not frozen, and how many numbers all layers return for
        what was passed.
    """
    order: list[keras.layers.Layer] = []
    sizes: list[int] = []

    def noting(layer: keras.layers.Layer) -> Any:
        call = layer.call

        def note(*args: Any, **kwargs: Any) -> Any:
            if isinstance(layer, KINDS) and layer.trainable and layer not in order:
                order.append(layer)
            outputs = call(*args, **kwargs)
            shapes = [getattr(leaf, "shape", ()) for leaf in keras.tree.flatten(outputs)]
            sizes.extend(math.prod(shape) for shape in shapes if None not in shape)
            return outputs

        return shadowed(layer, "call", note)

    with contextlib.ExitStack() as stack:
        for layer in model._flatten_layers(include_self=False):
            stack.enter_context(noting(layer))
        model(next(_parts(batch, 1)), training=False)
    return order, sum(sizes)


def _parts(batch: Nested, count: int) -> Iterator[Nested]:
    """Yield a batch in parts of at most `count` examples; whole if it is not made of arrays."""
    leaves = keras.tree.flatten(batch)
    if not all(hasattr(leaf, "__array__") for leaf in leaves):  # sparse, ragged
        yield batch
        return
    for start in range(0, leaves[0].shape[0], count):
        yield keras.tree.map_structure(lambda leaf, at=start: leaf[at : at + count], batch)


def _assign(layer: keras.layers.Layer, moments: RunningMoments) -> None:
    require_finite(layer, moments)
    layer.moving_mean.assign(moments.mean)
    layer.moving_variance.assign(moments.variance)
    if getattr(layer, "renorm", False):
        deviation = np.sqrt(moments.variance + layer.epsilon)
        layer.moving_stddev.assign(deviation)
