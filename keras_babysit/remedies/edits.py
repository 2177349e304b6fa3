"""Changes of the layers of a model: a new model is built, the given one stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np


def as_it_is(layer: Any) -> Any:
    """Return a new layer like the given one."""
    return with_arguments(layer)


def with_arguments(layer: Any, **arguments: Any) -> Any:
    """Return a new layer like the given one, with other arguments."""
    if isinstance(layer, keras.layers.Lambda):  # its function need not be one that Keras can find
        given = {"mask": layer.mask, "arguments": layer.arguments, "name": layer.name}
        return keras.layers.Lambda(layer.function, layer._output_shape, **given)
    config = {name: _own(layer, name, value) for name, value in layer.get_config().items()}
    return type(layer).from_config({**config, **arguments})


def _own(layer: Any, name: str, value: Any) -> Any:
    """Return an argument; as the layer holds it if it is a function, which only its name tells."""
    is_function = isinstance(value, dict) and value.get("class_name") == "function"
    held = getattr(layer, name, None)
    return held if is_function and callable(held) else value


def nothing(layer: Any) -> Sequence[Any]:
    """Return no layers."""
    return ()


@dataclass(frozen=True)
class Edit:
    """What becomes of each layer.

    Args:
        replace: Returns the new layer for a layer.
        before: Returns new layers to call on the input of a layer.
        after: Returns new layers to call on the output of a layer.
    """

    replace: Callable[[Any], Any] = as_it_is
    before: Callable[[Any], Sequence[Any]] = nothing
    after: Callable[[Any], Sequence[Any]] = nothing


def flat_layers(model: Any) -> list[Any]:
    """Return the layers of a model and of the models inside it, without the models."""
    found: list[Any] = []
    for layer in model.layers:
        found += flat_layers(layer) if isinstance(layer, keras.Model) else [layer]
    return found


def rebuild(model: Any, edits: Sequence[Edit], x: Any, *, is_reshaped: bool = False) -> Any:
    """Return a new model with new weights, like the given one with these edits.

    Layers inside nested models are edited too. The state of layers that training does not change
    is copied: frozen weights, and what preprocessing layers were adapted to.

    Args:
        model: A Sequential or functional model.
        edits: The edits, in their order.
        x: Inputs, whose shape a model that is not built takes.
        is_reshaped: Whether the shape of `x` differs from that of the inputs of the model.
    """
    made = model
    for index, edit in enumerate(edits or (Edit(),)):
        made = _rebuild(made, edit, x, is_reshaped=is_reshaped and index == 0)
    _copy_state(model, made)
    return made


def _copy_state(model: Any, made: Any) -> None:
    """Copy the weights of layers that have none to train; averages of the data are trained."""
    known = {layer.name: layer for layer in flat_layers(model)}
    for layer in flat_layers(made):
        old = known.get(layer.name)
        if old is None or type(old) is not type(layer) or not old.weights or old.trainable_weights:
            continue
        is_average = isinstance(old, keras.layers.BatchNormalization) and old.trainable
        shapes = [w.shape for w in old.weights] == [w.shape for w in layer.weights]
        if shapes and not is_average:
            layer.set_weights(old.get_weights())


def _rebuild(model: Any, edit: Edit, x: Any = None, *, is_reshaped: bool = False) -> Any:
    def replace(layer: Any) -> Any:
        return _rebuild(layer, edit) if isinstance(layer, keras.Model) else edit.replace(layer)

    if isinstance(model, keras.Sequential):
        layers: list[Any] = [_input_of(model, x, is_reshaped=is_reshaped)]
        for layer in model.layers:
            layers += [*_around(edit.before, layer), replace(layer), *_around(edit.after, layer)]
        return keras.Sequential(layers, name=model.name, trainable=model.trainable)

    originals: dict[int, Any] = {}

    def clone(layer: Any) -> Any:
        new = replace(layer)
        originals[id(new)] = layer
        return new

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        old = originals.get(id(layer), layer)
        for other in _around(edit.before, old):
            args = (other(args[0]), *args[1:])
        outputs = layer(*args, **kwargs)
        for other in _around(edit.after, old):
            outputs = other(outputs)
        return outputs

    inputs = {"input_tensors": _new_input(x)} if is_reshaped else {}
    return keras.models.clone_model(model, clone_function=clone, call_function=call, **inputs)


def _new_input(x: Any) -> Any:
    return keras.Input(np.shape(x)[1:], dtype=keras.backend.standardize_dtype(x.dtype))


def _input_of(model: Any, x: Any, *, is_reshaped: bool) -> Any:
    if model.inputs and not is_reshaped:
        return keras.Input(batch_shape=model.input_shape, dtype=model.inputs[0].dtype)
    return _new_input(x)


def _around(function: Callable[[Any], Sequence[Any]], layer: Any) -> Sequence[Any]:
    return () if isinstance(layer, keras.Model) else function(layer)
