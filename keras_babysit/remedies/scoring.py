"""The score of a trained model on validation data: loss and errors of blocks of examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_babysit.backends import to_array
from keras_babysit.probes.lost_outputs import outputs_are_lost
from keras_babysit.probes.weight_penalties import without_weight_penalties
from keras_babysit.remedies.program import Program
from keras_babysit.samples.batches import take

BLOCKS = 64
"""Blocks of validation examples whose means are compared. A loss is a mean over examples, whatever
its kind, and 64 means show its spread."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """The score of one trained model, in inference mode and without penalties.

    Args:
        loss: Loss of each block.
        error: For classes and labels the fraction of wrong answers in each block; for numbers the
            squared error as a fraction of the variance of the targets. None if it cannot be read.
    """

    loss: Values
    error: Values | None


class Scorer:
    """Scores models with the loss of one program, in the units of its targets.

    Args:
        program: The unchanged program.
    """

    def __init__(self, program: Program) -> None:
        self._model = program.build(0)  # its loss is used, never its weights
        x, y, weight = program.validation
        size = len(keras.tree.flatten(y)[0])
        self._blocks = np.array_split(np.arange(size), min(BLOCKS, size))
        self._x, self._y, self._weight = x, y, weight

    def score(self, program: Program, model: Any) -> Score:
        """Return the score of a trained model of a program."""
        predictions = model.predict(program.validation[0], batch_size=128, verbose=0)
        if program.unscale is not None:
            scale, offset = program.unscale
            predictions = predictions * scale + offset
        try:
            loss = np.array([self._loss(rows, predictions) for rows in self._blocks])
        except Exception:  # outputs of another shape have no loss of the unchanged program
            if program.is_scored_by_loss:
                raise
            loss = np.full(len(self._blocks), np.nan)
        y = self._y if program.is_scored_by_loss else program.validation[1]
        return Score(loss, self._errors(y, predictions, model.loss))

    def _loss(self, rows: NDArray[np.int64], predictions: Any) -> float:
        y, weight = take((self._y, self._weight), rows)
        y_pred = keras.tree.map_structure(
            lambda leaf: keras.ops.convert_to_tensor(leaf[rows]), predictions
        )
        if outputs_are_lost(y_pred):  # which some losses and metrics hide
            return np.nan
        with without_weight_penalties(self._model):
            loss = self._model.compute_loss(y=y, y_pred=y_pred, sample_weight=weight)
            added = sum(float(to_array(one)) for one in self._model.losses)
        return float(to_array(loss)) - added

    def _errors(self, y: Any, predictions: Any, loss: Any) -> Values | None:
        if isinstance(y, dict) and isinstance(predictions, dict):
            parts = [self._errors(y[name], predictions[name], None) for name in y]
            known = [part for part in parts if part is not None]
            return np.mean(known, axis=0) if len(known) == len(parts) else None
        if not isinstance(y, np.ndarray) or not isinstance(predictions, np.ndarray):
            return None
        y = y.reshape(len(y), -1)
        if predictions.ndim != 2:
            return None
        columns = predictions.shape[1]
        if not np.isfinite(predictions).all():
            wrong = np.full(len(y), np.inf)
        elif columns > 1 and y.shape[1] in (1, columns) and _are_classes(y):
            classes = y[:, 0] if y.shape[1] == 1 else y.argmax(axis=1)
            wrong = (predictions.argmax(axis=1) != classes).astype(float)
        elif y.shape[1] != columns:
            return None
        elif np.isin(y, (0, 1)).all() or len(np.unique(y)) == 2:
            limit = 0.0 if _is_of_logits(loss) or y.min() < 0 else 0.5
            wrong = ((predictions > limit) != (y > y.mean())).mean(axis=1)
        else:
            spread = float(y.var(axis=0).mean()) or 1.0
            wrong = np.square(predictions - y).mean(axis=1) / spread
        return np.array([wrong[rows].mean() for rows in self._blocks])


def _are_classes(y: NDArray[Any]) -> bool:
    if y.shape[1] == 1:
        return bool((y == np.round(y)).all())
    return bool(np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all())


def _is_of_logits(loss: Any) -> bool:
    config: dict[str, Any] = loss.get_config() if hasattr(loss, "get_config") else {}
    return bool(config.get("from_logits", False))
