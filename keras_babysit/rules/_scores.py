"""Scores as rules see them: of training and validation data, with their standard errors."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keras_babysit.history import History

Z_95 = 1.96
"""Half-width of a 95 % interval in standard errors."""


class Estimate(NamedTuple):
    """A measured value and its standard error."""

    value: float
    error: float

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return self.value - Z_95 * self.error

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.value + Z_95 * self.error

    def minus(self, other: "Estimate") -> "Estimate":
        """Return the difference to an independent estimate."""
        return Estimate(self.value - other.value, math.hypot(self.error, other.error))


def estimates(history: History, name: str, target: str) -> list[Estimate]:
    """Return the score `name` of `target`, oldest first; those that are not finite are left out."""
    values = history.series(f"score/{name}", target).values
    errors = history.series(f"score/{name}_stderr", target).values
    return _pairs(values, errors)


def _pairs(values: NDArray[np.float64], errors: NDArray[np.float64]) -> list[Estimate]:
    pairs = zip(values.tolist(), errors.tolist(), strict=False)
    return [Estimate(v, e) for v, e in pairs if math.isfinite(v) and math.isfinite(e)]


def training_errors(history: History) -> list[Estimate]:
    """Return the error on training data, oldest first, to be compared with the baselines.

    If the loss weights the examples, this error and the baselines do too.
    """
    counted = history.series("reference/network_error", "train").values
    if not len(counted):
        return estimates(history, "error", "train")
    errors = history.series("reference/network_error_stderr", "train").values
    return _pairs(counted, errors)


def advantages(history: History, target: str) -> list[Estimate]:
    """Return how much larger the error of the best constant prediction is than the network's.

    The difference is computed per example, so that examples that are hard for both add no noise.
    """
    name = "reference/constant_advantage"
    return _pairs(
        history.series(name, target).values, history.series(f"{name}_stderr", target).values
    )


def rankings(history: History, target: str) -> list[Estimate]:
    """Return the area under the ROC curve, oldest first; empty unless the labels are binary."""
    auc, errors = (history.series(f"predictions/{n}", target) for n in ("auc", "auc_stderr"))
    return _pairs(auc.values, errors.values)


def beats_constant(history: History, target: str) -> bool:
    """Return whether the latest score is significantly better than a constant prediction.

    Either its error is smaller, or it ranks positives above negatives: a rare class may never be
    predicted because its probability stays below 0.5.
    """
    better, auc = advantages(history, target)[-1:], rankings(history, target)[-1:]
    return any(one.low > 0 for one in better) or any(one.low > 0.5 for one in auc)


def has_beaten_constant(history: History, target: str) -> bool:
    """Return whether any score was better than a constant prediction by three standard errors.

    Three and not two, because it is the best of many.
    """
    better, auc = advantages(history, target), rankings(history, target)
    return any(one.value > 3 * one.error for one in better) or any(
        one.value - 0.5 > 3 * one.error for one in auc
    )


def is_weighted(history: History) -> bool:
    """Return whether the loss weights the examples."""
    return bool(len(history.series("reference/network_error", "train").values))


class PairedScore(NamedTuple):
    """A score of training and of validation data after one epoch, counted from 0."""

    epoch: int
    train: Estimate
    validation: Estimate


def side_by_side(history: History, name: str) -> list[PairedScore]:
    """Return the score `name` wherever both parts of the data were scored, oldest first.

    Validation data that is sorted by class is not scored in part, so that there may be scores of
    training data alone.
    """
    train, validation = (_by_moment(history, name, target) for target in ("train", "validation"))
    moments = [moment for moment in validation if moment in train]
    return [PairedScore(moment[1], train[moment], validation[moment]) for moment in moments]


def _by_moment(history: History, name: str, target: str) -> dict[tuple[int, int], Estimate]:
    """Return the finite scores by step and epoch."""
    series = history.series(f"score/{name}", target)
    moments = zip(series.steps.tolist(), series.epochs.tolist(), strict=True)
    errors = history.series(f"score/{name}_stderr", target).values
    all_of_them = zip(moments, series.values.tolist(), errors.tolist(), strict=False)
    return {m: Estimate(v, e) for m, v, e in all_of_them if math.isfinite(v) and math.isfinite(e)}


def gaps(history: History, name: str) -> list[Estimate]:
    """Return the score `name` of validation minus that of training data, oldest first."""
    return [both.validation.minus(both.train) for both in side_by_side(history, name)]


def smooth(values: list[float]) -> NDArray[np.float64]:
    """Return each value averaged with its neighbours, to show a trend."""
    padded = np.array([values[0], *values, values[-1]])
    smoothed: NDArray[np.float64] = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    return smoothed
