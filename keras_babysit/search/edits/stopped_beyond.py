"""Trials beyond some value are stopped."""

from __future__ import annotations

from keras_babysit.findings import Severity
from keras_babysit.search.edits._boundary import CAUSE_FAMILIES, Boundary, boundary
from keras_babysit.search.edits.edit import Edit, RoundOutcome, make_edit
from keras_babysit.search.narrow_ranges import readable_range
from keras_babysit.search.space import Range


def stopped_beyond(outcome: RoundOutcome) -> list[Edit]:
    """End a range at the value beyond which trials are stopped for the same kind of cause.

    "9 of 9 trials with learning_rate above 0.03 diverged": the next range ends there. Beyond the
    boundary at least 3 trials, and at least 90 % of them, were stopped for that kind of cause, and
    the p-value of Fisher's exact test is below 1 %. Of several boundaries, the one with the most
    trials beyond it is taken.

    The edit is silent if the best trial lies beyond the boundary, or the next range already ends
    before it.

    Args:
        outcome: State of the search after the round.

    Returns:
        One edit, a WARNING, per shortened end of a range; empty if there is none.

    Reference:
        CS231n, "Babysitting the learning process": a loss above 3 times its start. Fisher, "The
        Design of Experiments", 1935, for the test.
    """
    found = []
    for name in outcome.proposed:
        for rule_name, (verb_phrase, causes) in CAUSE_FAMILIES.items():
            for direction in (1, -1):
                end = boundary(outcome.records, name, causes, direction)
                if end is not None:
                    found += _cut(outcome, name, rule_name, verb_phrase, direction, end)
    return found


def _cut(
    outcome: RoundOutcome,
    name: str,
    rule_name: str,
    verb_phrase: str,
    direction: int,
    end: Boundary,
) -> list[Edit]:
    old = outcome.proposed[name]
    leader = next(iter(outcome.ranked), None)
    position = None if leader is None else leader.position(name)
    low, high = old.axis
    if position is not None and direction * position > direction * end.position:
        return []
    if not low < end.position < high:
        return []
    new = readable_range(old, *((low, end.position) if direction > 0 else (end.position, high)))
    if (new.low, new.high) == (old.low, old.high):
        return []
    return [_explain(old, new, rule_name, verb_phrase, direction, end)]


def _explain(
    old: Range, new: Range, rule_name: str, verb_phrase: str, direction: int, end: Boundary
) -> Edit:
    side, other = ("above", "below") if direction > 0 else ("below", "above")
    value = new.high if direction > 0 else new.low
    (beyond, bad), (before, bad_before) = end.beyond, end.before
    return make_edit(
        rule_name,
        Severity.WARNING,
        old,
        new,
        f"{bad} of {beyond} trials with {new.name} {side} {value:.3g} {verb_phrase}, and "
        f"{bad_before} of {before} {other} it. The next range ends there.",
        text=f"Keep {new.name} {other} {value:.3g}.",
        evidence={"stopped": bad, "trials": beyond, "boundary": value},
        reference="Fisher's exact test, p < 0.01",
    )
