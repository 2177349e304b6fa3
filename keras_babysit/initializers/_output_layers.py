"""The layers that make the outputs of a model."""

from collections.abc import Iterable
from typing import Any

import keras

from keras_babysit.initializers._shadow import LOOPS, outside_loops, visited
from keras_babysit.typing import Tensor


def output_layers(model: keras.layers.Layer, x: Tensor) -> set[keras.layers.Layer]:
    """Return the layers with weights that no other one comes behind.

    One forward pass is followed by the identity of its tensors: what a layer without weights
    returns comes from whatever made its inputs. Where operations outside of layers lose the trace,
    the layer with weights that ran last counts.

    Args:
        model: A built model or layer.
        x: One batch of its inputs.

    Example:
        >>> inputs = keras.Input((2,))
        >>> hidden, output = keras.layers.Dense(3), keras.layers.Dense(1)
        >>> model = keras.Sequential([inputs, hidden, output, keras.layers.ReLU()])
        >>> [layer is output for layer in output_layers(model, np.zeros((1, 2)))]
        [True]
    """
    trace = _Trace()
    leaves = [layer for layer in outside_loops(model) if _is_leaf(layer)]
    with visited(leaves, trace.visit):
        outputs = model(x, training=False)
    found: set[keras.layers.Layer] = set()
    for tensor in keras.tree.flatten(outputs):
        found |= trace.makers_of([tensor]) or ({trace.last} if trace.last is not None else set())
    return found


def _is_leaf(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, LOOPS) or not list(layer._flatten_layers(include_self=False))


class _Trace:
    """Which layers with weights a tensor comes from, with none in between."""

    def __init__(self) -> None:
        self.last: keras.layers.Layer | None = None
        self._makers: dict[int, set[keras.layers.Layer]] = {}
        self._tensors: list[Any] = []  # kept, so that no other tensor gets the same identity

    def visit(self, layer: keras.layers.Layer, call: Any, args: Any, kwargs: Any) -> Any:
        """Run a layer, and note where its outputs come from."""
        outputs = call(*args, **kwargs)
        if layer.weights:
            self.last = layer
            makers = {layer}
        else:
            makers = self.makers_of(keras.tree.flatten((args, kwargs)))
        for tensor in keras.tree.flatten(outputs):
            self._tensors.append(tensor)
            self._makers[id(tensor)] = makers
        return outputs

    def makers_of(self, tensors: Iterable[Any]) -> set[keras.layers.Layer]:
        """Return the layers that one of the tensors comes from."""
        return set().union(*(self._makers.get(id(tensor), set()) for tensor in tensors))
