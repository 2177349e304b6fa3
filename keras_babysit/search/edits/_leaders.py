"""The best trials, and edits that increase a trait which they lack."""

from __future__ import annotations

from collections.abc import Sequence

from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.search.edits.edit import Edit, RoundOutcome, make_edit, shift_range
from keras_babysit.search.record import Record
from keras_babysit.search.traits import effect_direction

NUM_LEADERS = 3
"""Number of best trials that are considered."""


def leaders(outcome: RoundOutcome) -> list[Record]:
    """Return the best trials, at most `NUM_LEADERS`."""
    return outcome.ranked[:NUM_LEADERS]


def most_show(records: Sequence[Record], rule: str) -> bool:
    """Return whether a rule found something in the first record and in most of them."""
    shown = [rule in record.findings for record in records]
    return bool(shown) and shown[0] and 2 * sum(shown) > len(shown)


def increase_traits(
    outcome: RoundOutcome,
    rule: str,
    traits: Sequence[str],
    message: str,
    remedy: Remedy,
    reference: str,
) -> list[Edit]:
    """Return edits that increase these traits, or only a finding if no range affects them."""
    first = leaders(outcome)[0]
    evidence = {"score": first.score, "gap": first.gap}
    found, is_searched = [], False
    for name in outcome.proposed:
        sense = effect_direction(outcome.records, name, traits)
        is_searched = is_searched or sense != 0
        new = shift_range(outcome, name, sense, first) if sense else None
        if new is not None:
            old = outcome.proposed[name]
            change = "up" if sense > 0 else "down"
            found.append(
                make_edit(
                    rule,
                    Severity.NOTE,
                    old,
                    new,
                    f"{message} The next range of {name} is {new.low:.3g} to {new.high:.3g}, moved "
                    f"{change} from {old.low:.3g} to {old.high:.3g}.",
                    text=remedy.text,
                    evidence=evidence,
                    reference=reference,
                )
            )
    if is_searched:
        return found
    return [Edit(Finding(rule, Severity.NOTE, "", message, evidence, (remedy,), reference))]
