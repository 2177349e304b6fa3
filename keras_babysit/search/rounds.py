"""Which ranges each round has, and why: a pure function of the trials before it.

Every worker works it out for itself from the same trials and comes to the same result, so that
nothing but trials has to be shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from keras_babysit.findings import Finding
from keras_babysit.search.edits import EDITS, Outcome
from keras_babysit.search.narrow_ranges import narrow_ranges
from keras_babysit.search.record import Record, declared
from keras_babysit.search.space import Range


@dataclass(frozen=True)
class Steering:
    """How one round leads to the next.

    Args:
        keep: Share of the trials to narrow around, in (0, 1].
        min_width: Least width of a range, as a share of that of the round before, in (0, 1].
        margin: See `narrow_ranges`; and how far a range is widened or moved.
        may_widen: Whether a range may leave what was declared.

    Raises:
        ValueError: If one of them is out of its range.
    """

    keep: float = 0.2
    min_width: float = 1 / 3
    margin: float = 0.25
    may_widen: bool = True

    def __post_init__(self) -> None:
        for name, value in (("keep", self.keep), ("min_width", self.min_width)):
            if not 0 < value <= 1:
                raise ValueError(f"Argument `{name}` must be in (0, 1]. Received: {name}={value}")
        if not self.margin >= 0:
            raise ValueError(
                f"Argument `margin` must be at least 0. Received: margin={self.margin}"
            )


def ranges_by_round(
    records: Sequence[Record], rounds: int, steering: Steering
) -> tuple[list[dict[str, Range]], list[Finding]]:
    """Return the ranges of rounds 0 to `rounds`, and the advice that explains each edit.

    Args:
        records: The trials of the rounds before.
        rounds: The round to come.
        steering: How one round leads to the next.

    Returns:
        One dict of ranges per round; and the advice in the order in which it arose, with the number
        of the round that it was drawn from as `epoch` and `evidence["round"]`, counted from 0.
    """
    found, findings = [_ranges(records)], []
    for number in range(rounds):
        past = [record for record in records if record.round <= number]
        after, reasons = next_ranges(past, found[-1], steering)
        found.append(after)
        findings += [_of_round(one, number) for one in reasons]
    return found, findings


def next_ranges(
    records: Sequence[Record], ranges: Mapping[str, Range], steering: Steering
) -> tuple[dict[str, Range], list[Finding]]:
    """Return the ranges after `ranges`, and the advice that explains where they differ.

    Args:
        records: The trials so far.
        ranges: The ranges of the latest round.
        steering: How one round leads to the next.
    """
    proposed = narrow_ranges(
        records,
        ranges,
        keep=steering.keep,
        min_width=steering.min_width,
        margin=steering.margin,
    )
    outcome = Outcome(
        records=records,
        ranges=ranges,
        proposed=proposed,
        declared=_ranges(records),
        margin=steering.margin,
        may_widen=steering.may_widen,
    )
    findings = []
    for find in EDITS:
        for edit in find(outcome):
            findings.append(edit.finding)
            if edit.range is not None:
                after = {**outcome.proposed, edit.range.name: edit.range}
                outcome = replace(outcome, proposed=after)
    return dict(outcome.proposed), findings


def _ranges(records: Sequence[Record]) -> dict[str, Range]:
    return {n: d for n, d in declared(records).items() if isinstance(d, Range)}


def _of_round(finding: Finding, number: int) -> Finding:
    evidence: dict[str, Any] = {**finding.evidence, "round": number}
    return replace(finding, epoch=number, evidence=evidence)
