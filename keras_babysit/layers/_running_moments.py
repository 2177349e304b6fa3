"""Exact mean and variance of a stream, per feature."""

import numpy as np


class RunningMoments:
    """Mean and variance per feature in float64, of any number of examples, mergeable.

    Blocks are joined by Chan's update, which never subtracts large squares: it is as safe for a
    mean far above the standard deviation as two passes over all data are.

    Reference:
        Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample
        variances", Stanford STAN-CS-79-773, 1979.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = np.zeros(())  # takes the shape of an example from the first block
        self._squares = np.zeros(())

    @property
    def variance(self) -> np.ndarray:
        """Mean squared distance from the mean, zero before the first example."""
        return self._squares / max(self.count, 1)

    def update(self, examples: np.ndarray) -> None:
        """Add examples of shape `(n, ...)`."""
        mean = examples.mean(axis=0, dtype="float64")
        squares = np.square(examples - mean).sum(axis=0)
        self._join(len(examples), mean, squares)

    def merge(self, other: "RunningMoments") -> None:
        """Add all examples that `other` has seen."""
        self._join(other.count, other.mean, other._squares)

    def _join(self, count: int, mean: np.ndarray, squares: np.ndarray) -> None:
        if not count:
            return
        total = self.count + count
        delta = mean - self.mean
        self._squares = self._squares + squares + delta**2 * (self.count * count / total)
        self.mean = self.mean + delta * (count / total)
        self.count = total
