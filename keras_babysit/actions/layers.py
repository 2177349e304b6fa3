"""Actions on the layers of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras_babysit.actions.action import Action, as_code

KERNEL_SIZED = ("Conv1D", "Conv2D", "Conv3D")
"""Layers whose code needs a size of the kernel."""


def layer_code(class_name: str, units: int, arguments: dict[str, Any]) -> str:
    """Return a layer as code; without a class its arguments alone.

    Example:
        >>> layer_code("Conv2D", 32, {"activation": "relu"})
        'keras.layers.Conv2D(32, 3, activation="relu")'
        >>> layer_code("", 0, {"activation": "relu"})
        'activation="relu"'
    """
    shown = as_code(arguments)
    if not class_name:
        return shown
    first = f"{units}" if units else ""
    size = ", 3" if class_name in KERNEL_SIZED else ""
    inner = f"{first}{size}{', ' if shown and first else ''}{shown}"
    return f"keras.layers.{class_name}({inner})"


@dataclass(frozen=True)
class OfLayers(Action):
    """An action on some layers.

    Args:
        layers: Paths of the layers; none for all hidden layers with a kernel and an activation, but
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


@dataclass(frozen=True)
class SetActivation(OfLayers):
    """Use another activation.

    Args:
        layers: See `OfLayers`.
        activation: Name of the activation.
        initializer: Name of the initializer of the kernels; empty to keep it.
        class_name: Class of the layers, for the code; empty shows the arguments alone.
        units: Their number of units, for the code; 0 if it is not known.
    """

    activation: str = "relu"
    initializer: str = ""
    class_name: str = ""
    units: int = 0

    @property
    def text(self) -> str:
        """What is done."""
        drawn = f', initialized with "{self.initializer}"' if self.initializer else ""
        return f'Use "{self.activation}" as the activation of {self.where}{drawn}.'

    @property
    def code(self) -> str:
        """The layer to paste, or its arguments."""
        given = {"activation": self.activation}
        if self.initializer:
            given["kernel_initializer"] = self.initializer
        if self.class_name and self.activation in ("linear", _DEFAULT.get(self.class_name)):
            del given["activation"]  # the default of the class
        return layer_code(self.class_name, self.units, given)


_DEFAULT = {"LSTM": "tanh", "GRU": "tanh", "SimpleRNN": "tanh"}


@dataclass(frozen=True)
class SetInitializer(OfLayers):
    """Draw initial weights in another way, and begin with zero biases.

    Args:
        layers: See `OfLayers`.
        initializer: Name of the initializer of the kernels; empty to keep it.
        recurrent: Name of the initializer of recurrent kernels; empty to keep it. If both are
            empty, only the biases are changed.
        activation: Activation of the layers, for the code; empty to leave it out.
        class_name: Class of the layers, for the code; empty for any.
        units: Their number of units, for the code; 0 if it is not known.
    """

    initializer: str = "he_normal"
    recurrent: str = ""
    activation: str = ""
    class_name: str = ""
    units: int = 0

    @property
    def text(self) -> str:
        """What is done."""
        if not self.initializer and not self.recurrent:
            return f"Initialize the biases of {self.where} with zeros."
        return f'Initialize {self.where} with "{self.initializer or self.recurrent}".'

    @property
    def arguments(self) -> dict[str, str]:
        """The arguments of the layers."""
        given = {"kernel_initializer": self.initializer} if self.initializer else {}
        if self.initializer or not self.recurrent:
            given["bias_initializer"] = "zeros"
        return given | ({"recurrent_initializer": self.recurrent} if self.recurrent else {})

    @property
    def code(self) -> str:
        """The layer to paste, or its argument."""
        shape = {"activation": self.activation} if self.activation else {}
        name, units = self.class_name, self.units
        if not name and (self.initializer or not self.recurrent):
            name, units = "Dense", 64
        return layer_code(name, units, shape | self.arguments)


@dataclass(frozen=True)
class ScaleWeights(Action):
    """Scale the initial weights, so that hidden layers have outputs of unit variance (LSUV).

    It is forced: what asks for it has found that the weights need it, by the gradient or by the
    loss where the signal of the layers does not show it.
    """

    @property
    def text(self) -> str:
        """What is done."""
        return "Scale the initial weights to the data."

    @property
    def code(self) -> str:
        """The code to paste."""
        return "kb.initializers.lsuv(model, x[:256], y[:256], force=True)"


