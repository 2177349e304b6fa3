"""Changes of the data; validation data are changed with the numbers of the training data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_babysit.remedies.change import Change
from keras_babysit.remedies.program import Program


def _is_numbers(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.dtype.kind in "fiu"


@dataclass(frozen=True)
class StandardizeInputs(Change):
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

    def why_not(self, program: Program) -> str:
        """The inputs must be one array of numbers that no embedding looks up."""
        if not _is_numbers(program.x) or program.x.ndim < 2:
            return "The inputs are not one array of numbers with features."
        takes_tokens = any(type(one).__name__ == "Embedding" for one in program.model.layers)
        return "The inputs are indices of an embedding." if takes_tokens else ""

    def apply(self, program: Program) -> Program:
        """Return the program with scaled inputs."""
        axes = tuple(range(program.x.ndim - 1))
        mean, std = program.x.mean(axes, dtype="float64"), program.x.std(axes, dtype="float64")
        std = np.where(std > 0, std, 1.0)

        def scaled(values: Any) -> Any:
            return ((values - mean) / std).astype("float32")

        x, y, weight = program.validation
        return program.changed(x=scaled(program.x), validation=(scaled(x), y, weight))


@dataclass(frozen=True)
class StandardizeTargets(Change):
    """Scale the targets to mean 0 and standard deviation 1; predictions are scaled back."""

    @property
    def text(self) -> str:
        """What is done."""
        return "Scale the targets to mean 0 and standard deviation 1."

    @property
    def code(self) -> str:
        """The code to paste."""
        return (
            "mean, std = y.mean(), y.std()\n"
            "y = (y - mean) / std  # and scale predictions back: predictions * std + mean"
        )

    def why_not(self, program: Program) -> str:
        """The targets must be numbers that vary, not classes."""
        y = program.y
        if not _is_numbers(y) or not np.std(y) > 0:
            return "The targets are not one array of numbers that vary."
        loss = program.compile.get("loss", program.model.loss)
        if not isinstance(loss, str):
            loss = getattr(loss, "name", getattr(loss, "__name__", ""))
        return f"The loss expects classes: {loss}." if "crossentropy" in str(loss) else ""

    def apply(self, program: Program) -> Program:
        """Return the program with scaled targets."""
        mean, std = float(np.mean(program.y)), float(np.std(program.y))
        y = ((program.y - mean) / std).astype("float32")
        return program.changed(y=y, unscale=(std, mean))


@dataclass(frozen=True)
class Shuffle(Change):
    """Shuffle the training examples before each epoch."""

    @property
    def text(self) -> str:
        """What is done."""
        return "Shuffle the training examples before each epoch."

    @property
    def code(self) -> str:
        """The code to paste."""
        return "model.fit(x, y, shuffle=True)"

    def why_not(self, program: Program) -> str:
        """They must not be shuffled yet."""
        return "" if program.fit.get("shuffle") is False else "They are shuffled already."

    def apply(self, program: Program) -> Program:
        """Return the program with shuffled examples."""
        return program.with_fit(shuffle=True)
