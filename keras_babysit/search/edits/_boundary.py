"""How far a range may be widened, and beyond which value trials are stopped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Set
from typing import NamedTuple

from keras_babysit.search.record import Record
from keras_babysit.search.space import Range

_DIVERGED = frozenset({"loss_explosion", "non_finite_values", "non_finite_score"})

CAUSE_FAMILIES: dict[str, tuple[str, frozenset[str]]] = {
    "diverged": ("diverged", _DIVERGED),
    "died": ("had a dead layer", frozenset({"dead_units"})),
    "saturated": ("had a saturated layer", frozenset({"saturated_units"})),
    "never_moved": ("hardly changed their weights", frozenset({"no_update"})),
}
"""Causes grouped by what happened to a trial: how to say it, and the rules that find it."""

MIN_STOPPED_TRIALS = 3
"""Smallest number of stopped trials beyond a boundary: fewer can be coincidence."""

MAX_SURVIVING_FRACTION = 0.1
"""Largest fraction of the trials beyond a boundary that may have ended otherwise."""

MAX_P_VALUE = 0.01
"""Largest p-value of Fisher's exact test for a boundary to be significant."""


class Boundary(NamedTuple):
    """The value of a hyperparameter beyond which trials are stopped.

    Args:
        position: Its position on the axis, half way between the last trial before it and the first
            one beyond it.
        beyond: Number of trials beyond it, and how many of them were stopped.
        before: The same for the trials before it.
    """

    position: float
    beyond: tuple[int, int]
    before: tuple[int, int]


def boundary(
    records: Iterable[Record], name: str, causes: Set[str], direction: int
) -> Boundary | None:
    """Return the boundary beyond which trials are stopped by these causes.

    A boundary has at least `MIN_STOPPED_TRIALS` stopped trials beyond it, at most a fraction of
    `MAX_SURVIVING_FRACTION` others, and a p-value below `MAX_P_VALUE`. Of several, the one with the
    most trials beyond it is returned.

    Args:
        records: The trials so far.
        name: Name of the hyperparameter.
        causes: Names of the rules that count as the same cause.
        direction: 1 to look for an upper boundary, -1 for a lower one.

    Returns:
        The boundary; None if there is none.
    """
    over = [r for r in records if r.is_finished and r.position(name) is not None]
    trials = sorted((direction * (r.position(name) or 0.0), r.cause in causes) for r in over)
    hits = sum(hit for _, hit in trials)
    for first in range(1, len(trials)):
        beyond = trials[first:]
        bad = sum(hit for _, hit in beyond)
        is_clear = trials[first - 1][0] < beyond[0][0] and beyond[0][1]
        if (
            not is_clear
            or bad < MIN_STOPPED_TRIALS
            or bad < (1 - MAX_SURVIVING_FRACTION) * len(beyond)
        ):
            continue
        if _fisher_p_value(len(trials), hits, len(beyond), bad) < MAX_P_VALUE:
            position = direction * (trials[first - 1][0] + beyond[0][0]) / 2
            return Boundary(position, (len(beyond), bad), (first, hits - bad))
    return None


def _fisher_p_value(trials: int, hits: int, beyond: int, bad: int) -> float:
    """Return the p-value of Fisher's exact test: `bad` or more of the hits beyond by chance."""
    ways = range(bad, min(hits, beyond) + 1)
    favourable = sum(math.comb(beyond, k) * math.comb(trials - beyond, hits - k) for k in ways)
    return favourable / math.comb(trials, hits)


def widening_limits(declared: Range) -> tuple[float, float]:
    """Return the lowest and highest value to which a declared range may be widened.

    A range of positive numbers stays positive, and a range from 0 stays at 0. A linear range within
    [0, 1] is taken as a fraction, such as a dropout rate or a momentum, and is widened at most half
    of the way to 1. A reverse-log range ends below its mirror point.
    """
    low, high = -math.inf, math.inf
    if declared.low >= 0:
        low = min(declared.low, declared.step or 1) if declared.is_int else 0.0
        low = max(low, declared.low / 10) if declared.is_log else low
    is_fraction = not declared.is_log and not declared.is_int and declared.low >= 0
    if is_fraction and declared.high <= 1:
        high = (declared.high + 1) / 2
    if declared.sampling == "reverse_log":
        high = declared.high + declared.low / 2
        high = min(high, (declared.high + 1) / 2) if declared.high < 1 else high
    return low, high
