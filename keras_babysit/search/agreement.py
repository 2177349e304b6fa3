"""Whether the ranks of trials at a low fidelity are those at a higher one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from keras_babysit.search.record import Record
from keras_babysit.search.traits import centered_ranks, rank_correlation

MIN_PAIRS = 4
"""Smallest number of trials to compare: of 4, one of 24 orders is as good as the perfect one."""

MAX_P_VALUE = 0.1
"""Largest probability that trials in random order agree as well. It is no stricter, because
a search can afford to compare few trials; if they agree by chance, only a part of the range is
lost, which the next round may widen again."""

EXACT = 7
"""Largest number of trials for which all orders are counted: 5,040."""


@dataclass(frozen=True)
class Agreement:
    """Agreement between the scores of trials at one fidelity and at the next one.

    Args:
        rung: Index of the lower fidelity.
        trials: Number of trials that have a score at both.
        correlation: Spearman's rank correlation, in [-1, 1]; NaN with fewer than 2 trials.
        p_value: Probability that trials in random order correlate at least as much, in (0, 1].
    """

    rung: int
    trials: int
    correlation: float
    p_value: float

    @property
    def holds(self) -> bool:
        """Whether the ranks were seen to hold."""
        return self.trials >= MIN_PAIRS and self.p_value <= MAX_P_VALUE


def agreement(records: Iterable[Record], rung: int) -> Agreement:
    """Return the agreement between a fidelity and the next one.

    Args:
        records: The trials, without those that others continue (see `latest`).
        rung: Index of the lower fidelity.

    Example:
        >>> trials = [Record(n, rung_scores=[n, n**2]) for n in range(5)]
        >>> found = agreement(trials, 0)
        >>> found.correlation, found.holds
        (1.0, True)
    """
    pairs = [r.rung_scores[rung : rung + 2] for r in records if len(r.rung_scores) > rung + 1]
    finite = [(low, high) for low, high in pairs if math.isfinite(low) and math.isfinite(high)]
    if len(finite) < 2:
        return Agreement(rung, len(finite), math.nan, 1.0)
    low, high = zip(*finite, strict=True)
    found = rank_correlation(low, high)
    return Agreement(rung, len(finite), found, _p_value(low, high, found))


def first_trusted_rung(records: Sequence[Record], reached: int) -> int:
    """Return the lowest fidelity whose ranks hold at all higher ones up to `reached`."""
    rung = reached
    while rung > 0 and agreement(records, rung - 1).holds:
        rung -= 1
    return rung


def _p_value(low: Sequence[float], high: Sequence[float], found: float) -> float:
    """Return the p-value of a permutation test, one-sided; of a normal approximation if n > 7."""
    if len(low) > EXACT:
        return 0.5 * math.erfc(found * math.sqrt(len(low) - 1) / math.sqrt(2))
    orders = np.array(list(itertools.permutations(range(len(low)))))
    first, second = (centered_ranks(values) for values in (low, high))
    sums = second[orders] @ first
    return float(np.mean(sums >= second @ first - 1e-9))
