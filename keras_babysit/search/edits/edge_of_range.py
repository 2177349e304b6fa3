"""A best trial at the edge of its range."""

from __future__ import annotations

import math

from keras_babysit.findings import Severity
from keras_babysit.search.edits._beyond import FAMILIES, boundary, limits
from keras_babysit.search.edits.edit import Edit, Outcome, edited
from keras_babysit.search.narrow_ranges import placed
from keras_babysit.search.record import Record, best
from keras_babysit.search.space import Range

EDGE = 0.05
"""Share of the width from an end within which a trial is at the edge."""


def edge_of_range(outcome: Outcome) -> list[Edit]:
    """Widen the range of a parameter whose best trial lies at its edge.

    What is better still may lie outside. The next range reaches a margin beyond that end: back into
    what an earlier round cut off, or past what was declared. It keeps to `limits`: positive stays
    positive, a share stays below 1, and where trials are known to die it ends.

    Args:
        outcome: What is known after the round.

    Returns:
        One edit per parameter, a NOTE each; empty if the best lies inside everywhere.

    Reference:
        CS231n, "Hyperparameter optimization": careful with best values on border.
    """
    leader = best(outcome.records)
    if leader is None:
        return []
    found = [_widen(outcome, name, leader) for name in outcome.proposed]
    return [edit for edit in found if edit is not None]


def _widen(outcome: Outcome, name: str, leader: Record) -> Edit | None:
    now, place = outcome.ranges[name], leader.place(name)
    direction = _edge(now, leader.params.get(name), place)
    if direction == 0 or place is None:
        return None
    end = now.axis[1] if direction > 0 else now.axis[0]
    reach = end + direction * max(outcome.margin * now.width, _one_step(now, direction))
    reach = direction * min(direction * reach, _limit(outcome, name, direction))
    low, high = outcome.proposed[name].axis
    ends = (min(low, place, reach), max(high, place, reach))
    room = outcome.declared[name] if not outcome.may_widen else _unbounded(now, *ends)
    new = placed(room, *ends)
    gained = new.high > now.high if direction > 0 else new.low < now.low
    return _tell(now, new, leader, direction) if gained else None


def _edge(now: Range, value: float | None, place: float | None) -> int:
    """Return 1 at the upper edge, -1 at the lower one, 0 inside or where there is no range."""
    low, high = now.axis
    if value is None or place is None or high <= low:
        return 0
    if place >= high - EDGE * (high - low):
        return 1
    return -1 if place <= low + EDGE * (high - low) else 0


def _one_step(now: Range, direction: int) -> float:
    """Return the length on the axis of one step beyond the end of a range that has steps."""
    if now.step is not None and now.is_log:
        return math.log(now.step)
    step = now.step or (1 if now.is_int else 0)
    if not step or not now.is_log:
        return step
    end = now.high if direction > 0 else now.low
    return abs(now.to_axis(end + direction) - now.to_axis(end)) if end + direction > 0 else 0.0


def _limit(outcome: Outcome, name: str, direction: int) -> float:
    """Return, times the direction, the last place on the axis that a range may reach to."""
    declared = outcome.declared[name]
    value = limits(declared)[1 if direction > 0 else 0]
    places = [direction * declared.to_axis(value) if math.isfinite(value) else math.inf]
    for _, causes in FAMILIES.values():
        end = boundary(outcome.records, name, causes, direction)
        if end is not None:
            places.append(direction * end.place)
    return min(places)


def _unbounded(now: Range, low: float, high: float) -> Range:
    """Return `now` wide enough to hold the places `low` and `high`."""
    ends = now.from_axis(low), now.from_axis(high)
    return now.between(min(now.low, *ends), max(now.high, *ends))


def _tell(now: Range, new: Range, leader: Record, direction: int) -> Edit:
    which = "upper" if direction > 0 else "lower"
    end, beyond = (now.high, new.high) if direction > 0 else (now.low, new.low)
    return edited(
        "edge_of_range",
        Severity.NOTE,
        now,
        new,
        f"The best trial has {new.name} {leader.params[new.name]:.3g}, at the {which} edge of its "
        f"range ({end:.3g}): widened to {beyond:.3g}.",
        text="Search on beyond it.",
        evidence={"best": leader.params[new.name], "trial": leader.number},
        reference="CS231n, Hyperparameter optimization: careful with best values on border",
    )
