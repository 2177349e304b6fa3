"""Exact mean and covariance of streamed data."""

import numpy as np


class RunningCovariance:
    """Mean and covariance in float64, updated block by block, and mergeable.

    The sums are of `examples - origin`, with a fixed `origin` near the mean, so that the final
    subtraction of `n * mean * mean` loses no significant digits. The first block sets the origin.
    It is 0 where the mean of a feature is within a few standard deviations of 0; then float64
    examples need not be copied.

    Reference:
        Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample
        variances", Stanford STAN-CS-79-773, 1979.
    """

    def __init__(self) -> None:
        self.count = 0
        self._origin = self._sum = self._products = np.zeros(())  # the first block sets the shape

    @property
    def mean(self) -> np.ndarray:
        """Mean per feature; 0 before the first example."""
        return self._origin + self._sum / max(self.count, 1)

    def covariance(self, ddof: int = 0) -> np.ndarray:
        """Return the covariance, divided by `count - ddof`, but at least by 1."""
        offset = self._sum / max(self.count, 1)
        scatter = self._products - np.multiply.outer(self._sum, offset)
        scatter /= max(self.count - ddof, 1)
        return scatter

    def update(self, examples: np.ndarray) -> None:
        """Add examples of shape `(n, features)`."""
        if not self.count:
            self._origin = _origin(examples)
            self._products = np.zeros((examples.shape[1],) * 2)
        if self._origin.any() or examples.dtype != np.float64:
            examples = np.subtract(examples, self._origin, dtype="float64")
        self.count += len(examples)
        self._sum = self._sum + np.ones(len(examples)) @ examples  # a product uses all cores
        self._products += examples.T @ examples  # a symmetric product takes half the work

    def merge(self, other: "RunningCovariance") -> None:
        """Add all examples of `other`."""
        if not self.count:
            self._origin = other._origin
        shift = other._origin - self._origin
        cross = np.multiply.outer(other._sum, shift)
        square = other.count * np.multiply.outer(shift, shift)
        self._products = self._products + other._products + cross + cross.T + square
        self._sum = self._sum + other._sum + other.count * shift
        self.count += other.count


def _origin(examples: np.ndarray) -> np.ndarray:
    examples = examples[:1024]
    mean = examples.mean(axis=0, dtype="float64")
    # At 8 standard deviations the sum of squares is 65 times the variance: 2 of 16 digits are lost.
    is_near_zero = np.abs(mean) <= 8 * examples.std(axis=0, dtype="float64")
    return np.where(is_near_zero, 0.0, mean)
