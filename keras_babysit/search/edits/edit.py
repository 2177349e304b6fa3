"""An edit of a range, and what edits are decided on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.search.narrow_ranges import placed
from keras_babysit.search.record import Record
from keras_babysit.search.space import Range


@dataclass(frozen=True)
class Outcome:
    """What is known after a round.

    Args:
        records: The trials of all rounds so far.
        ranges: The ranges of the round that is over.
        proposed: The ranges of the next round as they stand so far.
        declared: The ranges as the build function declares them.
        margin: How far a range is widened, as a share of its present width.
        may_widen: Whether a range may leave what was declared.
    """

    records: Sequence[Record]
    ranges: Mapping[str, Range]
    proposed: Mapping[str, Range]
    declared: Mapping[str, Range]
    margin: float = 0.25
    may_widen: bool = True


@dataclass(frozen=True)
class Edit:
    """A new range for the next round, and why; no range where only advice can be given."""

    finding: Finding
    range: Range | None = None


def edited(
    rule: str,
    severity: Severity,
    old: Range,
    new: Range,
    message: str,
    *,
    text: str,
    evidence: Mapping[str, Any],
    reference: str,
) -> Edit:
    """Return an edit whose advice tells the numbers and gives the new range as code."""
    ends = {"low": new.low, "high": new.high, "low_before": old.low, "high_before": old.high}
    finding = Finding(
        rule=rule,
        severity=severity,
        target=new.name,
        message=message,
        evidence={**evidence, **ends},
        remedies=(Remedy(text, new.code()),),
        reference=reference,
    )
    return Edit(finding, new)


def shifted(outcome: Outcome, name: str, direction: int, best: Record) -> Range | None:
    """Return the proposed range moved up (1) or down (-1) its axis by a margin.

    It keeps the best trial inside and stays within the declared range; None if nothing changes.
    """
    proposed, place = outcome.proposed[name], best.place(name)
    step = direction * outcome.margin * outcome.ranges[name].width
    low, high = proposed.axis
    limits = outcome.declared[name].axis
    new_low = min(max(low + step, limits[0]), low if place is None else max(place, low))
    new_high = max(min(high + step, limits[1]), high if place is None else min(place, high))
    new = placed(outcome.declared[name], new_low, new_high)
    return None if (new.low, new.high) == (proposed.low, proposed.high) else new
