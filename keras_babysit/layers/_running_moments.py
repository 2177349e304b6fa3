"""Exact mean and variance of streamed data, per feature."""

import numpy as np


class RunningMoments:
    """Mean and variance per feature in float64, updated block by block, and mergeable.

    Blocks are combined by Chan's formula, which subtracts no large squares. It is as accurate as
    two passes over the data, even if the mean is far above the standard deviation.

    Reference:
        Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample
        variances", Stanford STAN-CS-79-773, 1979.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = np.zeros(())  # the first block sets the shape
        self._squares = np.zeros(())

    @property
    def variance(self) -> np.ndarray:
        """Mean squared distance from the mean; 0 before the first example."""
        return self._squares / max(self.count, 1)

    def update(self, examples: np.ndarray) -> None:
        """Add examples of shape `(n, ...)`."""
        mean = examples.mean(axis=0, dtype="float64")
        squares = np.square(examples - mean).sum(axis=0)
        self._join(len(examples), mean, squares)

    def merge(self, other: "RunningMoments") -> None:
        """Add all examples of `other`."""
        self._join(other.count, other.mean, other._squares)

    def _join(self, count: int, mean: np.ndarray, squares: np.ndarray) -> None:
        if not count:
            return
        total = self.count + count
        delta = mean - self.mean
        self._squares = self._squares + squares + delta**2 * (self.count * count / total)
        self.mean = self.mean + delta * (count / total)
        self.count = total
