"""The mean of paired differences over replicates and examples, with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Interval:
    """A mean and its interval.

    Args:
        mean: The mean.
        low: Lower end; minus infinity if one replicate is all there is.
        high: Upper end.
    """

    mean: float
    low: float
    high: float


def paired_interval(differences: NDArray[np.float64], level: float = 0.95) -> Interval:
    """Return the mean difference and its confidence interval.

    Replicates and examples are crossed: each replicate is scored on the same examples. With R
    replicates and E examples, the variance of the mean is

        s_R² / R + max(0, s_E² / E - s_RE² / (R E))

    where s_R² is the variance of the means of the replicates, s_E² that of the means of the
    examples, and s_RE² that of what neither explains, which both contain. The quantile is
    Student's, with Satterthwaite's degrees of freedom.

    Args:
        differences: `(replicates, examples)`.
        level: Coverage, in (0, 1).

    Reference:
        Satterthwaite, An approximate distribution of estimates of variance components, 1946;
        Searle, Casella and McCulloch, Variance Components, 1992, section 4.

    Example:
        >>> interval = paired_interval(np.array([[1.0, 2.0, 3.0], [1.5, 2.5, 3.5]]))
        >>> interval.mean, round(interval.low, 2), round(interval.high, 2)
        (2.25, 0.08, 4.42)
    """
    from scipy import stats

    replicates, examples = differences.shape
    mean = float(differences.mean())
    if replicates < 2:
        return Interval(mean, -math.inf, math.inf)
    rows, columns = differences.mean(axis=1), differences.mean(axis=0)
    of_replicates = float(rows.var(ddof=1)) / replicates
    of_examples = 0.0
    if examples > 1:
        rest = differences - rows[:, None] - columns[None] + mean
        freedom = (replicates - 1) * (examples - 1)
        of_both = float(np.square(rest).sum()) / freedom / (replicates * examples)
        of_examples = max(0.0, float(columns.var(ddof=1)) / examples - of_both)
    variance = of_replicates + of_examples
    if variance == 0:
        return Interval(mean, mean, mean)
    freedom = variance**2 / (
        of_replicates**2 / (replicates - 1) + of_examples**2 / max(examples - 1, 1)
    )
    half = float(stats.t.ppf(0.5 + level / 2, freedom)) * math.sqrt(variance)
    return Interval(mean, mean - half, mean + half)
