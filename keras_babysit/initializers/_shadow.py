"""Access to a layer's pre-activation while a model runs, without changing the layer."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras

from keras_babysit.shadow import shadowed

Forward = Callable[[], tuple[Any, Any]]


@contextlib.contextmanager
def visited(
    layers: Iterable[keras.layers.Layer],
    visit: Callable[[keras.layers.Layer, Forward], Any],
) -> Iterator[None]:
    """Replace the call of each of `layers` by `visit`, only inside the `with` block.

    `visit(layer, forward)` returns the outputs of the layer. `forward()` runs the original layer
    and returns `(outputs, preactivation)`. It can be called any number of times.
    """
    with contextlib.ExitStack() as stack:
        for layer in layers:
            stack.enter_context(shadowed(layer, "call", _visiting_call(layer, visit)))
        yield


def _visiting_call(layer: keras.layers.Layer, visit: Callable[..., Any]) -> Callable[..., Any]:
    original = layer.call

    def call(*args: Any, **kwargs: Any) -> Any:
        return visit(layer, lambda: _run(layer, original, args, kwargs))

    return call


def _run(layer: keras.layers.Layer, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Return the outputs of a layer and the input of its activation, or the outputs twice."""
    name = next((n for n in ("reduce_pieces", "activation") if callable(getattr(layer, n, 0))), "")
    if not name:
        outputs = call(*args, **kwargs)
        return outputs, outputs
    nonlinearity = getattr(layer, name)
    seen = []

    def recording(z: Any, *rest: Any, **options: Any) -> Any:
        seen.append(z)
        return nonlinearity(z, *rest, **options)

    with shadowed(layer, name, recording):
        outputs = call(*args, **kwargs)
    return outputs, seen[0] if seen else outputs
