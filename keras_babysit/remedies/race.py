"""The best changes by trainings as the program is: challenges of the best so far."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from keras_babysit.remedies.change import Change
from keras_babysit.remedies.judging import SAME, rank
from keras_babysit.remedies.optimizer_changes import ScaleLearningRate
from keras_babysit.remedies.trial import Effect, Row

STEP = 10**0.5
"""Factor between learning rates that are compared, half an order of magnitude."""

FEWEST_PAIRS = 2
"""Replicates on which what leads is taken if the budget ends before it has all of them: on a single
one it may lead by chance."""

FINALISTS = 3
"""The first of the remedies that are better alone, which challenge the best alone; learning rates
all do, as their forks favor the higher ones."""

HOPELESS = (Effect.NOT_APPLICABLE, Effect.FAILED, Effect.HARMS)


@dataclass
class Candidate:
    """A change that may be tried.

    Args:
        change: The change.
        cause: Rank of the cause that it remedies, from 0.
        row: What it did so far, alone; None if it was not tried.
        is_beaten: Whether it was tried on top of the best so far, and did not help there.
    """

    change: Change
    cause: int
    row: Row | None = None
    is_beaten: bool = False

    @property
    def has_replicates(self) -> bool:
        """Whether it was tried at all."""
        return self.row is not None and self.row.seeds > 0

    @property
    def rank(self) -> float:
        """By how much the score changed, lower if it is better."""
        return math.inf if self.row is None else rank(self.row)

    @property
    def is_better(self) -> bool:
        """Whether the score is better alone, on one replicate or more."""
        return self.rank < 0 and self.row is not None and self.row.effect not in HOPELESS

    @property
    def helps(self) -> bool:
        """Whether it helps alone."""
        return self.row is not None and self.row.effect is Effect.HELPS


class Trainer(Protocol):
    """What trains and scores, within a budget."""

    @property
    def seeds(self) -> int:
        """Number of replicates."""

    def compare(
        self, changes: tuple[Change, ...], on: tuple[Change, ...], seeds: int
    ) -> Row | None:
        """Return what changes do beside others, in trainings as the program is.

        None if there is no time for the trainings that are missing.
        """

    def why_not(self, change: Change, on: tuple[Change, ...] = ()) -> str:
        """Return why a change cannot be applied on top of others; empty if it can."""


class Race:
    """Improves what helps most, by trainings as the program is: its own schedule, all epochs.

    What is best so far is challenged by one other set of changes at a time, on the same replicates.
    It takes its place if it is better by more than two equal trainings differ, on all of them, and
    loses at the first one after which its mean is not. So most challengers cost one training (after
    the intensification of Hutter et al., 2009, ParamILS, 10.1613/jair.2861).

    Args:
        trainer: What trains and scores.
        candidates: All candidates, with what they did alone.
    """

    def __init__(self, trainer: Trainer, candidates: Sequence[Candidate]) -> None:
        self._trainer = trainer
        self._candidates = candidates
        helping = sorted((one for one in candidates if one.helps), key=lambda one: one.rank)
        self._finalists = _finalists(sorted(candidates, key=lambda one: one.rank))
        self._best: tuple[Candidate, ...] = tuple(helping[:1])
        self._met = {_changes(self._best)}
        self._row: Row | None = None

    @property
    def row(self) -> Row | None:
        """What the best did; None if nothing helps."""
        return self._best[0].row if len(self._best) == 1 else self._row

    def run(self) -> None:
        """Improve the best until nothing helps any more, or no challenger fits in the budget.

        The program without a change is the first challenger: what helps in forks, where learning
        rates fall to 0, must also do so in a training as the program is.
        """
        if self._best:
            self._challenge(())
        for one in self._finalists:
            self._challenge((one,))
        is_better = bool(self._best)
        while is_better:
            before = self._best
            self._go_along_rates()
            for one, challenger in self._neighbors():
                if self._challenge(challenger, one):
                    break
            is_better = self._best is not before

    def _neighbors(self) -> list[tuple[Candidate, tuple[Candidate, ...]]]:
        """Return the best with one more change, or with another one of a kind, by their causes.

        What made no difference alone may make one once a worse cause is remedied.
        """
        found = []
        left = [one for one in self._candidates if one not in self._best]
        for one in sorted(left, key=lambda one: (one.cause, one.rank)):
            if one.row is not None and one.row.effect in HOPELESS:
                continue
            others = [other for other in self._best if type(other.change) is not type(one.change)]
            if not self._trainer.why_not(one.change, _changes(others)):
                found.append((one, _in_rank(*others, one)))
        return found

    def _go_along_rates(self) -> None:
        """Challenge the best with other learning rates than its own.

        How far a learning rate is off is known by its order of magnitude at best. Rates on the same
        side of the program's own are tried, with one replicate each: further away from it as long
        as that is better, or nearer to it if the first one further away is not. Where the best has
        none, the program's own need not fit what was changed: lower ones are tried, or higher ones.
        """
        own = next((one for one in self._best if isinstance(one.change, ScaleLearningRate)), None)
        others = [one for one in self._best if one is not own]
        start, cause = ScaleLearningRate(1.0), len(self._candidates)
        if own is not None and isinstance(own.change, ScaleLearningRate):
            start, cause = own.change, own.cause
        away = STEP if start.factor > 1 else 1 / STEP
        for step in (away, 1 / away):
            lead, change = self._best, _scaled(start, step)
            while own is None or (change.factor - 1) * (start.factor - 1) > 0:
                challenger = _in_rank(*others, Candidate(change, cause))
                if not self._is_ahead(challenger, lead):
                    break
                lead, change = challenger, _scaled(change, step)
            if lead is not self._best:
                self._challenge(lead)
                return

    def _is_ahead(self, challenger: tuple[Candidate, ...], best: tuple[Candidate, ...]) -> bool:
        """Return whether a challenger that is new is better on the first replicate."""
        if _changes(challenger) in self._met:
            return False
        row = self._trainer.compare(_changes(challenger), _changes(best), 1)
        return row is not None and _is_better(row)

    def _challenge(
        self, challenger: tuple[Candidate, ...], on_top: Candidate | None = None
    ) -> bool:
        """Let a challenger take the place of the best if it is better.

        Args:
            challenger: The changes.
            on_top: The one of them that the best does not have.

        Returns:
            Whether it took the place.
        """
        if _changes(challenger) in self._met:
            return False
        self._met.add(_changes(challenger))
        row = None
        for seeds in range(1, self._trainer.seeds + 1):
            compared = self._trainer.compare(_changes(challenger), _changes(self._best), seeds)
            row = compared or row
            if compared is None or not _is_better(compared):
                break
        if row is None:
            return False
        is_better = row.seeds >= FEWEST_PAIRS and _is_better(row)
        row = self._row_of(challenger, row) if is_better else row
        if is_better and row.effect not in HOPELESS:
            self._best, self._row = challenger, row if challenger else None
            if len(challenger) == 1:  # in place of a row with fewer replicates
                challenger[0].row = row
            return True
        if on_top is not None:
            on_top.is_beaten = True
        return False

    def _row_of(self, challenger: tuple[Candidate, ...], row: Row) -> Row:
        """Return what a challenger does beside the control, or beside the best without time for it.

        Args:
            challenger: The changes.
            row: What they do beside the best.
        """
        if len(challenger) == 1 and challenger[0].helps:
            assert challenger[0].row is not None
            return challenger[0].row
        return self._trainer.compare(_changes(challenger), (), row.seeds) or dataclasses.replace(
            row, reason=f"compared with: {' '.join(one.text for one in _changes(self._best))}"
        )


def _is_better(row: Row) -> bool:
    """Return whether changes are better by more than two equal trainings differ."""
    return rank(row) < 1 / (1 + SAME) - 1


def _finalists(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the remedies that whole trainings choose from: all rates, and the best others.

    Args:
        candidates: All candidates, the best first.
    """
    better = [one for one in candidates if one.is_better]
    rates = [one for one in better if isinstance(one.change, ScaleLearningRate)]
    return [one for one in better if one in rates or one in better[:FINALISTS]]


def _changes(candidates: Sequence[Candidate]) -> tuple[Change, ...]:
    return tuple(one.change for one in candidates)


def _in_rank(*candidates: Candidate) -> tuple[Candidate, ...]:
    """Return candidates in the rank of their causes, in which they are applied."""
    return tuple(sorted(candidates, key=lambda one: one.cause))


def _scaled(change: ScaleLearningRate, step: float) -> ScaleLearningRate:
    """Return another factor and its learning rate, as short numbers."""
    rate = None if change.rate is None else float(f"{change.rate * step:.2g}")
    return dataclasses.replace(change, factor=float(f"{change.factor * step:.2g}"), rate=rate)
