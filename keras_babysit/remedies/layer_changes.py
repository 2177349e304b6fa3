"""Changes of the layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from keras_babysit.remedies.change import Change
from keras_babysit.remedies.edits import Edit, Layer, as_it_is
from keras_babysit.remedies.program import Program


def _layers(model: keras.Model) -> list[Layer]:
    """Return the layers of a model and of the models inside it, without the models."""
    found = []
    for layer in model.layers:
        found += _layers(layer) if isinstance(layer, keras.Model) else [layer]
    return found


def _has(layer: Layer, name: str) -> bool:
    return name in layer.get_config()


def _hidden(model: keras.Model) -> list[Layer]:
    """Return the layers with a kernel and an activation, without the last one with a kernel."""
    found = [one for one in _layers(model) if _has(one, "kernel_initializer")]
    return [one for one in found[:-1] if _has(one, "activation")]


def _is_recurrent(layer: Layer) -> bool:
    return isinstance(layer, keras.layers.RNN)


def _replaced(names: Sequence[str], **arguments: Any) -> Edit:
    """Return the edit that makes these layers with other arguments."""

    def replace(layer: Layer) -> Layer:
        if layer.name not in names:
            return as_it_is(layer)
        return type(layer).from_config({**layer.get_config(), **arguments})

    return Edit(replace)


@dataclass(frozen=True)
class _OfLayers(Change):
    """A change of some layers.

    Args:
        layers: Names of the layers; none for all hidden layers with a kernel and an activation, but
            not recurrent ones.
    """

    layers: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """The layers in words."""
        quoted = [f'"{name}"' for name in self.layers]
        if not quoted:
            return "the hidden layers"
        return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"

    def names(self, program: Program) -> list[str]:
        """Return the names of the layers that it changes in a program."""
        known = [one.name for one in _layers(program.model)]
        if self.layers:
            wanted = [name.rsplit("/", 1)[-1] for name in self.layers]
            return [name for name in wanted if name in known]
        return [one.name for one in _hidden(program.model) if not _is_recurrent(one)]

    def why_not(self, program: Program) -> str:
        """There must be such layers."""
        if self.names(program):
            return ""
        return f"The model has no such layer: {self.where}."


@dataclass(frozen=True)
class SetActivation(_OfLayers):
    """Use another activation.

    Args:
        layers: See `Change`.
        activation: Name of the activation.
    """

    activation: str = "relu"

    @property
    def text(self) -> str:
        """What is done."""
        return f'Use "{self.activation}" as the activation of {self.where}.'

    @property
    def code(self) -> str:
        """The argument to paste."""
        return f'activation="{self.activation}"'

    def apply(self, program: Program) -> Program:
        """Return the program with other activations."""
        edit = _replaced(self.names(program), activation=self.activation)
        return program.changed(edits=(*program.edits, edit))


@dataclass(frozen=True)
class SetInitializer(_OfLayers):
    """Draw initial weights in another way, and begin with zero biases.

    Args:
        layers: See `Change`.
        initializer: Name of the initializer of the kernels.
    """

    initializer: str = "he_normal"

    @property
    def text(self) -> str:
        """What is done."""
        return f'Initialize {self.where} with "{self.initializer}" and zero biases.'

    @property
    def code(self) -> str:
        """The arguments to paste."""
        return f'kernel_initializer="{self.initializer}", bias_initializer="zeros"'

    @property
    def keeps_weights(self) -> bool:
        """False: it is about the initial weights."""
        return False

    def apply(self, program: Program) -> Program:
        """Return the program with other initializers."""
        arguments = {"kernel_initializer": self.initializer, "bias_initializer": "zeros"}
        edit = _replaced(self.names(program), **arguments)
        return program.changed(edits=(*program.edits, edit))


@dataclass(frozen=True)
class NormalizeActivations(_OfLayers):
    """Add a normalization layer behind each of the layers.

    Args:
        layers: See `Change`.
        kind: `"BatchNormalization"` or `"LayerNormalization"`.
    """

    kind: str = "BatchNormalization"

    @property
    def text(self) -> str:
        """What is done."""
        words = {"BatchNormalization": "batch", "LayerNormalization": "layer"}
        return f"Add {words[self.kind]} normalization behind {self.where}."

    @property
    def code(self) -> str:
        """The layer to paste."""
        return f"keras.layers.{self.kind}()"

    def apply(self, program: Program) -> Program:
        """Return the program with normalization layers."""
        names = self.names(program)

        def after(layer: Layer) -> list[Layer]:
            return [getattr(keras.layers, self.kind)()] if layer.name in names else []

        return program.changed(edits=(*program.edits, Edit(after=after)))


@dataclass(frozen=True)
class AddDropout(Change):
    """Add dropout in front of the last layer with weights, or raise the rates that are there.

    Args:
        rate: Fraction of the units that are left out, in (0, 1).
    """

    rate: float = 0.5

    @property
    def text(self) -> str:
        """What is done."""
        return f"Use dropout of {self.rate:g} before the output layer."

    @property
    def code(self) -> str:
        """The layer to paste."""
        return f"keras.layers.Dropout({self.rate:g})"

    def why_not(self, program: Program) -> str:
        """There must be a hidden layer."""
        return "" if _hidden(program.model) else "The model has no hidden layer."

    def apply(self, program: Program) -> Program:
        """Return the program with dropout behind the last hidden layer."""
        last = _hidden(program.model)[-1].name

        def after(layer: Layer) -> list[Layer]:
            return [keras.layers.Dropout(self.rate, seed=0)] if layer.name == last else []

        return program.changed(edits=(*program.edits, Edit(after=after)))


@dataclass(frozen=True)
class RemovePenalties(Change):
    """Remove the penalties of weights and activations, and weight decay."""

    @property
    def text(self) -> str:
        """What is done."""
        return "Remove the penalties of weights and activations, and the weight decay."

    @property
    def code(self) -> str:
        """The arguments to paste."""
        return "kernel_regularizer=None, activity_regularizer=None"

    def why_not(self, program: Program) -> str:
        """There must be a penalty."""
        if any(_penalties(one) for one in _layers(program.model)):
            return ""
        decay = program.optimizer_config().get("weight_decay")
        return "" if decay else "The model has no penalty and the optimizer no weight decay."

    def apply(self, program: Program) -> Program:
        """Return the program without penalties."""

        def replace(layer: Layer) -> Layer:
            return type(layer).from_config({**layer.get_config(), **_penalties(layer)})

        config = program.optimizer_config()
        decay = {"weight_decay": 0.0} if config.get("weight_decay") else {}
        return program.changed(
            edits=(*program.edits, Edit(replace)), optimizer={**program.optimizer, **decay}
        )


def _penalties(layer: Layer) -> dict[str, None]:
    config = layer.get_config()
    return {name: None for name, value in config.items() if name.endswith("_regularizer") and value}
