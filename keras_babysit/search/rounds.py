"""The ranges of each round, as a pure function of the trials before it.

Every worker computes them from the same trials with the same result, so workers need to share
nothing but the trials.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from keras_babysit.findings import Finding
from keras_babysit.search.edits import EDITS, RoundOutcome
from keras_babysit.search.narrow_ranges import narrow_ranges
from keras_babysit.search.record import Record, declared
from keras_babysit.search.space import Range


@dataclass(frozen=True)
class Steering:
    """Settings for how ranges change from one round to the next.

    Args:
        keep: Fraction of the trials to narrow around, in (0, 1].
        min_width: Smallest width of a range, as a fraction of its width in the round before, in
            (0, 1].
        margin: Margin around the best trials (see `narrow_ranges`), and distance by which a range
            is widened or moved, as a fraction of its width; at least 0.
        may_widen: Whether a range may extend beyond the declared one.

    Raises:
        ValueError: If a number is out of range.
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
    """Return the ranges of rounds 0 to `rounds`, and the findings that explain each edit.

    Args:
        records: The trials of all rounds before `rounds`.
        rounds: The next round, counted from 0.
        steering: Settings for how ranges change.

    Returns:
        A list with one dictionary of ranges per round, and the findings in the order in which they
        arose. The `epoch` of a finding is the round that it is based on, counted from 0.
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
    """Return the ranges of the next round, and the findings that explain the edits.

    Args:
        records: The trials so far.
        ranges: The ranges of the last round.
        steering: Settings for how ranges change.
    """
    proposed = narrow_ranges(
        records,
        ranges,
        keep=steering.keep,
        min_width=steering.min_width,
        margin=steering.margin,
    )
    outcome = RoundOutcome(
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
    return replace(finding, epoch=number)
