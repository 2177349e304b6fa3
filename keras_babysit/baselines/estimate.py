"""The mean of some values and how far off it may be."""

import math
from collections.abc import Sequence

import numpy as np


def mean_and_error(
    values: Sequence[float] | np.ndarray, weights: np.ndarray | None = None
) -> tuple[float, float]:
    """Return mean and standard error of independent values.

    Args:
        values: The values, at least one.
        weights: Weight of each of them, above 0; None if all count the same.

    Returns:
        `(mean, standard error)` as floats; the error is 0 for fewer than two values.

    Example:
        >>> mean_and_error([1.0, 2.0, 3.0])[0]
        2.0
    """
    values = np.asarray(values, "float64")
    weights = np.ones(len(values)) if weights is None else weights
    mean = np.average(values, weights=weights)
    if len(values) < 2:
        return float(mean), 0.0
    spread = np.square(weights * (values - mean)).sum() * len(values) / (len(values) - 1)
    return float(mean), float(math.sqrt(spread) / weights.sum())
