"""Scores as rules read them: train and validation alike, with their uncertainty."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keras_babysit.history import History

Z = 1.96
"""Half-width of a 95 % interval in standard errors."""


class Estimate(NamedTuple):
    """A measured value and its standard error."""

    value: float
    error: float

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return self.value - Z * self.error

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.value + Z * self.error

    def minus(self, other: "Estimate") -> "Estimate":
        """Return the difference to an independent estimate."""
        return Estimate(self.value - other.value, math.hypot(self.error, other.error))


def estimates(history: History, name: str, target: str) -> list[Estimate]:
    """Return the score `name` on `target` at each scored epoch, oldest first.

    Scores that are not finite are left out.
    """
    values = history.series(f"score/{name}", target).values
    errors = history.series(f"score/{name}_stderr", target).values
    return _pairs(values, errors)


def _pairs(values: NDArray[np.float64], errors: NDArray[np.float64]) -> list[Estimate]:
    pairs = zip(values.tolist(), errors.tolist(), strict=False)
    return [Estimate(v, e) for v, e in pairs if math.isfinite(v) and math.isfinite(e)]


def training_errors(history: History) -> list[Estimate]:
    """Return the error on training data at each scored epoch, to hold against the yardsticks.

    Where examples count differently in the loss they do so here, as they do in the yardsticks.
    """
    counted = history.series("reference/network_error", "train").values
    if not len(counted):
        return estimates(history, "error", "train")
    errors = history.series("reference/network_error_stderr", "train").values
    return _pairs(counted, errors)


def advantages(history: History, target: str) -> list[Estimate]:
    """Return by how much the error of the best constant answer is above the network's.

    Example by example, so that hard examples, which are hard for both, do not blur it.
    """
    name = "reference/constant_advantage"
    return _pairs(
        history.series(name, target).values, history.series(f"{name}_stderr", target).values
    )


def rankings(history: History, target: str) -> list[Estimate]:
    """Return how well yes is ranked above no in each score; none where that is no question."""
    auc, errors = (history.series(f"predictions/{n}", target) for n in ("auc", "auc_stderr"))
    return _pairs(auc.values, errors.values)


def beats_constant(history: History, target: str) -> bool:
    """Return whether the latest score surely does better than one answer for all.

    By its errors, or by ranking yes above no: what is never likelier than not is never answered.
    """
    better, auc = advantages(history, target)[-1:], rankings(history, target)[-1:]
    return any(one.low > 0 for one in better) or any(one.low > 0.5 for one in auc)


def has_beaten_constant(history: History, target: str) -> bool:
    """Return whether one of all scores did so, by three standard errors: it is the best of many."""
    better, auc = advantages(history, target), rankings(history, target)
    return any(one.value > 3 * one.error for one in better) or any(
        one.value - 0.5 > 3 * one.error for one in auc
    )


def is_weighted(history: History) -> bool:
    """Return whether examples count differently in the loss."""
    return bool(len(history.series("reference/network_error", "train").values))


class Both(NamedTuple):
    """A score of training and validation data, taken at once after an epoch counted from 0."""

    epoch: int
    train: Estimate
    validation: Estimate


def side_by_side(history: History, name: str) -> list[Both]:
    """Return the score `name` where it was taken of both, oldest first.

    A part of sorted validation data is not scored: there training data may stand alone.
    """
    train, validation = (_by_moment(history, name, target) for target in ("train", "validation"))
    moments = [moment for moment in validation if moment in train]
    return [Both(moment[1], train[moment], validation[moment]) for moment in moments]


def _by_moment(history: History, name: str, target: str) -> dict[tuple[int, int], Estimate]:
    """Return the finite scores by step and epoch."""
    series = history.series(f"score/{name}", target)
    moments = zip(series.steps.tolist(), series.epochs.tolist(), strict=True)
    errors = history.series(f"score/{name}_stderr", target).values
    all_of_them = zip(moments, series.values.tolist(), errors.tolist(), strict=False)
    return {m: Estimate(v, e) for m, v, e in all_of_them if math.isfinite(v) and math.isfinite(e)}


def gaps(history: History, name: str) -> list[Estimate]:
    """Return validation minus train of the score `name` wherever it was taken of both."""
    return [both.validation.minus(both.train) for both in side_by_side(history, name)]


def smooth(values: list[float]) -> NDArray[np.float64]:
    """Return each value averaged with its neighbours, to look at a trend."""
    padded = np.array([values[0], *values, values[-1]])
    smoothed: NDArray[np.float64] = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    return smoothed
