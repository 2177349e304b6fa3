"""Learning rates beyond what the networks bear."""

from __future__ import annotations

from collections.abc import Sequence

from keras_babysit.findings import Severity
from keras_babysit.search.edits.edit import Edit, RoundOutcome, make_edit
from keras_babysit.search.narrow_ranges import readable_range
from keras_babysit.search.record import Record
from keras_babysit.search.traits import MIN_TRIALS, RATE, STABLE_RATE

OVERSHOOT = 2.0
"""Steps above this multiple of what lowers the loss of their own batch do not settle (see
`rules.learning_rate_too_high`)."""

SAME = 1e-3
"""Largest relative difference between a hyperparameter and the learning rate that it sets."""


def beyond_headroom(outcome: RoundOutcome) -> list[Edit]:
    """End the range of the learning rate at what the networks bear.

    At some steps the headroom of the learning rate is measured: how much longer the update could
    be before it raises the loss of its batch. Twice the highest learning rate that any trial bore
    in its first steps, by the upper end of the 95 % interval, is where the next range ends. A
    hyperparameter is the learning rate if the optimizers of all trials had its value.

    The edit is silent if fewer than 5 trials have such a measurement, if the best trial lies beyond
    that end, or if the next range already ends before it.

    Args:
        outcome: State of the search after the round.

    Returns:
        One edit, a NOTE, for the learning rate; empty if there is none.

    Reference:
        Kalra and Barkeshli, arXiv:2406.09405.
    """
    borne = [r.traits[STABLE_RATE] for r in outcome.records if STABLE_RATE in r.traits]
    if len(borne) < MIN_TRIALS:
        return []
    names = [name for name in outcome.proposed if _is_learning_rate(outcome.records, name)]
    return [edit for name in names for edit in _cut(outcome, name, borne)]


def _is_learning_rate(records: Sequence[Record], name: str) -> bool:
    pairs = [
        (r.params[name], r.traits[RATE]) for r in records if RATE in r.traits if name in r.params
    ]
    return len(pairs) >= MIN_TRIALS and all(abs(a - b) <= SAME * abs(b) for a, b in pairs)


def _cut(outcome: RoundOutcome, name: str, borne: list[float]) -> list[Edit]:
    old, highest = outcome.proposed[name], max(borne)
    low, high = old.axis
    end = old.to_axis(OVERSHOOT * highest)
    leader = next(iter(outcome.ranked), None)
    position = None if leader is None else leader.position(name)
    if not low < end < high or (position is not None and position > end):
        return []
    new = readable_range(old, low, end)
    if new.high >= old.high:
        return []
    edit = make_edit(
        "beyond_headroom",
        Severity.NOTE,
        old,
        new,
        f"In {len(borne)} trials it was measured which learning rate the network bears in its "
        f"first steps: at most {highest:.2g}. The next range of {name} ends at twice that.",
        text=f"Keep {name} below {new.high:.3g}.",
        evidence={"stable_rate": highest, "trials": len(borne)},
        reference="Kalra and Barkeshli, arXiv:2406.09405",
    )
    return [edit]
