"""Changes of the data; validation data are changed with the numbers of the training data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_babysit import actions
from keras_babysit.remedies.change import Change
from keras_babysit.remedies.edits import flat_layers
from keras_babysit.remedies.layer_changes import SetOutput
from keras_babysit.remedies.program import Program


def _is_numbers(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.dtype.kind in "fiu"


def _not_features(program: Program) -> str:
    """Return why the inputs cannot be changed by feature; empty if they can."""
    if not _is_numbers(program.x) or program.x.ndim < 2:
        return "The inputs are not one array of numbers with features."
    takes_tokens = any(type(one).__name__ == "Embedding" for one in flat_layers(program.model))
    return "The inputs are indices of an embedding." if takes_tokens else ""


def _with_inputs(program: Program, function: Callable[[Any], Any]) -> Program:
    x, y, weight = program.validation
    return program.changed(x=function(program.x), validation=(function(x), y, weight))


@dataclass(frozen=True)
class StandardizeInputs(actions.StandardizeInputs, Change):
    """Scale each feature to mean 0 and standard deviation 1 over the training examples."""

    def why_not(self, program: Program) -> str:
        """The inputs must be one array of numbers that no embedding looks up."""
        return _not_features(program)

    def apply(self, program: Program) -> Program:
        """Return the program with scaled inputs."""
        axes = tuple(range(program.x.ndim - 1))
        mean, std = program.x.mean(axes, dtype="float64"), program.x.std(axes, dtype="float64")
        std = np.where(std > 0, std, 1.0)
        return _with_inputs(program, lambda x: ((x - mean) / std).astype("float32"))


@dataclass(frozen=True)
class CenterInputs(actions.CenterInputs, Change):
    """Subtract the mean of each feature over the training examples."""

    def why_not(self, program: Program) -> str:
        """The inputs must be one array of numbers that no embedding looks up."""
        return _not_features(program)

    def apply(self, program: Program) -> Program:
        """Return the program with centered inputs."""
        mean = program.x.mean(tuple(range(program.x.ndim - 1)), dtype="float64")
        return _with_inputs(program, lambda x: (x - mean).astype("float32"))


@dataclass(frozen=True)
class ScaleInputs(actions.ScaleInputs, Change):
    """Multiply the inputs by a number."""

    def why_not(self, program: Program) -> str:
        """The inputs must be one array of numbers that no embedding looks up."""
        return _not_features(program)

    def apply(self, program: Program) -> Program:
        """Return the program with scaled inputs."""
        return _with_inputs(program, lambda x: (x * self.factor).astype("float32"))


def _not_values(program: Program) -> str:
    """Return why the targets cannot be scaled; empty if they can."""
    y = program.y
    if not _is_numbers(y) or not np.std(y) > 0:
        return "The targets are not one array of numbers that vary."
    name = program.loss_name
    return f"The loss expects classes: {name}." if "crossentropy" in name else ""


def _with_targets(program: Program, scale: float, offset: float) -> Program:
    """Return the program with targets `y` in place of `scale * y + offset`."""
    y = ((program.y - offset) / scale).astype("float32")
    return program.changed(y=y, unscale=(scale, offset))


@dataclass(frozen=True)
class StandardizeTargets(actions.StandardizeTargets, Change):
    """Scale the targets to mean 0 and standard deviation 1; predictions are scaled back."""

    def why_not(self, program: Program) -> str:
        """The targets must be numbers that vary, not classes."""
        return _not_values(program)

    def apply(self, program: Program) -> Program:
        """Return the program with scaled targets."""
        return _with_targets(program, float(np.std(program.y)), float(np.mean(program.y)))


@dataclass(frozen=True)
class FitTargets(actions.FitTargets, Change):
    """Scale the targets to the range of the output; predictions are scaled back."""

    def why_not(self, program: Program) -> str:
        """The targets must be numbers that vary, not classes."""
        return _not_values(program)

    def apply(self, program: Program) -> Program:
        """Return the program with scaled targets."""
        bottom = 0.0 if self.low is None else self.low
        top = bottom + 1 if self.high is None else self.high
        low, high = float(program.y.min()), float(program.y.max())
        scale = (high - low) / (top - bottom)
        return _with_targets(program, scale, low - scale * bottom)


@dataclass(frozen=True)
class Shuffle(actions.Shuffle, Change):
    """Shuffle the training examples before each epoch."""

    def why_not(self, program: Program) -> str:
        """They must not be shuffled yet."""
        return "" if program.fit.get("shuffle") is False else "They are shuffled already."

    def apply(self, program: Program) -> Program:
        """Return the program with shuffled examples."""
        return program.with_fit(shuffle=True)


@dataclass(frozen=True)
class KeepOrder(actions.KeepOrder, Change):
    """Keep the order of the training examples."""

    def apply(self, program: Program) -> Program:
        """Return the program without shuffling."""
        return program.with_fit(shuffle=False)


@dataclass(frozen=True)
class RenumberClasses(actions.RenumberClasses, Change):
    """Number the classes from 0, with one output unit for each."""

    def why_not(self, program: Program) -> str:
        """The targets must be one array with a class per example."""
        y = program.y
        is_one = _is_numbers(y) and y.size == len(y)
        return "" if is_one else "The targets are not one array with a class per example."

    def apply(self, program: Program) -> Program:
        """Return the program with other class numbers."""
        classes, y = np.unique(program.y, return_inverse=True)
        x, held_out, weight = program.validation
        renumbered = np.searchsorted(classes, held_out).reshape(np.shape(held_out))
        changed = program.changed(
            y=y.reshape(program.y.shape),
            validation=(x, renumbered, weight),
            is_scored_by_loss=False,
        )
        return SetOutput(program.output_activation, len(classes)).apply(changed)


@dataclass(frozen=True)
class BinaryTargets(actions.BinaryTargets, Change):
    """Map the targets to 0 and 1."""

    def why_not(self, program: Program) -> str:
        """The targets must be one array of numbers that vary."""
        is_one = _is_numbers(program.y) and np.std(program.y) > 0
        return "" if is_one else "The targets are not one array of numbers that vary."

    def apply(self, program: Program) -> Program:
        """Return the program with other targets."""
        low = program.y.min()
        x, y, weight = program.validation
        made = ((values > low).astype("float32") for values in (program.y, y))
        return program.changed(y=next(made), validation=(x, next(made), weight)).changed(
            is_scored_by_loss=False
        )


@dataclass(frozen=True)
class RemoveConstantFeatures(actions.RemoveConstantFeatures, Change):
    """Remove the columns of the inputs that are constant."""

    def why_not(self, program: Program) -> str:
        """The inputs must be one table of numbers."""
        is_table = _is_numbers(program.x) and program.x.ndim == 2
        return _not_features(program) if is_table else "The inputs are not one table of numbers."

    def apply(self, program: Program) -> Program:
        """Return the program with fewer inputs."""
        kept = program.x.std(axis=0) > 0
        return _with_inputs(program, lambda x: x[:, kept]).changed(is_reshaped=True)


@dataclass(frozen=True)
class RemoveFeature(actions.RemoveFeature, Change):
    """Remove a column of the inputs."""

    def why_not(self, program: Program) -> str:
        """The inputs must be one table of numbers with such a column."""
        is_table = _is_numbers(program.x) and program.x.ndim == 2
        has_it = is_table and self.column < program.x.shape[1] > 1
        return "" if has_it else f"The inputs have no column {self.column}."

    def apply(self, program: Program) -> Program:
        """Return the program with fewer inputs."""
        removed = _with_inputs(program, lambda x: np.delete(x, self.column, axis=1))
        return removed.changed(is_reshaped=True)


@dataclass(frozen=True)
class RemoveNonFinite(actions.RemoveNonFinite, Change):
    """Remove the examples with entries that are not finite."""

    def why_not(self, program: Program) -> str:
        """Some examples must be finite."""
        values = program.x if self.name == "x" else program.y
        if not _is_numbers(values) or not _is_numbers(program.y):
            return "The data are not arrays of numbers."
        return "" if _finite(values).any() else "No example is finite."

    def apply(self, program: Program) -> Program:
        """Return the program with finite examples, for validation too."""
        x, y, weight = program.validation
        kept = _finite(program.x if self.name == "x" else program.y)
        held = _finite(x if self.name == "x" else y)
        weights = None if program.sample_weight is None else program.sample_weight[kept]
        return program.changed(
            x=program.x[kept],
            y=program.y[kept],
            sample_weight=weights,
            validation=(x[held], y[held], None if weight is None else weight[held]),
        )


def _finite(values: Any) -> Any:
    return np.isfinite(values).reshape(len(values), -1).all(axis=1)


@dataclass(frozen=True)
class IgnorePadding(actions.IgnorePadding, Change):
    """Give padded steps the weight 0."""

    def why_not(self, program: Program) -> str:
        """The inputs must be one array of sequences."""
        size = 2 if self.is_tokens else 3
        is_one = isinstance(program.x, np.ndarray) and program.x.ndim == size
        return "" if is_one else "The inputs are not one array of sequences."

    def apply(self, program: Program) -> Program:
        """Return the program with weights of steps."""
        x, y, _ = program.validation
        return program.changed(
            sample_weight=self._weights(program.x), validation=(x, y, self._weights(x))
        )

    def _weights(self, x: Any) -> Any:
        is_data = x != 0 if self.is_tokens else (x != 0).any(axis=-1)
        return is_data.astype("float32")


@dataclass(frozen=True)
class DropSampleWeights(actions.DropSampleWeights, Change):
    """Train without weights of examples or classes."""

    def apply(self, program: Program) -> Program:
        """Return the program without weights."""
        x, y, _ = program.validation
        changed = program.changed(sample_weight=None, validation=(x, y, None))
        return changed.with_fit(class_weight=None)