@dataclass(frozen=True)
class NormalizeActivations(OfLayers):
    """Add a normalization layer behind each of the layers, or in front of their activation.

    Args:
        layers: See `OfLayers`.
        norm: `"BatchNormalization"` or `"LayerNormalization"`.
        before: Name of the activation that follows it; empty to add it behind the activation.
    """

    norm: str = "BatchNormalization"
    before: str = ""

    @property
    def text(self) -> str:
        """What is done."""
        words = {"BatchNormalization": "batch", "LayerNormalization": "layer"}[self.norm]
        if self.before:
            return f"Add {words} normalization before the activation of {self.where}."
        return f"Add {words} normalization after {self.where}."

    @property
    def code(self) -> str:
        """The layers to paste."""
        if self.before:
            return f'[keras.layers.{self.norm}(), keras.layers.Activation("{self.before}")]'
        return f"keras.layers.{self.norm}()"


@dataclass(frozen=True)
class SetDropout(Action):
    """Use dropout of this rate: in place of the rates there are, else before the output layer.

    Args:
        rate: Fraction of the units that are left out, in (0, 1).
    """

    rate: float = 0.5

    @property
    def text(self) -> str:
        """What is done."""
        return (
            f"Use a dropout rate of {self.rate:g}, before the output layer if there is no dropout."
        )

    @property
    def code(self) -> str:
        """The layer to paste."""
        return f"keras.layers.Dropout({self.rate:g})"


@dataclass(frozen=True)
class ScalePenalties(Action):
    """Multiply the penalties of weights and activations, and the weight decay.

    Args:
        factor: The factor, in [0, 1); 0 removes them.
        dropout: By what the rates of dropout are multiplied, in [0, 1].
    """

    factor: float = 0.1
    dropout: float = 1.0

    @property
    def text(self) -> str:
        """What is done."""
        if self.factor == 0:
            return "Remove the penalties of weights and activations, and the weight decay."
        more = f" and the dropout rates by {self.dropout:g}" if self.dropout != 1 else ""
        return f"Multiply the penalties and the weight decay by {self.factor:g}{more}."

    @property
    def code(self) -> str:
        """The arguments to paste."""
        if self.factor == 0:
            return "kernel_regularizer=None, activity_regularizer=None"
        return (
            f"kernel_regularizer=keras.regularizers.L2(1e-4)  # replace 1e-4 by {self.factor:g} "
            "times your factor"
        )


@dataclass(frozen=True)
class AddHiddenLayer(Action):
    """Add a hidden layer in front of the output layer.

    Args:
        units: Its number of units.
    """

    units: int = 128

    @property
    def text(self) -> str:
        """What is done."""
        return f"Add a hidden layer of {self.units} units."

    @property
    def code(self) -> str:
        """The layer to paste."""
        drawn = {"activation": "relu", "kernel_initializer": "he_normal"}
        return layer_code("Dense", self.units, drawn)


@dataclass(frozen=True)
class SetOutput(Action):
    """Give the output layer another activation or number of units.

    Args:
        activation: Name of the activation.
        units: Number of units; 0 keeps it.
        is_shown_whole: Whether the code is the layer, not its argument.
        loss: Loss that belongs to it; empty keeps the loss.
    """

    activation: str = "linear"
    units: int = 0
    is_shown_whole: bool = False
    loss: str = ""

    @property
    def text(self) -> str:
        """What is done."""
        size = f"{self.units} units and " if self.units else ""
        of = (
            "no activation"
            if self.activation == "linear"
            else f'the activation "{self.activation}"'
        )
        loss = f', and the loss "{self.loss}"' if self.loss else ""
        return f"Give the output layer {size}{of}{loss}."

    @property
    def code(self) -> str:
        """The layer to paste, or its argument."""
        name = None if self.activation == "linear" else self.activation
        if not self.is_shown_whole:
            return as_code({"activation": name})
        code = layer_code("Dense", self.units or 1, {"activation": name} if name else {})
        if not self.loss:
            return code
        return f'{code}  # as the last layer\nmodel.compile("adam", loss="{self.loss}")'


@dataclass(frozen=True)
class SetLayerArguments(OfLayers):
    """Give layers other arguments.

    Args:
        layers: Paths of the layers; none for all of the class.
        class_name: Class of the layers.
        arguments: Pairs of name and value.
        first: First arguments of the class in the code, such as `"64, 3"`; may be empty.
        comment: What of the code is to be replaced; may be empty.
        module: `"keras.layers"` or `"kb.layers"`.
    """

    class_name: str = ""
    arguments: tuple[tuple[str, Any], ...] = ()
    first: str = ""
    comment: str = ""
    module: str = "keras.layers"

    @property
    def text(self) -> str:
        """What is done."""
        where = self.where if self.layers else f"each {self.class_name}"
        return f"Set `{as_code(self.arguments)}` in {where}."

    @property
    def code(self) -> str:
        """The layer to paste."""
        inner = ", ".join(one for one in (self.first, as_code(self.arguments)) if one)
        comment = f"  # {self.comment}" if self.comment else ""
        return f"{self.module}.{self.class_name}({inner}){comment}"


