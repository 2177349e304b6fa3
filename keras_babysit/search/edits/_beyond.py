"""How far a range can be widened, and from where on trials die."""

from __future__ import annotations

import math
from collections.abc import Iterable, Set
from typing import NamedTuple

from keras_babysit.search.record import Record
from keras_babysit.search.space import Range

_DIVERGED = frozenset({"loss_explosion", "non_finite_values", "non_finite_score"})

FAMILIES: dict[str, tuple[str, frozenset[str]]] = {
    "diverged": ("Diverged", _DIVERGED),
    "died": ("A layer died", frozenset({"dead_units"})),
    "saturated": ("A layer saturated", frozenset({"saturated_units"})),
    "never_moved": ("The weights never moved", frozenset({"no_update"})),
}
"""Kinds of end: the words for it, and the names of the rules that find it."""

LEAST = 3
"""Trials that must have ended so: fewer may be bad luck."""

MOST_SPARED = 0.1
"""Share of the trials beyond a boundary that may have been spared."""

CHANCE = 0.01
"""Probability, by Fisher's exact test, below which an arrangement of trials is no accident."""


class Boundary(NamedTuple):
    """From where on an axis trials end badly.

    Args:
        place: On the axis, half way between the last trial before it and the first beyond it.
        beyond: How many trials lie beyond, and how many of them ended so.
        before: The same on the near side.
    """

    place: float
    beyond: tuple[int, int]
    before: tuple[int, int]


def boundary(
    records: Iterable[Record], name: str, causes: Set[str], direction: int
) -> Boundary | None:
    """Return from where on, upwards (1) or downwards (-1), trials end by one of these causes.

    Of all boundaries with at least `LEAST` such trials and at most a tenth of others beyond it, the
    one with the most beyond it; None if there is none that chance would not give as well.
    """
    over = [r for r in records if r.is_over and r.place(name) is not None]
    trials = sorted((direction * (r.place(name) or 0.0), r.cause in causes) for r in over)
    hits = sum(hit for _, hit in trials)
    for first in range(1, len(trials)):
        beyond = trials[first:]
        bad = sum(hit for _, hit in beyond)
        is_clear = trials[first - 1][0] < beyond[0][0] and beyond[0][1]
        if not is_clear or bad < LEAST or bad < (1 - MOST_SPARED) * len(beyond):
            continue
        if _by_chance(len(trials), hits, len(beyond), bad) < CHANCE:
            place = direction * (trials[first - 1][0] + beyond[0][0]) / 2
            return Boundary(place, (len(beyond), bad), (first, hits - bad))
    return None


def _by_chance(trials: int, hits: int, beyond: int, bad: int) -> float:
    """Return the probability that `bad` or more of the hits fall beyond by chance."""
    ways = range(bad, min(hits, beyond) + 1)
    favourable = sum(math.comb(beyond, k) * math.comb(trials - beyond, hits - k) for k in ways)
    return favourable / math.comb(trials, hits)


def limits(declared: Range) -> tuple[float, float]:
    """Return how far a declared range may be widened to.

    A range of positive numbers stays positive, and one that begins at 0 stays there. A linear range
    inside [0, 1] is taken for a share, such as a dropout rate or a momentum, and goes at most half
    of the way to 1. On a mirrored axis nothing lies beyond the mirror.
    """
    low, high = -math.inf, math.inf
    if declared.low >= 0:
        low = min(declared.low, declared.step or 1) if declared.is_int else 0.0
        low = max(low, declared.low / 10) if declared.is_log else low
    is_share = not declared.is_log and not declared.is_int and declared.low >= 0
    if is_share and declared.high <= 1:
        high = (declared.high + 1) / 2
    if declared.sampling == "reverse_log":
        high = declared.high + declared.low / 2
        high = min(high, (declared.high + 1) / 2) if declared.high < 1 else high
    return low, high
