"""The parts of a search, and which trials run in each, as pure functions of the trials before it.

A *phase* starts when the one before it has ended. A round of a search consists of two: first the
best trials of the round before go on at the new fidelity, and then new trials are sampled, in
ranges that are narrowed as far as the ranks of the trials that went on agree with those before. The
best trial of the second round is completed at once, so that there is a complete one early on. In
the last phase, the best trials are repeated with other seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keras_babysit.search.agreement import first_trusted_rung
from keras_babysit.search.fidelity import REDUCTION
from keras_babysit.search.record import COMPLETE, PARTIAL, Record, by_promise, latest, ranking

NEW, CONTINUE, REPEAT = "new", "continue", "repeat"

FINALISTS = 3
"""Number of best trials that are repeated with other seeds."""

CONTROLS, MIN_GOING = 2, 5
"""Smallest number of further trials that go on although they are not among the best, and of trials
that go on in all. The best ones alone would not show whether ranks hold: they are close to each
other; and of fewer than 5, only the perfect order would."""

Slot = tuple[int, int]


@dataclass(frozen=True)
class Phase:
    """A part of a search.

    Args:
        kind: `"new"` to sample trials, `"continue"` to let the best ones go on, `"repeat"` to
            repeat the best ones with other seeds.
        round: The round that it belongs to, counted from 0.
        rung: Index of the fidelity that its trials reach.
        size: Number of new trials, or of repetitions of each finalist; of a `"continue"` phase, the
            number of best trials that go on, or 0 for `trials_to_continue`.
        fixed: Hyperparameters of each new trial, in the form in which Optuna stores them; empty to
            sample them.
        is_exhaustive: Whether these are all that a trial may ask for.
    """

    kind: str
    round: int
    rung: int
    size: int = 0
    fixed: Sequence[Mapping[str, Any]] = ()
    is_exhaustive: bool = False


@dataclass(frozen=True)
class Assignment:
    """What to run in a slot.

    Args:
        key: See `Record`.
        params: The hyperparameters that are fixed, in the form in which Optuna stores them.
        continues: Number of the trial to continue, or None.
        repeats: Number of the trial to repeat, or None.
    """

    key: tuple[int, int, int]
    params: Mapping[str, Any] = field(default_factory=dict)
    continues: int | None = None
    repeats: int | None = None


def plan_phases(sizes: Sequence[int], rungs: Sequence[int], reruns: int) -> list[Phase]:
    """Return the phases of a search.

    Args:
        sizes: Number of new trials of each round.
        rungs: Index of the fidelity of each round.
        reruns: How often each of the best trials is repeated.
    """
    found = []
    for number, (size, rung) in enumerate(zip(sizes, rungs, strict=True)):
        if number and rung > rungs[number - 1]:
            found.append(Phase(CONTINUE, number, rung))
            if rung < rungs[-1]:  # all others wait for the rounds in between
                found.append(Phase(CONTINUE, number, rungs[-1], size=1))
        found.append(Phase(NEW, number, rung, size))
    if reruns:
        found.append(Phase(REPEAT, len(sizes) - 1, rungs[-1], reruns))
    return found


def assignments(
    index: int, phases: Sequence[Phase], records: Sequence[Record]
) -> dict[Slot, Assignment]:
    """Return what to run in each slot of a phase.

    Args:
        index: Index of the phase.
        phases: All phases.
        records: The trials of the phases before.
    """
    phase = phases[index]
    if phase.kind == CONTINUE:
        chosen = (
            leaders(records, phase.size) if phase.size else trials_to_continue(records, phase.rung)
        )
        found = [Assignment(r.key, continues=r.number) for r in chosen]
    elif phase.kind == REPEAT:
        found = [
            Assignment((*r.key[:2], repetition), repeats=r.number)
            for repetition in range(1, phase.size + 1)
            for r in finalists(records)
        ]
    else:
        fixed = phase.fixed or [{}] * phase.size
        found = [Assignment((index, place, 0), params) for place, params in enumerate(fixed)]
    return {(index, place): one for place, one in enumerate(found)}


def trials_to_continue(records: Sequence[Record], rung: int) -> list[Record]:
    """Return the trials that go on to a fidelity: the best third, and a few controls.

    Only trials of the fidelity before it go on. The controls are spread evenly over the others.
    """
    known = latest(records)
    ordered = by_promise(known, first_trusted_rung(known, rung - 1))
    able = [r for r in ordered if len(r.rung_scores) == rung and r.state == PARTIAL]
    best = able[: max(1, math.ceil(len(able) / REDUCTION))]
    others = able[len(best) :]
    count = min(max(CONTROLS, MIN_GOING - len(best)), len(others))
    return best + [others[len(others) * (2 * k + 1) // (2 * count)] for k in range(count)]


def leaders(records: Sequence[Record], count: int) -> list[Record]:
    """Return the best of the trials of the highest fidelity so far, without complete ones."""
    able = [r for r in latest(records) if r.state == PARTIAL]
    reached = max((len(r.rung_scores) for r in able), default=0)
    return by_promise((r for r in able if len(r.rung_scores) == reached), reached - 1)[:count]


def goes_on(score: float, others: Sequence[float]) -> bool:
    """Return whether a trial is among the best third at a fidelity.

    Args:
        score: Its score; low is good.
        others: The scores of the other trials at this fidelity.

    Reference:
        Li et al., "A system for massively parallel hyperparameter tuning", MLSys 2020 (ASHA).
    """
    better = sum(other < score for other in others)
    return better < max(1, (len(others) + 1) / REDUCTION)


def finalists(records: Sequence[Record]) -> list[Record]:
    """Return the best complete trials."""
    return [r for r in ranking(latest(records)) if r.state == COMPLETE][:FINALISTS]
