"""Edits that move a range towards more of something that the model has."""

from __future__ import annotations

from collections.abc import Sequence

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.search.edits.edit import Edit, Outcome, edited, shifted
from keras_babysit.search.record import COMPLETE, Record, ranking
from keras_babysit.search.traits import direction

LEADERS = 3
"""Best complete trials; what most of them show is taken to be so."""


def leaders(outcome: Outcome) -> list[Record]:
    """Return the best complete trials, at most `LEADERS`."""
    return [r for r in ranking(outcome.records) if r.state == COMPLETE][:LEADERS]


def agree(records: Sequence[Record], finding: str) -> bool:
    """Return whether most of the records, and the first of them, show a finding."""
    shown = [finding in record.findings for record in records]
    return bool(shown) and shown[0] and 2 * sum(shown) > len(shown)


def more_of(
    outcome: Outcome, rule: str, traits: Sequence[str], message: str, remedy: Remedy, reference: str
) -> list[Edit]:
    """Return edits that raise these traits of the model; advice alone where none is searched."""
    first = leaders(outcome)[0]
    evidence = {"score": first.score, "gap": first.gap}
    found, is_searched = [], False
    for name in outcome.proposed:
        sense = direction(outcome.records, name, traits)
        is_searched = is_searched or sense != 0
        new = shifted(outcome, name, sense, first) if sense else None
        if new is not None:
            way = "up" if sense > 0 else "down"
            found.append(
                edited(
                    rule,
                    Severity.NOTE,
                    outcome.proposed[name],
                    new,
                    f"{message} The range of {name} moves {way}: {new.low:.3g} to {new.high:.3g}.",
                    text=remedy.text,
                    evidence=evidence,
                    reference=reference,
                )
            )
    if is_searched:
        return found
    return [Edit(Finding(rule, Severity.NOTE, "", message, evidence, (remedy,), reference))]
