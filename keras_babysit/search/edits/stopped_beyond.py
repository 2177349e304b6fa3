"""An end of a range where trials die."""

from __future__ import annotations

from keras_babysit.findings import Severity
from keras_babysit.search.edits._beyond import FAMILIES, Boundary, boundary
from keras_babysit.search.edits.edit import Edit, Outcome, edited
from keras_babysit.search.narrow_ranges import placed
from keras_babysit.search.record import best
from keras_babysit.search.space import Range


def stopped_beyond(outcome: Outcome) -> list[Edit]:
    """Cut off the end of a range from where on trials were stopped by one kind of cause.

    "Diverged above learning_rate 0.03 in 9 of 9 trials": the next round stays below. For each
    parameter, end and kind of cause the boundary is the one with the most trials beyond it, of
    which at least 3 and at least nine in ten ended so, and which chance would give in less than 1 %
    of all arrangements (Fisher's exact test).

    It stays silent where the best trial lies beyond, and where the next range ends before.

    Args:
        outcome: What is known after the round.

    Returns:
        One edit per end that is cut off, a WARNING each; empty if none is.

    Reference:
        CS231n, "Babysitting the learning process": a cost above 3 times its start; Fisher, "The
        Design of Experiments", 1935, for the test.
    """
    found = []
    for name in outcome.proposed:
        for family, (words, causes) in FAMILIES.items():
            for direction in (1, -1):
                end = boundary(outcome.records, name, causes, direction)
                if end is not None:
                    found += _cut(outcome, name, family, words, direction, end)
    return found


def _cut(
    outcome: Outcome, name: str, family: str, words: str, direction: int, end: Boundary
) -> list[Edit]:
    old = outcome.proposed[name]
    leader = best(outcome.records)
    place = None if leader is None else leader.place(name)
    low, high = old.axis
    if place is not None and direction * place > direction * end.place:
        return []
    if not low < end.place < high:
        return []
    new = placed(old, *((low, end.place) if direction > 0 else (end.place, high)))
    if (new.low, new.high) == (old.low, old.high):
        return []
    return [_tell(old, new, family, words, direction, end)]


def _tell(old: Range, new: Range, family: str, words: str, direction: int, end: Boundary) -> Edit:
    side, other = ("above", "below") if direction > 0 else ("below", "above")
    value = new.high if direction > 0 else new.low
    (beyond, bad), (before, bad_before) = end.beyond, end.before
    return edited(
        family,
        Severity.WARNING,
        old,
        new,
        f"{words} {side} {new.name} {value:.3g} in {bad} of {beyond} trials, {other} in "
        f"{bad_before} of {before}: the range ends there.",
        text=f"Stay {other} {value:.3g}.",
        evidence={"stopped": bad, "trials": beyond, "boundary": value},
        reference="Fisher's exact test: by chance in under 1 % of arrangements",
    )
