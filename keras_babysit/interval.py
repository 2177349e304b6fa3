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
    examples, and s_RE² that of what neither explains, which both contain. Each of the two terms is
    multiplied by the square of Student's quantile of its own degrees of freedom, R - 1 and E - 1,
    and the half width is the root of their sum. Three replicates that agree by chance leave the
    term of the examples alone: with degrees of freedom of the sum, as Satterthwaite's, the interval
    would be that of many examples, and too narrow.

    Args:
        differences: `(replicates, examples)`.
        level: Coverage, in (0, 1).

    Reference:
        Howe, "Approximate confidence limits on the mean of X + Y where X and Y are two tabled
        independent random variables", JASA 69, 1974; Searle, Casella and McCulloch, Variance
        Components, 1992, section 4.

    Example:
        >>> interval = paired_interval(np.array([[1.0, 2.0, 3.0], [1.5, 2.5, 3.5]]))
        >>> interval.mean, round(interval.low, 2), round(interval.high, 2)
        (2.25, -1.78, 6.28)
    """
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
    half_squared = _squared_quantile(level, replicates - 1) * of_replicates
    half_squared += _squared_quantile(level, max(examples - 1, 1)) * of_examples
    half = math.sqrt(half_squared)
    return Interval(mean, mean - half, mean + half)


def _squared_quantile(level: float, freedom: int) -> float:
    from scipy import stats

    return float(stats.t.ppf(0.5 + level / 2, freedom)) ** 2
