"""An edit of a range, and the information that edits are based on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.search.narrow_ranges import readable_range
from keras_babysit.search.record import Record, by_promise
from keras_babysit.search.space import Range


@dataclass(frozen=True)
class RoundOutcome:
    """State of a search after a round.

    Args:
        records: The trials of all rounds so far.
        ranges: The ranges of the round that ended.
        proposed: The ranges of the next round, as narrowed and edited so far.
        declared: The ranges that the build function declares.
        margin: Distance by which a range is widened or moved, as a fraction of its width.
        may_widen: Whether a range may extend beyond the declared one.
        first_rung: Index of the lowest fidelity whose ranks hold at the higher ones.
    """

    records: Sequence[Record]
    ranges: Mapping[str, Range]
    proposed: Mapping[str, Range]
    declared: Mapping[str, Range]
    margin: float = 0.25
    may_widen: bool = True
    first_rung: int = 0

    @property
    def ranked(self) -> list[Record]:
        """The trials that have a score, best first (see `by_promise`)."""
        return by_promise(self.records, self.first_rung)


@dataclass(frozen=True)
class Edit:
    """A new range for the next round and the finding that explains it.

    Args:
        finding: The reason.
        range: The new range; None if the finding only makes a suggestion.
    """

    finding: Finding
    range: Range | None = None


def make_edit(
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
    """Return an edit whose finding holds the ends of both ranges, and the new range as code."""
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


def shift_range(outcome: RoundOutcome, name: str, direction: int, best: Record) -> Range | None:
    """Return the proposed range moved up (1) or down (-1) by a margin.

    The new range holds the best trial and stays within the declared range.

    Returns:
        The new range; None if it equals the proposed one.
    """
    proposed, position = outcome.proposed[name], best.position(name)
    step = direction * outcome.margin * outcome.ranges[name].width
    low, high = proposed.axis
    limits = outcome.declared[name].axis
    new_low = min(max(low + step, limits[0]), low if position is None else max(position, low))
    new_high = max(min(high + step, limits[1]), high if position is None else min(position, high))
    new = readable_range(outcome.declared[name], new_low, new_high)
    return None if (new.low, new.high) == (proposed.low, proposed.high) else new
