"""Actions on the data."""

from __future__ import annotations

from dataclasses import dataclass

from keras_babysit.actions.action import Action


def _commented(comment: str) -> str:
    return f"  # {comment}" if comment else ""


@dataclass(frozen=True)
class StandardizeInputs(Action):
    """Scale each feature to mean 0 and standard deviation 1 over the training examples.

    The channel of a picture and the entry of a vector are features: the last axis. A feature that
    is constant is only centered.
    """

    @property
    def text(self) -> str:
        """What is done."""
        return "Scale the inputs to mean 0 and standard deviation 1."

    @property
    def code(self) -> str:
        """The code to paste."""
        return (
            "normalize = keras.layers.Normalization()  # use it as the first layer of the model\n"
            "normalize.adapt(x)"
        )


@dataclass(frozen=True)
class CenterInputs(Action):
    """Subtract the mean of each feature over the training examples."""

    @property
    def text(self) -> str:
        """What is done."""
        return "Subtract the mean of each feature."

    @property
    def code(self) -> str:
        """The code to paste."""
        return (
            "center = kb.layers.ZeroCenter()  # use it as the first layer of the model\n"
            "center.adapt(x)"
        )


@dataclass(frozen=True)
class StandardizeTargets(Action):
    """Scale the targets to mean 0 and standard deviation 1; predictions are scaled back.

    Args:
        comment: Which array `y` is, if there are several; may be empty.
        of: Code of the array.
    """

    comment: str = ""
    of: str = "y"

    @property
    def text(self) -> str:
        """What is done."""
        return "Scale the targets to mean 0 and standard deviation 1."

    @property
    def code(self) -> str:
        """The code to paste."""
        return (
            f"mean, std = {self.of}.mean(), {self.of}.std(){_commented(self.comment)}\n"
            f"{self.of} = ({self.of} - mean) / std  "
            "# and scale predictions back: predictions * std + mean"
        )


@dataclass(frozen=True)
class Shuffle(Action):
    """Shuffle the training examples before each epoch."""

    @property
    def text(self) -> str:
        """What is done."""
        return "Shuffle the training examples before each epoch."

    @property
    def code(self) -> str:
        """The code to paste."""
        return "model.fit(x, y, shuffle=True)"


@dataclass(frozen=True)
class KeepOrder(Action):
    """Keep the order of the training examples."""

    @property
    def text(self) -> str:
        """What is done."""
        return "Keep the order of the training examples."

    @property
    def code(self) -> str:
        """The code to paste."""
        return "model.fit(x, y, shuffle=False)  # and the batch size of the model"


@dataclass(frozen=True)
class RenumberClasses(Action):
    """Number the classes from 0, with one output unit for each."""

    @property
    def text(self) -> str:
        """What is done."""
        return "Number the classes from 0, with one output unit for each."

    @property
    def code(self) -> str:
        """The code to paste."""
        return "classes, y = np.unique(y, return_inverse=True)"


@dataclass(frozen=True)
class BinaryTargets(Action):
    """Map the targets to 0 and 1."""

    @property
    def text(self) -> str:
        """What is done."""
        return "Map the targets to 0 and 1."

    @property
    def code(self) -> str:
        """The code to paste."""
        return 'y = (y > y.min()).astype("float32")'


@dataclass(frozen=True)
class RemoveConstantFeatures(Action):
    """Remove the columns of the inputs that are constant."""

    @property
    def text(self) -> str:
        """What is done."""
        return "Remove the constant columns of the inputs."

    @property
    def code(self) -> str:
        """The code to paste."""
        return "x = x[:, x.std(axis=0) > 0]"


@dataclass(frozen=True)
class RemoveFeature(Action):
    """Remove a column of the inputs.

    Args:
        column: Its index.
    """

    column: int

    @property
    def text(self) -> str:
        """What is done."""
        return f"Remove column {self.column} of the inputs."

    @property
    def code(self) -> str:
        """The code to paste."""
        return f"x = np.delete(x, {self.column}, axis=1)"


@dataclass(frozen=True)
class RemoveNonFinite(Action):
    """Remove the examples with entries that are not finite.

    Args:
        name: `"x"` or `"y"`: what holds them.
        comment: Which array it is, if there are several; may be empty.
    """

    name: str = "x"
    comment: str = ""

    @property
    def text(self) -> str:
        """What is done."""
        return "Remove the examples with NaN or infinite entries."

    @property
    def code(self) -> str:
        """The code to paste."""
        return f"{self.finds}\nx, y = x[~bad], y[~bad]"

    @property
    def finds(self) -> str:
        """The code that finds them."""
        rows = f"np.isfinite({self.name}).reshape(len({self.name}), -1).all(axis=1)"
        return f"bad = ~{rows}{_commented(self.comment)}"


@dataclass(frozen=True)
class IgnorePadding(Action):
    """Give padded steps the weight 0.

    Args:
        is_tokens: Whether the inputs are numbers of tokens, one per step.
        name: Name of the padded input in the code.
        comment: Which array it is, if there are several; may be empty.
    """

    is_tokens: bool = True
    name: str = "x"
    comment: str = ""

    @property
    def text(self) -> str:
        """What is done."""
        return "Give padded steps the weight 0."

    @property
    def code(self) -> str:
        """The code to paste."""
        is_data = f"({self.name} != 0)" + ("" if self.is_tokens else ".any(axis=-1)")
        return (
            f'weight = {is_data}.astype("float32"){_commented(self.comment)}\n'
            "model.fit(x, y, sample_weight=weight)"
        )


@dataclass(frozen=True)
class DropSampleWeights(Action):
    """Train without weights of examples or classes."""

    @property
    def text(self) -> str:
        """What is done."""
        return "Train without weights of examples or classes."

    @property
    def code(self) -> str:
        """The code to paste."""
        return "model.fit(x, y)"


@dataclass(frozen=True)
class ScaleInputs(Action):
    """Multiply the inputs by a number.

    Args:
        factor: The number, above 0.
    """

    factor: float

    @property
    def text(self) -> str:
        """What is done."""
        return f"Multiply the inputs by {self.factor:.3g}."

    @property
    def code(self) -> str:
        """The code to paste."""
        by = f"{self.factor:.1f} * x" if self.factor >= 1 else f"x / {1 / self.factor:.1f}"
        return f"x = {by}  # and the validation data in the same way"


@dataclass(frozen=True)
class FitTargets(Action):
    """Scale the targets to the range of the output; predictions are scaled back.

    Args:
        low: Lower end of the range; None if there is none.
        high: Upper end; None if there is none.
    """

    low: float | None = 0.0
    high: float | None = 1.0

    @property
    def text(self) -> str:
        """What is done."""
        return "Scale the targets to the range of the output."

    @property
    def code(self) -> str:
        """The code to paste."""
        low, high = (0.0 if self.low is None else self.low), self.high
        top = low + 1 if high is None else high
        shift = f"{low:g} + " if low else ""
        times = f"{top - low:g} * " if top - low != 1 else ""
        return (
            "low, high = y.min(), y.max()\n"
            f"y = {shift}{times}(y - low) / (high - low)  # and scale predictions back"
        )
