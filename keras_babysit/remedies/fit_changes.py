"""Changes of how `fit` is called, and of the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from keras_babysit.remedies.change import Change
from keras_babysit.remedies.program import Program


@dataclass(frozen=True)
class TrainLonger(Change):
    """Train for more epochs.

    Args:
        factor: How many times as many.
    """

    factor: int = 3

    @property
    def text(self) -> str:
        """What is done."""
        return f"Train {self.factor} times as long."

    @property
    def code(self) -> str:
        """The code to paste."""
        return f"model.fit(x, y, epochs=epochs)  # epochs: {self.factor} times as many as before"

    def apply(self, program: Program) -> Program:
        """Return the program with more epochs."""
        return program.with_fit(epochs=self.factor * program.epochs)


@dataclass(frozen=True)
class StopEarly(Change):
    """Stop when the validation loss no longer falls, and keep the best weights.

    Args:
        patience: Epochs without an improvement.
    """

    patience: int = 5

    @property
    def text(self) -> str:
        """What is done."""
        return "Stop training at the best epoch and restore its weights."

    @property
    def code(self) -> str:
        """The callback to paste."""
        return (
            f'keras.callbacks.EarlyStopping(monitor="val_loss", patience={self.patience}, '
            "restore_best_weights=True)"
        )

    def why_not(self, program: Program) -> str:
        """There must be more epochs than the patience."""
        if program.epochs > self.patience:
            return ""
        return f"There are only {program.epochs} epochs."

    def apply(self, program: Program) -> Program:
        """Return the program that holds out a fifth of its training data to stop by."""
        return program.changed(patience=self.patience)


@dataclass(frozen=True)
class BalanceClasses(Change):
    """Weight the classes by how rare they are."""

    @property
    def text(self) -> str:
        """What is done."""
        return "Weight the classes by how rare they are."

    @property
    def code(self) -> str:
        """The code to paste."""
        return (
            "_, counts = np.unique(y, return_counts=True)\n"
            "model.fit(x, y, class_weight=dict(enumerate(counts.max() / counts)))"
        )

    def why_not(self, program: Program) -> str:
        """The targets must be class numbers from 0 without a gap."""
        y = program.y
        is_whole = isinstance(y, np.ndarray) and y.dtype.kind in "iu" and y.size == len(y)
        if not is_whole or not np.array_equal(np.unique(y), np.arange(y.max() + 1)):
            return "The targets are not class numbers 0, 1, ..., all of which occur."
        return "" if not program.fit.get("class_weight") else "The classes are weighted already."

    def apply(self, program: Program) -> Program:
        """Return the program with weighted classes."""
        _, counts = np.unique(program.y, return_counts=True)
        weights = {index: float(value) for index, value in enumerate(counts.max() / counts)}
        return program.with_fit(class_weight=weights)


@dataclass(frozen=True)
class SetFromLogits(Change):
    """Compute the crossentropy of logits, or of probabilities.

    Args:
        from_logits: Whether the outputs are logits.
    """

    from_logits: bool

    @property
    def text(self) -> str:
        """What is done."""
        return f"Set `from_logits={self.from_logits}` in the loss."

    @property
    def code(self) -> str:
        """The argument to paste."""
        return f"from_logits={self.from_logits}"

    def why_not(self, program: Program) -> str:
        """The loss must be a crossentropy."""
        return "" if _loss(program) is not None else "The loss does not distinguish logits."

    def apply(self, program: Program) -> Program:
        """Return the program with the other loss."""
        loss = _loss(program)
        assert loss is not None  # as `why_not` says
        other = type(loss).from_config({**loss.get_config(), "from_logits": self.from_logits})
        return program.changed(compile={**program.compile, "loss": other}, is_scored_by_loss=False)


def _loss(program: Program) -> Any:
    """Return the loss as an object that has `from_logits`, None if it is of another kind."""
    given = program.compile.get("loss", program.model.loss)
    if isinstance(given, str) or callable(given):
        name = given if isinstance(given, str) else getattr(given, "__name__", "")
        known = {
            "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
            "categorical_crossentropy": keras.losses.CategoricalCrossentropy,
            "binary_crossentropy": keras.losses.BinaryCrossentropy,
        }
        if name in known:
            return known[name]()
    has_it = isinstance(given, keras.losses.Loss) and "from_logits" in given.get_config()
    return given if has_it else None
