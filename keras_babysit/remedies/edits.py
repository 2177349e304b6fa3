"""Changes of the layers of a model: a new model is built, the given one stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

Layer = keras.layers.Layer


def as_it_is(layer: Layer) -> Layer:
    """Return a new layer like the given one."""
    return type(layer).from_config(layer.get_config())


def nothing(layer: Layer) -> Sequence[Layer]:
    """Return no layers."""
    return ()


@dataclass(frozen=True)
class Edit:
    """What becomes of each layer.

    Args:
        replace: Returns the new layer for a layer.
        after: Returns new layers to call on the output of a layer.
    """

    replace: Callable[[Layer], Layer] = as_it_is
    after: Callable[[Layer], Sequence[Layer]] = nothing


def rebuild(model: keras.Model, edits: Sequence[Edit], x: Any) -> keras.Model:
    """Return a new model with new weights, like the given one with these edits.

    Layers inside nested models are edited too.

    Args:
        model: A Sequential or functional model.
        edits: The edits, in their order.
        x: Inputs, whose shape a model that is not built takes.
    """
    for edit in edits or (Edit(),):
        model = _rebuild(model, edit, x)
    return model


def _rebuild(model: keras.Model, edit: Edit, x: Any = None) -> keras.Model:
    def replace(layer: Layer) -> Layer:
        return _rebuild(layer, edit) if isinstance(layer, keras.Model) else edit.replace(layer)

    if isinstance(model, keras.Sequential):
        layers: list[Any] = [_input_of(model, x)]
        for layer in model.layers:
            layers += [replace(layer), *_after(edit, layer)]
        return keras.Sequential(layers, name=model.name, trainable=model.trainable)

    originals: dict[int, Layer] = {}

    def clone(layer: Layer) -> Layer:
        new = replace(layer)
        originals[id(new)] = layer
        return new

    def call(layer: Layer, *args: Any, **kwargs: Any) -> Any:
        outputs = layer(*args, **kwargs)
        for other in _after(edit, originals.get(id(layer), layer)):
            outputs = other(outputs)
        return outputs

    return keras.models.clone_model(model, clone_function=clone, call_function=call)


def _input_of(model: keras.Sequential, x: Any) -> Any:
    if model.inputs:
        return keras.Input(batch_shape=model.input_shape, dtype=model.inputs[0].dtype)
    return keras.Input(np.shape(x)[1:], dtype=keras.backend.standardize_dtype(x.dtype))


def _after(edit: Edit, layer: Layer) -> Sequence[Layer]:
    return () if isinstance(layer, keras.Model) else edit.after(layer)
