"""Changes of the layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from keras_babysit import actions
from keras_babysit.initializers import lsuv
from keras_babysit.remedies.change import Change
from keras_babysit.remedies.edits import Edit, as_it_is, flat_layers, with_arguments
from keras_babysit.remedies.program import Program

FUNCTIONS = ("Activation", "ReLU", "LeakyReLU", "ELU", "Softmax")
"""Layers that are an activation."""


def _has(layer: Any, name: str) -> bool:
    return name in layer.get_config()


def _with_kernels(model: Any) -> list[Any]:
    return [one for one in flat_layers(model) if _has(one, "kernel_initializer")]


def _hidden(model: Any) -> list[Any]:
    """Return the layers with a kernel and an activation, without the last one with a kernel."""
    return [one for one in _with_kernels(model)[:-1] if _has(one, "activation")]


def _is_recurrent(layer: Any) -> bool:
    return isinstance(layer, keras.layers.RNN)


def _is_function(layer: Any) -> bool:
    return type(layer).__name__ in FUNCTIONS


def _activations(model: Any) -> dict[str, str]:
    """Return the layer that holds the activation of each layer with a kernel, both by name.

    That is the layer itself, or the activation layer behind it if its own activation is linear.
    """
    held: dict[str, str] = {}
    latest = None
    for layer in flat_layers(model):
        if _has(layer, "kernel_initializer"):
            latest, held[layer.name] = layer, layer.name
        elif latest is not None and _is_function(layer) and _is_linear(latest):
            held[latest.name] = layer.name
            latest = None
    return held


def _is_linear(layer: Any) -> bool:
    return getattr(layer, "activation", None) in (None, keras.activations.linear)


def _no_output(program: Program) -> str:
    """Return why the output layer of a program cannot be changed; empty if it can."""
    if len(program.model.outputs or [None]) > 1:
        return "The model has several outputs."
    return "" if _with_kernels(program.model) else "The model has no layer with a kernel."


def _edited(program: Program, **functions: Any) -> Program:
    return program.changed(edits=(*program.edits, Edit(**functions)))


def _named(names: Sequence[str], **arguments: Any) -> Any:
    """Return the function that makes these layers with other arguments."""

    def replace(layer: Any) -> Any:
        return with_arguments(layer, **arguments) if layer.name in names else as_it_is(layer)

    return replace


def _wanted(layers: Sequence[str], program: Program) -> list[str]:
    """Return the names of the layers of these paths."""
    known = [one.name for one in flat_layers(program.model)]
    return [name for path in layers if (name := path.rsplit("/", 1)[-1]) in known]


@dataclass(frozen=True)
class OfLayers(actions.OfLayers, Change):
    """A change of some layers."""

    def names(self, program: Program) -> list[str]:
        """Return the names of the layers that it changes in a program."""
        if self.layers:
            return _wanted(self.layers, program)
        return [one.name for one in _hidden(program.model) if not _is_recurrent(one)]

    def holders(self, program: Program) -> list[str]:
        """Return the names of the layers that hold the activations of these layers."""
        held = _activations(program.model)
        return [held.get(name, name) for name in self.names(program)]

    def why_not(self, program: Program) -> str:
        """There must be such layers."""
        return "" if self.names(program) else f"The model has no such layer: {self.where}."


@dataclass(frozen=True)
class SetActivation(actions.SetActivation, OfLayers):
    """Use another activation; see `keras_babysit.actions.SetActivation`."""

    @property
    def keeps_weights(self) -> bool:
        """Whether the initial weights stay."""
        return not self.initializer

    def apply(self, program: Program) -> Program:
        """Return the program with other activations."""
        holders = self.holders(program)
        held = _activations(program.model)
        kernels = [name for name, holder in held.items() if holder in holders]

        def replace(layer: Any) -> Any:
            if _is_function(layer) and layer.name in holders:
                return keras.layers.Activation(self.activation, name=layer.name)
            given = {"activation": self.activation} if layer.name in holders else {}
            if self.initializer and layer.name in kernels:
                given["kernel_initializer"] = self.initializer
            return with_arguments(layer, **{k: v for k, v in given.items() if _has(layer, k)})

        return _edited(program, replace=replace)


@dataclass(frozen=True)
class SetInitializer(actions.SetInitializer, OfLayers):
    """Draw initial weights in another way; see `keras_babysit.actions.SetInitializer`."""

    def names(self, program: Program) -> list[str]:
        """Return the layers; in place of an activation, the layer with a kernel before it."""
        if not self.layers:
            return super().names(program)
        found, latest, wanted = [], "", _wanted(self.layers, program)
        for layer in flat_layers(program.model):
            latest = layer.name if _has(layer, "kernel_initializer") else latest
            if layer.name in wanted and latest:
                found.append(latest)
        return found

    @property
    def keeps_weights(self) -> bool:
        """False: it is about the initial weights."""
        return False

    def apply(self, program: Program) -> Program:
        """Return the program with other initializers."""
        names = self.names(program)

        def replace(layer: Any) -> Any:
            known = {k: v for k, v in self.arguments.items() if _has(layer, k)}
            return with_arguments(layer, **(known if layer.name in names else {}))

        return _edited(program, replace=replace)


@dataclass(frozen=True)
class ScaleWeights(actions.ScaleWeights, Change):
    """Scale the initial weights to the data; see `keras_babysit.initializers.lsuv`."""

    def why_not(self, program: Program) -> str:
        """There must be a hidden layer."""
        return "" if _hidden(program.model) else "The model has no hidden layer."

    def apply(self, program: Program) -> Program:
        """Return the program whose weights are scaled before the training."""
        return program.changed(prepare=(*program.prepare, _scale))


def _scale(model: Any, program: Program) -> None:
    lsuv(model, *program.sample(256), force=True)


@dataclass(frozen=True)
class NormalizeActivations(actions.NormalizeActivations, OfLayers):
    """Add normalization layers; see `keras_babysit.actions.NormalizeActivations`."""

    def apply(self, program: Program) -> Program:
        """Return the program with normalization layers."""
        names, make = self.holders(program), getattr(keras.layers, self.norm)

        def replace(layer: Any) -> Any:
            has_own = layer.name in names and _has(layer, "activation") and not _is_function(layer)
            return with_arguments(layer, **({"activation": "linear"} if has_own else {}))

        def behind(layer: Any) -> list[Any]:
            if layer.name not in names or (self.before and _is_function(layer)):
                return []
            return [make(), *([keras.layers.Activation(self.before)] if self.before else [])]

        def in_front(layer: Any) -> list[Any]:
            is_wanted = self.before and layer.name in names and _is_function(layer)
            return [make()] if is_wanted else []

        if not self.before:
            return _edited(program, after=behind)
        return _edited(program, replace=replace, before=in_front, after=behind)


@dataclass(frozen=True)
class SetDropout(actions.SetDropout, Change):
    """Use dropout of another rate; see `keras_babysit.actions.SetDropout`."""

    def why_not(self, program: Program) -> str:
        """There must be an output layer."""
        return _no_output(program)

    def apply(self, program: Program) -> Program:
        """Return the program with dropout."""
        names = [one.name for one in flat_layers(program.model) if _drops(one)]
        if names:
            return _edited(program, replace=_named(names, rate=self.rate))
        return _edited(program, before=_in_front(program, keras.layers.Dropout, self.rate, seed=0))


def _drops(layer: Any) -> bool:
    return type(layer).__name__.endswith("Dropout") or "SpatialDropout" in type(layer).__name__


def _in_front(program: Program, make: Any, *args: Any, **arguments: Any) -> Any:
    """Return the function that makes a layer in front of the output layer."""
    last = _with_kernels(program.model)[-1].name
    return lambda layer: [make(*args, **arguments)] if layer.name == last else []


@dataclass(frozen=True)
class AddHiddenLayer(actions.AddHiddenLayer, Change):
    """Add a hidden layer; see `keras_babysit.actions.AddHiddenLayer`."""

    def why_not(self, program: Program) -> str:
        """There must be an output layer."""
        return _no_output(program)

    def apply(self, program: Program) -> Program:
        """Return the program with one more layer."""
        drawn = {"activation": "relu", "kernel_initializer": "he_normal"}
        return _edited(program, before=_in_front(program, keras.layers.Dense, self.units, **drawn))


@dataclass(frozen=True)
class ScalePenalties(actions.ScalePenalties, Change):
    """Multiply the penalties; see `keras_babysit.actions.ScalePenalties`."""

    def why_not(self, program: Program) -> str:
        """There must be a penalty, or dropout that is changed too."""
        layers = flat_layers(program.model)
        has_dropout = self.dropout != 1 and any(_drops(one) for one in layers)
        if any(_penalties(one, 0.0) for one in layers) or has_dropout:
            return ""
        decay = program.optimizer_config().get("weight_decay")
        return "" if decay else "The model has no penalty and the optimizer no weight decay."

    def apply(self, program: Program) -> Program:
        """Return the program with other penalties."""

        def replace(layer: Any) -> Any:
            changed = _penalties(layer, self.factor)
            if _drops(layer):
                changed["rate"] = self.dropout * layer.rate
            return with_arguments(layer, **changed)

        decay = program.optimizer_config().get("weight_decay")
        changed = {"weight_decay": self.factor * decay} if decay else {}
        return _edited(program, replace=replace).changed(optimizer={**program.optimizer, **changed})


def _penalties(layer: Any, factor: float) -> dict[str, Any]:
    """Return the penalties of a layer times a factor, by argument; None where it is 0."""
    found: dict[str, Any] = {}
    for name, value in layer.get_config().items():
        if not name.endswith("_regularizer") or not value:
            continue
        found[name] = None
        if factor:
            made = keras.regularizers.get(value)
            config = {
                key: factor * one if isinstance(one, float) else one
                for key, one in made.get_config().items()
            }
            found[name] = type(made).from_config(config)
    return found


@dataclass(frozen=True)
class SetOutput(actions.SetOutput, Change):
    """Give the output layer another activation; see `keras_babysit.actions.SetOutput`."""

    def why_not(self, program: Program) -> str:
        """There must be one output layer."""
        return _no_output(program)

    def apply(self, program: Program) -> Program:
        """Return the program with another output layer."""
        layers = flat_layers(program.model)
        last = _with_kernels(program.model)[-1]
        behind = [one.name for one in layers[layers.index(last) + 1 :] if _is_function(one)]

        def replace(layer: Any) -> Any:
            if layer.name in behind:
                return keras.layers.Activation("linear", name=layer.name)
            if layer.name != last.name:
                return as_it_is(layer)
            size = "units" if _has(layer, "units") else "filters"
            units = {size: self.units} if self.units and _has(layer, size) else {}
            return with_arguments(layer, activation=self.activation, **units)

        loss = {"loss": self.loss} if self.loss else {}
        changed = _edited(program, replace=replace)
        return changed.changed(compile={**program.compile, **loss}, is_scored_by_loss=False)


@dataclass(frozen=True)
class SetLayerArguments(actions.SetLayerArguments, Change):
    """Give layers other arguments; see `keras_babysit.actions.SetLayerArguments`."""

    def names(self, program: Program) -> list[str]:
        """Return the names of the layers that it changes in a program."""
        if self.layers:
            return _wanted(self.layers, program)
        layers = flat_layers(program.model)
        return [one.name for one in layers if type(one).__name__ == self.class_name]

    @property
    def keeps_weights(self) -> bool:
        """Whether the initial weights stay."""
        return not any(name.endswith("_initializer") for name, _ in self.arguments)

    def why_not(self, program: Program) -> str:
        """There must be such layers."""
        return "" if self.names(program) else f"The model has no {self.class_name} layer."

    def apply(self, program: Program) -> Program:
        """Return the program with other arguments."""
        return _edited(program, replace=_named(self.names(program), **dict(self.arguments)))


@dataclass(frozen=True)
class ReplaceLayers(actions.ReplaceLayers, Change):
    """Put layers of one class in the place of others; see `keras_babysit.actions`."""

    def why_not(self, program: Program) -> str:
        """There must be such layers."""
        names = {type(one).__name__ for one in flat_layers(program.model)}
        return "" if self.old in names else f"The model has no {self.old} layer."

    def apply(self, program: Program) -> Program:
        """Return the program with other layers."""
        make = getattr(keras.layers, self.new)

        def replace(layer: Any) -> Any:
            is_old = type(layer).__name__ == self.old
            return make(name=layer.name) if is_old else as_it_is(layer)

        return _edited(program, replace=replace)


@dataclass(frozen=True)
class AppendLayer(actions.AppendLayer, Change):
    """Add a layer behind the last one; see `keras_babysit.actions.AppendLayer`."""

    def why_not(self, program: Program) -> str:
        """There must be one output."""
        return _no_output(program)

    def apply(self, program: Program) -> Program:
        """Return the program with one more layer."""
        return _behind_the_last(program, lambda: getattr(keras.layers, self.class_name)())


@dataclass(frozen=True)
class RescaleOutputs(actions.RescaleOutputs, Change):
    """Rescale the outputs; see `keras_babysit.actions.RescaleOutputs`."""

    def why_not(self, program: Program) -> str:
        """The targets must be one array of numbers."""
        is_one = isinstance(program.y, np.ndarray)
        return _no_output(program) if is_one else "The targets are not one array of numbers."

    def apply(self, program: Program) -> Program:
        """Return the program that ends in a `Rescaling` layer."""
        scale, offset = float(np.std(program.y)), float(np.mean(program.y))
        return _behind_the_last(program, lambda: keras.layers.Rescaling(scale, offset))


def _behind_the_last(program: Program, make: Any) -> Program:
    last = flat_layers(program.model)[-1].name
    return _edited(program, after=lambda layer: [make()] if layer.name == last else [])


@dataclass(frozen=True)
class MaskPadding(actions.MaskPadding, Change):
    """Mask padded steps; see `keras_babysit.actions.MaskPadding`."""

    def why_not(self, program: Program) -> str:
        """The inputs must be sequences."""
        if self.is_tokens and not _of_class(program, "Embedding"):
            return "The model has no Embedding layer."
        if not self.is_tokens and np.ndim(program.x) != 3:
            return "The inputs are not one array of sequences of vectors."
        return ""

    def apply(self, program: Program) -> Program:
        """Return the program with a mask."""
        if self.is_tokens:
            names = _of_class(program, "Embedding")
            return _edited(program, replace=_named(names, mask_zero=True))
        layers = flat_layers(program.model)
        first = next(one.name for one in layers if type(one).__name__ != "InputLayer")
        mask = keras.layers.Masking
        return _edited(program, before=lambda one: [mask(0.0)] if one.name == first else [])


def _of_class(program: Program, class_name: str) -> list[str]:
    return [one.name for one in flat_layers(program.model) if type(one).__name__ == class_name]


@dataclass(frozen=True)
class UnmaskPadding(actions.UnmaskPadding, Change):
    """Mask nothing; see `keras_babysit.actions.UnmaskPadding`."""

    def why_not(self, program: Program) -> str:
        """There must be what masks."""
        has_it = bool(_of_class(program, self.class_name))
        return "" if has_it else f"The model has no {self.class_name} layer."

    def apply(self, program: Program) -> Program:
        """Return the program without a mask."""
        names = _of_class(program, self.class_name)
        if self.class_name == "Embedding":
            return _edited(program, replace=_named(names, mask_zero=False))

        def replace(layer: Any) -> Any:
            is_mask = layer.name in names
            return keras.layers.Identity(name=layer.name) if is_mask else as_it_is(layer)

        return _edited(program, replace=replace)


@dataclass(frozen=True)
class UnfreezeLayers(actions.UnfreezeLayers, Change):
    """Train frozen layers; see `keras_babysit.actions.UnfreezeLayers`."""

    def why_not(self, program: Program) -> str:
        """There must be a frozen layer."""
        is_frozen = any(not one.trainable for one in flat_layers(program.model))
        return "" if is_frozen else "No layer is frozen."

    def apply(self, program: Program) -> Program:
        """Return the program with trainable layers."""
        return program.changed(unfrozen=self.last)


@dataclass(frozen=True)
class SetDtype(actions.SetDtype, Change):
    """Compute in another precision; see `keras_babysit.actions.SetDtype`."""

    def apply(self, program: Program) -> Program:
        """Return the program with another dtype policy."""
        names = _wanted(self.layers, program) if self.layers else None

        def replace(layer: Any) -> Any:
            is_wanted = names is None or layer.name in names
            return with_arguments(layer, **({"dtype": self.policy} if is_wanted else {}))

        return _edited(program, replace=replace)