@dataclass(frozen=True)
class ReplaceLayers(Action):
    """Put layers of one class in the place of those of another one.

    Args:
        old: The class to replace.
        new: The class to use.
    """

    old: str
    new: str

    @property
    def text(self) -> str:
        """What is done."""
        return f"Use {self.new} instead of {self.old}."

    @property
    def code(self) -> str:
        """The layer to paste."""
        return f"keras.layers.{self.new}()"


@dataclass(frozen=True)
class UnmaskPadding(Action):
    """Mask nothing.

    Args:
        class_name: What masks now: `"Embedding"` or `"Masking"`.
    """

    class_name: str

    @property
    def text(self) -> str:
        """What is done."""
        if self.class_name == "Embedding":
            return "Set `mask_zero=False` in the embedding."
        return "Remove the Masking layer."

    @property
    def code(self) -> str:
        """The layer to paste; empty where one is removed."""
        if self.class_name != "Embedding":
            return ""
        return (
            "keras.layers.Embedding(10_000, 64, mask_zero=False)  # the sizes of your own Embedding"
        )


@dataclass(frozen=True)
class AppendLayer(Action):
    """Add a layer behind the last one.

    Args:
        class_name: Its class.
    """

    class_name: str

    @property
    def text(self) -> str:
        """What is done."""
        return f"Add a {self.class_name} layer after the last one."

    @property
    def code(self) -> str:
        """The layer to paste."""
        return f"keras.layers.{self.class_name}()"


@dataclass(frozen=True)
class MaskPadding(Action):
    """Mask padded steps, in the embedding or by a layer of its own.

    Args:
        is_tokens: Whether the inputs are numbers of tokens.
        comment: What to know about the layer; may be empty.
    """

    is_tokens: bool = False
    comment: str = ""

    @property
    def text(self) -> str:
        """What is done."""
        return "Mask padded steps."

    @property
    def code(self) -> str:
        """The layer to paste."""
        if self.is_tokens:
            layer = "keras.layers.Embedding(10_000, 64, mask_zero=True)"
            return f"{layer}  # the sizes of your own Embedding"
        return "keras.layers.Masking(mask_value=0.0)" + (
            f"  # {self.comment}" if self.comment else ""
        )


@dataclass(frozen=True)
class UnfreezeLayers(Action):
    """Train layers that are frozen.

    Args:
        last: How many of the last layers; 0 for all.
    """

    last: int = 0

    @property
    def text(self) -> str:
        """What is done."""
        return f"Train the last {self.last} layers." if self.last else "Train all layers."

    @property
    def code(self) -> str:
        """The code to paste."""
        if not self.last:
            return "model.trainable = True  # then call model.compile again"
        return (
            f"for layer in model.layers[-{self.last}:]:\n    layer.trainable = True\n"
            "model.compile(keras.optimizers.Adam(1e-4), model.loss)"
        )


@dataclass(frozen=True)
class SetDtype(OfLayers):
    """Compute in another precision.

    Args:
        layers: Paths of the layers; none for all.
        policy: Keras' dtype policy.
        alternative: A policy of the whole model that does as well; may be empty.
    """

    policy: str = "mixed_float16"
    alternative: str = ""

    @property
    def text(self) -> str:
        """What is done."""
        return f'Use the dtype policy "{self.policy}"{f" in {self.where}" if self.layers else ""}.'

    @property
    def code(self) -> str:
        """The code to paste."""
        if not self.layers and not self.alternative:
            return f'keras.config.set_dtype_policy("{self.policy}")'
        other = f'  # of the layer; or keras.config.set_dtype_policy("{self.alternative}")'
        return f'dtype="{self.policy}"{other if self.alternative else "  # of the layer"}'


@dataclass(frozen=True)
class RescaleOutputs(Action):
    """Bring the outputs to the mean and standard deviation of the targets, in a last layer.

    Args:
        comment: Which array `y` is, if there are several; may be empty.
    """

    comment: str = ""

    @property
    def text(self) -> str:
        """What is done."""
        return "Rescale the outputs in the last layer of the model."

    @property
    def code(self) -> str:
        """The layer to paste."""
        comment = f"  # {self.comment}" if self.comment else ""
        return f"keras.layers.Rescaling(scale=y.std(), offset=y.mean()){comment}"
