"""The ranges of each round, as a pure function of the trials before it.

Every worker computes them from the same trials with the same result, so workers need to share
nothing but the trials.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.search.agreement import (
    MIN_PAIRS,
    Agreement,
    agreement,
    first_trusted_rung,
)
from keras_babysit.search.edits import EDITS, RoundOutcome
from keras_babysit.search.narrow_ranges import narrow_ranges
from keras_babysit.search.phases import CONTINUE, NEW, Phase
from keras_babysit.search.record import Record, by_promise, declared, latest
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
    records: Sequence[Record], phases: Sequence[Phase], steering: Steering
) -> tuple[list[dict[str, Range]], list[Finding]]:
    """Return the ranges of each round, and the findings that explain each edit.

    Args:
        records: The trials of all phases before the last one.
        phases: The phases of the search, up to that of the new trials of the last round to return.
        steering: Settings for how ranges change.

    Returns:
        A list with one dictionary of ranges per round, and the findings in the order in which they
        arose. The `epoch` of a finding is the round that it is based on, counted from 0.
    """
    found, findings = [_ranges(records)], []
    for index, phase in enumerate(phases):
        if phase.kind != NEW or phase.round == 0:
            continue
        past = latest(record for record in records if record.phase < index)
        after, reasons = next_ranges(past, found[-1], steering, rung=phase.rung)
        if index and phases[index - 1].kind == CONTINUE:
            reasons.insert(0, _explain(agreement(past, phase.rung - 1)))
        found.append(after)
        findings += [_of_round(one, phase.round - 1) for one in reasons]
    return found, findings


def next_ranges(
    records: Sequence[Record], ranges: Mapping[str, Range], steering: Steering, rung: int = 0
) -> tuple[dict[str, Range], list[Finding]]:
    """Return the ranges of the next round, and the findings that explain the edits.

    The ranges narrow only if the ranks of the trials that went on to the fidelity of the next round
    were seen to hold there (see `agreement`).

    Args:
        records: The trials so far, without those that others continue.
        ranges: The ranges of the last round.
        steering: Settings for how ranges change.
        rung: Index of the fidelity of the next round.
    """
    first = first_trusted_rung(records, rung)
    findings = []
    proposed: Mapping[str, Range] = ranges
    if first < rung or not rung:
        proposed = narrow_ranges(
            by_promise(records, first),
            ranges,
            keep=steering.keep,
            min_width=steering.min_width,
            margin=steering.margin,
            finished=sum(record.is_finished for record in records),
        )
    outcome = RoundOutcome(
        records=records,
        ranges=ranges,
        proposed=proposed,
        declared=_ranges(records),
        margin=steering.margin,
        may_widen=steering.may_widen,
        first_rung=first,
    )
    for find in EDITS:
        for edit in find(outcome):
            findings.append(edit.finding)
            if edit.range is not None:
                after = {**outcome.proposed, edit.range.name: edit.range}
                outcome = replace(outcome, proposed=after)
    return dict(outcome.proposed), findings


def _explain(found: Agreement) -> Finding:
    """Return the finding that says whether the ranks of two fidelities agree."""
    evidence = {
        "fidelity": found.rung + 1,
        "trials": found.trials,
        "correlation": found.correlation,
        "p_value": found.p_value,
    }
    measured = (
        f"{found.trials} trials were scored at fidelity {found.rung + 1} and at the next one"
        + ("" if math.isnan(found.correlation) else f", rank correlation {found.correlation:.2f}")
        + f" (p = {found.p_value:.2g})."
    )
    if found.holds:
        text = f"The ranks hold: {measured}"
        return Finding("ranks_hold", Severity.NOTE, "", text, evidence)
    if found.trials < MIN_PAIRS:
        text = f"Too few trials to compare short trials with longer ones: {measured}"
        return Finding("ranks_unknown", Severity.NOTE, "", f"{text} The ranges do not narrow.")
    return Finding(
        "ranks_differ",
        Severity.WARNING,
        "",
        f"Short trials were not seen to rank like longer ones: {measured} The ranges do not "
        "narrow.",
        evidence,
        (Remedy("Train the first rounds for more epochs or on more folds with `fidelity`."),),
    )


def _ranges(records: Sequence[Record]) -> dict[str, Range]:
    return {n: d for n, d in declared(records).items() if isinstance(d, Range)}


def _of_round(finding: Finding, number: int) -> Finding:
    return replace(finding, epoch=number)
