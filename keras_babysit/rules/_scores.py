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
    pairs = zip(values.tolist(), errors.tolist(), strict=False)
    return [Estimate(v, e) for v, e in pairs if math.isfinite(v) and math.isfinite(e)]


def gaps(history: History, name: str) -> list[Estimate]:
    """Return validation minus train of the score `name` at each scored epoch."""
    validation, train = (estimates(history, name, t) for t in ("validation", "train"))
    both = min(len(validation), len(train))
    pairs = zip(validation[len(validation) - both :], train[len(train) - both :], strict=True)
    return [v.minus(t) for v, t in pairs]


def smooth(values: list[float]) -> NDArray[np.float64]:
    """Return each value averaged with its neighbours, to look at a trend."""
    padded = np.array([values[0], *values, values[-1]])
    smoothed: NDArray[np.float64] = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    return smoothed
