"""The best trial lies at the edge of its range."""

from __future__ import annotations

import math

from keras_babysit.findings import Severity
from keras_babysit.search.edits._boundary import CAUSE_FAMILIES, boundary, widening_limits
from keras_babysit.search.edits.edit import Edit, RoundOutcome, make_edit
from keras_babysit.search.narrow_ranges import readable_range
from keras_babysit.search.record import Record
from keras_babysit.search.space import Range

RANGE_EDGE_FRACTION = 0.05
"""Fraction of the width of a range, counted from its end, that is its edge."""


def edge_of_range(outcome: RoundOutcome) -> list[Edit]:
    """Widen the range of a hyperparameter whose best trial lies at its edge.

    Better values may lie outside. The next range extends beyond that end by a margin, even into
    values that an earlier round excluded or beyond the declared range. It stays within
    `widening_limits`, so that positive numbers stay positive and a fraction stays below 1, and it
    ends where trials are stopped.

    Args:
        outcome: State of the search after the round.

    Returns:
        One edit, a NOTE, per hyperparameter; empty if the best trial is inside of all ranges.

    Reference:
        CS231n, "Hyperparameter optimization": careful with best values on border.
    """
    leader = next(iter(outcome.ranked), None)
    if leader is None:
        return []
    found = [_widen(outcome, name, leader) for name in outcome.proposed]
    return [edit for edit in found if edit is not None]


def _widen(outcome: RoundOutcome, name: str, leader: Record) -> Edit | None:
    now, position = outcome.ranges[name], leader.position(name)
    direction = _edge(now, leader.params.get(name), position)
    if direction == 0 or position is None:
        return None
    end = now.axis[1] if direction > 0 else now.axis[0]
    reach = end + direction * max(outcome.margin * now.width, _one_step(now, direction))
    reach = direction * min(direction * reach, _limit(outcome, name, direction))
    low, high = outcome.proposed[name].axis
    ends = (min(low, position, reach), max(high, position, reach))
    bounds = outcome.declared[name] if not outcome.may_widen else _unbounded(now, *ends)
    new = readable_range(bounds, *ends)
    gained = new.high > now.high if direction > 0 else new.low < now.low
    return _explain(now, new, leader, direction) if gained else None


def _edge(now: Range, value: float | None, position: float | None) -> int:
    """Return 1 at the upper edge, -1 at the lower edge, 0 inside of the range or without one."""
    low, high = now.axis
    if value is None or position is None or high <= low:
        return 0
    if position >= high - RANGE_EDGE_FRACTION * (high - low):
        return 1
    return -1 if position <= low + RANGE_EDGE_FRACTION * (high - low) else 0


def _one_step(now: Range, direction: int) -> float:
    """Return the length of one step beyond the end of the range, on its axis; 0 without steps."""
    if now.step is not None and now.is_log:
        return math.log(now.step)
    step = now.step or (1 if now.is_int else 0)
    if not step or not now.is_log:
        return step
    end = now.high if direction > 0 else now.low
    return abs(now.to_axis(end + direction) - now.to_axis(end)) if end + direction > 0 else 0.0


def _limit(outcome: RoundOutcome, name: str, direction: int) -> float:
    """Return the last position that the range may extend to, multiplied by the direction."""
    declared = outcome.declared[name]
    value = widening_limits(declared)[1 if direction > 0 else 0]
    positions = [direction * declared.to_axis(value) if math.isfinite(value) else math.inf]
    for _, causes in CAUSE_FAMILIES.values():
        end = boundary(outcome.records, name, causes, direction)
        if end is not None:
            positions.append(direction * end.position)
    return min(positions)


def _unbounded(now: Range, low: float, high: float) -> Range:
    """Return `now`, widened to hold the positions `low` and `high`."""
    ends = now.from_axis(low), now.from_axis(high)
    return now.between(min(now.low, *ends), max(now.high, *ends))


def _explain(now: Range, new: Range, leader: Record, direction: int) -> Edit:
    which = "upper" if direction > 0 else "lower"
    end, beyond = (now.high, new.high) if direction > 0 else (now.low, new.low)
    return make_edit(
        "edge_of_range",
        Severity.NOTE,
        now,
        new,
        f"The best trial has {new.name}={leader.params[new.name]:.3g}, at the {which} edge of its "
        f"range ({end:.3g}). The next range ends at {beyond:.3g}.",
        text=f"Search {new.name} beyond {end:.3g}.",
        evidence={"best": leader.params[new.name], "trial": leader.number},
        reference="CS231n, Hyperparameter optimization: careful with best values on border",
    )
