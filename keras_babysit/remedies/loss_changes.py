"""Changes of the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras

from keras_babysit import actions
from keras_babysit.remedies.change import Change
from keras_babysit.remedies.layer_changes import SetOutput
from keras_babysit.remedies.program import Program

KNOWN = {
    "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
    "categorical_crossentropy": keras.losses.CategoricalCrossentropy,
    "binary_crossentropy": keras.losses.BinaryCrossentropy,
}
"""Losses that distinguish logits, by name."""


def _with(program: Program, loss: Any, *, is_scored_by_loss: bool = False) -> Program:
    changed = {**program.compile, "loss": loss}
    is_same = program.is_scored_by_loss and is_scored_by_loss
    return program.changed(compile=changed, is_scored_by_loss=is_same)


@dataclass(frozen=True)
class SetFromLogits(actions.SetFromLogits, Change):
    """Compute the crossentropy of logits, or of probabilities."""

    def why_not(self, program: Program) -> str:
        """The loss must be a crossentropy."""
        return "" if _crossentropy(program) is not None else "The loss does not distinguish logits."

    def apply(self, program: Program) -> Program:
        """Return the program with the other loss."""
        loss = _crossentropy(program)
        made = type(loss).from_config({**loss.get_config(), "from_logits": self.from_logits})
        changed = _with(program, made)
        return SetOutput("linear").apply(changed) if self.removes_activation else changed


def _crossentropy(program: Program) -> Any:
    """Return the loss as an object that has `from_logits`, None if it is of another kind."""
    given = program.loss
    name = given if isinstance(given, str) else getattr(given, "__name__", "")
    if name in KNOWN:
        return KNOWN[name]()
    has_it = isinstance(given, keras.losses.Loss) and "from_logits" in given.get_config()
    return given if has_it else None


@dataclass(frozen=True)
class SetLoss(actions.SetLoss, Change):
    """Use another loss."""

    def apply(self, program: Program) -> Program:
        """Return the program with another loss."""
        return _with(program, self.loss)


@dataclass(frozen=True)
class SetFocalLoss(actions.SetFocalLoss, Change):
    """Use a focal loss that weights the positives by how rare they are."""

    def apply(self, program: Program) -> Program:
        """Return the program with a focal loss."""
        loss = keras.losses.BinaryFocalCrossentropy(
            apply_class_balancing=True, alpha=self.alpha, from_logits=self.from_logits
        )
        return _with(program, loss)


@dataclass(frozen=True)
class NegateLoss(actions.NegateLoss, Change):
    """Change the sign of the loss."""

    def why_not(self, program: Program) -> str:
        """There must be one loss."""
        return "" if callable(program.loss) else "There is not one loss function."

    def apply(self, program: Program) -> Program:
        """Return the program with the other sign."""
        loss = program.loss
        return _with(program, lambda y_true, y_pred: -loss(y_true, y_pred))


@dataclass(frozen=True)
class AverageLoss(actions.AverageLoss, Change):
    """Use the mean of the losses of the examples in place of their sum."""

    def why_not(self, program: Program) -> str:
        """There must be one loss."""
        is_one = callable(program.loss) or isinstance(program.loss, str)
        return "" if is_one else "There is not one loss function."

    def apply(self, program: Program) -> Program:
        """Return the program with a mean: of a loss of Keras, or the sum divided by its count."""
        loss = program.loss
        if isinstance(loss, str):
            return program
        if isinstance(loss, keras.losses.Loss):
            config = {**loss.get_config(), "reduction": "sum_over_batch_size"}
            return _with(program, type(loss).from_config(config), is_scored_by_loss=True)

        def mean(y_true: Any, y_pred: Any) -> Any:
            return loss(y_true, y_pred) / keras.ops.cast(keras.ops.shape(y_pred)[0], "float32")

        return _with(program, mean, is_scored_by_loss=True)


@dataclass(frozen=True)
class SetLossWeights(actions.SetLossWeights, Change):
    """Weight the losses of several outputs."""

    def why_not(self, program: Program) -> str:
        """The losses must be given by the names of the outputs."""
        is_named = isinstance(program.loss, dict)
        return "" if is_named else "The losses are not given by the names of the outputs."

    def apply(self, program: Program) -> Program:
        """Return the program with other weights."""
        given = program.argument("loss_weights") or {}
        weights = {name: weight * float(given.get(name, 1.0)) for name, weight in self.weights}
        changed = {**program.compile, "loss_weights": {**given, **weights}}
        return program.changed(compile=changed, is_scored_by_loss=False)
