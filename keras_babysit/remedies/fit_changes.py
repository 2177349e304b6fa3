"""Changes of how `fit` is called."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from keras_babysit import actions
from keras_babysit.remedies.change import Change
from keras_babysit.remedies.program import Program


@dataclass(frozen=True)
class TrainLonger(actions.TrainLonger, Change):
    """Train for more epochs."""

    def apply(self, program: Program) -> Program:
        """Return the program with more epochs."""
        return program.with_fit(epochs=self.factor * program.epochs)


@dataclass(frozen=True)
class ScaleBatchSize(actions.ScaleBatchSize, Change):
    """Use batches of another size."""

    @property
    def is_of_optimizer(self) -> bool:
        """True: the steps are fewer and less noisy."""
        return True

    def why_not(self, program: Program) -> str:
        """There must be more than one such batch."""
        if self.size:
            return "" if self.size != program.batch_size else "The batches have this size."
        is_larger = self.factor * program.batch_size < program.size
        return "" if is_larger else "There are too few examples for larger batches."

    def apply(self, program: Program) -> Program:
        """Return the program with larger batches."""
        return program.with_fit(batch_size=self.size or self.factor * program.batch_size)


@dataclass(frozen=True)
class BalanceClasses(actions.BalanceClasses, Change):
    """Weight the classes by how rare they are."""

    def why_not(self, program: Program) -> str:
        """The targets must be class numbers, or a column for each class."""
        y = _classes(program)
        if y is None:
            return "The targets are not class numbers, nor a column for each class."
        is_gapless = np.array_equal(np.unique(y), np.arange(y.max() + 1))
        if self.is_numbered and not is_gapless:
            return "The targets are not class numbers 0, 1, ..., all of which occur."
        return ""

    def apply(self, program: Program) -> Program:
        """Return the program with weighted classes."""
        y = _classes(program)
        assert y is not None  # as `why_not` says
        classes, counts = np.unique(y, return_counts=True)
        weights = (counts.max() / counts).tolist()
        return program.changed(sample_weight=None).with_fit(
            class_weight=dict(zip(classes.astype(int).tolist(), weights, strict=True))
        )


def _classes(program: Program) -> np.ndarray | None:
    """Return the class number of each example, None if the targets are of another kind."""
    y = program.y
    if not isinstance(y, np.ndarray):
        return None
    if y.ndim == 2 and y.shape[1] > 1:
        is_one_hot = np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()
        return y.argmax(axis=1) if is_one_hot else None
    is_whole = y.size == len(y) and bool((y == np.round(y)).all()) and y.min() >= 0
    return y.reshape(-1).astype(int) if is_whole else None


@dataclass(frozen=True)
class SetCallback(actions.SetCallback, Change):
    """Use a callback of Keras, in place of one of the same class."""

    @property
    def is_of_optimizer(self) -> bool:
        """Whether it changes the learning rate."""
        return self.class_name == "ReduceLROnPlateau"

    def why_not(self, program: Program) -> str:
        """There must be more epochs than the patience."""
        patience = int(dict(self.arguments).get("patience", 0))
        return "" if program.epochs > patience else f"There are only {program.epochs} epochs."

    def apply(self, program: Program) -> Program:
        """Return the program with the callback."""
        kind = getattr(keras.callbacks, self.class_name)
        kept = tuple(one for one in program.callbacks if not isinstance(one, kind))
        made = kind(monitor=self.monitor, **dict(self.arguments))
        return program.changed(callbacks=(*kept, made))
