"""Access to what layers compute while a model runs, without changing the layers."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras

from keras_babysit.shadow import shadowed
from keras_babysit.typing import Tensor

LOOPS = keras.layers.RNN | keras.layers.TimeDistributed
"""Layers that run others inside a compiled loop, where no call can be visited."""


def outside_loops(model: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Return the layers of a model, itself first, whose calls can be visited."""
    layers = list(model._flatten_layers())
    looped = {
        id(inner)
        for layer in layers
        if isinstance(layer, LOOPS)
        for inner in layer._flatten_layers(include_self=False)
    }
    return [layer for layer in layers if id(layer) not in looped]


@contextlib.contextmanager
def visited(
    layers: Iterable[keras.layers.Layer],
    visit: Callable[[keras.layers.Layer, Callable[..., Any], Any, Any], Any],
) -> Iterator[None]:
    """Replace the call of each of `layers`, only inside the `with` block.

    `visit(layer, call, args, kwargs)` returns the outputs of the layer; `call` is the original.
    """

    def visiting(layer: keras.layers.Layer) -> Callable[..., Any]:
        call = layer.call
        return lambda *args, **kwargs: visit(layer, call, args, kwargs)

    with contextlib.ExitStack() as stack:
        for layer in layers:
            stack.enter_context(shadowed(layer, "call", visiting(layer)))
        yield


def seen_before_activation(
    layers: Iterable[keras.layers.Layer], see: Callable[[keras.layers.Layer, Any], Any]
) -> contextlib.AbstractContextManager[None]:
    """Let `see` replace the pre-activation of each of `layers`, only inside the `with` block.

    `see(layer, z)` returns what the activation gets in place of `z`, its outputs in a layer without
    an activation.
    """
    return visited(layers, functools.partial(_see, see))


def _see(see: Callable[..., Any], layer: keras.layers.Layer, call: Any, args: Any, kw: Any) -> Any:
    name = next((n for n in ("reduce_pieces", "activation") if callable(getattr(layer, n, 0))), "")
    if not name:
        return see(layer, call(*args, **kw))
    nonlinearity = getattr(layer, name)
    calls = []

    def seeing(z: Tensor, *rest: Any, **options: Any) -> Any:
        calls.append(z)
        return nonlinearity(see(layer, z), *rest, **options)

    with shadowed(layer, name, seeing):
        outputs = call(*args, **kw)
    return outputs if calls else see(layer, outputs)
