"""Taps: read what the layers of any model compute, only while a probe runs.

A tap shadows `layer.call`, and `layer.activation` where there is one, on the instance; both are put
back before the probe returns. It works for subclassed models and inside a compiled graph. Each
reading is reduced to one number per unit inside the graph.
"""

import contextlib
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from keras_babysit.backends import backend
from keras_babysit.shadow import shadowed

ACTIVATION_LAYERS = (
    keras.layers.ELU,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ReLU,
    keras.layers.Softmax,
)
OPAQUE_LAYERS = (keras.layers.RNN, keras.layers.TimeDistributed)
"""Layers that call inner layers inside a loop of the graph, which no tensor may leave."""


@dataclass(frozen=True)
class Call:
    """One call of one layer, as seen while the graph is traced.

    Args:
        layer: The layer.
        target: Name of its readings; the second call of a shared layer ends in `#2`.
        y: What it returned; for several outputs there is one `Call` each.
        z: Input of its elementwise function, None where it is not accessible.
        function: The elementwise function that it applies last, None if there is none.
        x: Its input, None if that is not one tensor.
        pieces: What it takes the maximum of (maxout), of shape `(..., units, pieces)`, or None.
        mask: The mask that came with its input, None without one.
    """

    layer: keras.Layer
    target: str
    y: Any
    z: Any = None
    function: Callable | None = None
    x: Any = None
    pieces: Any = None
    mask: Any = None


def leaves(model) -> list[keras.Layer]:
    """Return the layers that compute: those without layers inside, and the opaque ones."""
    found, seen = [], set()

    def visit(layer):
        if id(layer) in seen:
            return
        seen.add(id(layer))
        inner = [] if isinstance(layer, OPAQUE_LAYERS) else _sublayers(layer)
        if not inner and layer is not model and not isinstance(layer, keras.layers.InputLayer):
            found.append(layer)
        for child in inner:
            visit(child)

    visit(model)
    return found


def are_built(model) -> bool:
    """Return whether the layers of a model have their weights."""
    return all(
        layer.built or type(layer).build is keras.layers.Layer.build for layer in leaves(model)
    )


def outermost(model) -> list[keras.Layer]:
    """Return the layers directly in the model, with nothing of what is inside them."""
    return [layer for layer in _sublayers(model) if not isinstance(layer, keras.layers.InputLayer)]


def _sublayers(layer) -> list[keras.Layer]:
    return [
        child
        for child in layer._flatten_layers(include_self=False, recursive=False)
        if not isinstance(child, keras.metrics.Metric)
    ]


@contextlib.contextmanager
def without_remat(model):
    """Let the layers of a model keep their outputs for the backward pass inside this context.

    A rematerialised layer computes them again there, and no tensor may leave it on JAX. The values
    are the same.
    """
    with contextlib.ExitStack() as stack:
        for layer in model._flatten_layers():
            if getattr(layer, "_remat_mode", None):
                stack.enter_context(shadowed(layer, "_remat_mode", None))
        yield


def names(layers) -> dict[int, str]:
    """Return a name for each layer by its id: `layer.name`, or its path where that is taken."""
    counts: dict[str, int] = {}
    for layer in layers:
        counts[layer.name] = counts.get(layer.name, 0) + 1
    found, used = {}, set()
    for layer in layers:
        name = layer.name if counts[layer.name] == 1 else (layer.path or layer.name)
        unique, number = name, 1
        while unique in used:
            number += 1
            unique = f"{name}({number})"
        used.add(unique)
        found[id(layer)] = unique
    return found


@contextlib.contextmanager
def tapped(layers, target_of, record):
    """Hand each call that the layers get inside this context to `record`.

    Args:
        layers: The layers to tap, as `leaves` returns them.
        target_of: Name of each layer by its id.
        record: Called with a `Call` while the graph is traced. What it returns for a layer with
            one output, if it is not None, replaces that output.
    """
    with contextlib.ExitStack() as stack:
        for layer in layers:
            stack.enter_context(_Tap(layer, target_of[id(layer)], record).entered())
        yield


class _Tap:
    """What stands in for `call`, `activation` and `reduce_pieces` of one layer.

    A quantized layer is called by its `quantized_call`.
    """

    def __init__(self, layer, target, record):
        self._layer = layer
        self._target = target
        self._record = record
        self._inner_call = layer.call
        activation = layer.__dict__.get("activation")
        is_fused = callable(activation) and not isinstance(activation, keras.Layer)
        self._activation = activation if is_fused else None
        self._reduce = layer.reduce_pieces if hasattr(layer, "winners") else None
        self._calls = 0
        self._z = None  # input of the fused activation in the current call
        self._pieces = None  # input of the maximum in the current call

    @contextlib.contextmanager
    def entered(self):
        layer = self._layer
        shadows = {"call": functools.partial(self._call, layer.call)}
        if getattr(layer, "quantization_mode", None) is not None:
            shadows["quantized_call"] = functools.partial(self._call, layer.quantized_call)
        if self._activation is not None:
            shadows["activation"] = self._activate
        if self._reduce is not None:
            shadows["reduce_pieces"] = self._reduce_pieces
        with contextlib.ExitStack() as stack:
            for name, shadow in shadows.items():
                stack.enter_context(shadowed(self._layer, name, shadow))
            yield

    def _activate(self, z, *args, **kwargs):
        self._z = z
        return self._activation(z, *args, **kwargs)

    def _reduce_pieces(self, z):
        self._pieces = z
        return self._reduce(z)

    def _call(self, inner, *args, **kwargs):
        if backend.is_recomputing():
            return inner(*args, **kwargs)
        self._z = self._pieces = None
        outputs = inner(*args, **kwargs)
        self._calls += 1
        name = self._target if self._calls == 1 else f"{self._target}#{self._calls}"
        replaced = None
        for index, y in enumerate(_tensors(outputs)):
            if index == 0:
                x = args[0] if args and hasattr(args[0], "shape") else None
                z, function = self._nonlinearity(args)
                seen = {"x": x, "pieces": self._pieces, "mask": kwargs.get("mask")}
                replaced = self._record(Call(self._layer, name, y, z, function, **seen))
            else:
                self._record(Call(self._layer, f"{name}[{index}]", y))
        return outputs if replaced is None or keras.tree.is_nested(outputs) else replaced

    def _nonlinearity(self, args):
        layer = self._layer
        if self._z is not None:
            return self._z, self._activation
        if isinstance(layer, ACTIVATION_LAYERS) or hasattr(layer, "gate"):
            return args[0], self._inner_call
        if isinstance(layer, OPAQUE_LAYERS):
            return None, _outer_activation(layer)
        return None, None


def _outer_activation(layer):
    """Return the last activation of an opaque layer, None if its output is not that of a function.

    The output of an LSTM or GRU is a product of gates and no function of one pre-activation.
    """
    if isinstance(layer, keras.layers.TimeDistributed):
        return getattr(layer.layer, "activation", None)
    if isinstance(layer, keras.layers.SimpleRNN):
        return layer.activation
    return None


def _tensors(outputs):
    flat = keras.tree.flatten(outputs)
    return [y for y in flat if hasattr(y, "shape") and hasattr(y, "dtype")]
