"""The trainings of a trial: pairs of control and remedy inside a budget of time."""

from __future__ import annotations

import dataclasses
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from numpy.typing import NDArray

from keras_babysit.callbacks import Babysitter
from keras_babysit.errors import ControlFailedError, brief
from keras_babysit.findings import Finding, Severity
from keras_babysit.remedies.change import Change
from keras_babysit.remedies.judging import Pair, apply_all, disagree, judge, leader, rank
from keras_babysit.remedies.optimizer_changes import DecayedToZero, ScaleLearningRate
from keras_babysit.remedies.program import Program, share_weights
from keras_babysit.remedies.scoring import Score, Scorer
from keras_babysit.remedies.trial import Effect, Row, Trial

SHORT = 4
"""A change of the optimizer is also tried over this fraction of the steps. Short trainings prefer
learning rates that are too small (Wu et al., arXiv:1803.02021): where the two disagree, the effect
is undecided."""

FEWEST_SEEDS = 3
"""Replicates of the better half of the remedies, before the better half of these gets all."""

REASON = 200
"""Characters of the reason for which a remedy failed."""

SPENT = "the budget was spent."
EXPLAINED = "a remedy of a worse finding helped."
NO_MORE = "a remedy of a worse finding helped, and this one did not help on top of it."
OPPOSITE = "a quarter of the steps shows the opposite."


class BudgetSpentError(Exception):
    """The time of a trial is over."""


class Deadline(keras.callbacks.Callback):
    """Ends a training when the time of its trial is over."""

    def __init__(self, end: float) -> None:
        super().__init__()
        self._end = end

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Look at the clock."""
        if time.perf_counter() > self._end:
            raise BudgetSpentError


@dataclass
class Candidate:
    """A change that may be tried.

    Args:
        change: The change.
        cause: Rank of the cause that it remedies, from 0.
        row: What it did so far, alone; None if it was not tried.
        is_combined: Whether it was tried on top of others, or is the first that is kept.
    """

    change: Change
    cause: int
    row: Row | None = None
    is_combined: bool = False

    @property
    def has_replicates(self) -> bool:
        """Whether it was tried at all."""
        return self.row is not None and self.row.seeds > 0

    @property
    def rank(self) -> float:
        """By how much the score changed, lower if it is better."""
        return math.inf if self.row is None else rank(self.row)


class Trials:
    """Tries remedies of one program.

    Args:
        program: The program.
        seeds: Number of replicates.
        seconds: Budget.
        report: Called with the fraction of the budget that is spent and what is tried next.
    """

    def __init__(
        self, program: Program, seeds: int, seconds: float, report: Callable[[float, str], None]
    ) -> None:
        self.program = program
        self.seeds = seeds
        self._seconds = seconds
        self._start = time.perf_counter()
        self._end = self._start + seconds
        self._report = report
        self._scorer = Scorer(program)
        self._scores: dict[tuple[tuple[Change, ...], str, int], Score] = {}
        self._weights: dict[int, list[NDArray[Any]]] = {}
        self._candidates: list[Candidate] = []
        self._combined: Row | None = None  # the best changes of several causes so far
        self._is_interrupted = False
        self._seconds_per_epoch: list[float] = []  # of each training so far
        self._healthy: dict[tuple[Change, ...], bool] = {}

    def watch(self) -> tuple[Finding, ...]:
        """Return the findings of the control, trained to its end whatever the budget."""
        try:
            return self._findings_with((), end=math.inf)
        except KeyboardInterrupt:
            self._is_interrupted = True
            return ()

    def run(
        self,
        causes: Sequence[Sequence[Change]],
        findings: tuple[Finding, ...],
        symptoms: Sequence[Sequence[Change]] = (),
    ) -> Trial:
        """Try changes, go further with a learning rate that helps, and combine what helps.

        Args:
            causes: The changes that remedy each cause, in the rank of the causes.
            findings: What is wrong.
            symptoms: Changes that are tried only if none of these helps: of findings that another
                one explains.
        """
        note = ""
        self._candidates = _candidates(causes)
        others = _candidates(symptoms, len(causes))
        try:
            if self._is_interrupted:
                raise KeyboardInterrupt
            self._try(self._candidates)
            self._go_further()
            if leader(self._rows) is None:
                self._try(others)
            else:
                for one in others:
                    one.row = Row((one.change,), Effect.NOT_TRIED, reason=EXPLAINED)
            self._candidates += others
            self._combine(has_findings=bool(findings))
        except BudgetSpentError:
            note = f"The budget of {self._seconds:.3g} s was spent."
        except KeyboardInterrupt:
            note = "Interrupted: these are the results so far."
            self._is_interrupted = True
        return self._result(others, findings, note)

    @property
    def _rows(self) -> list[Row]:
        return [one.row for one in self._candidates if one.row is not None]

    def _result(
        self, others: Sequence[Candidate], findings: tuple[Finding, ...], note: str
    ) -> Trial:
        late = [one for one in others if one not in self._candidates]
        every = [*self._candidates, *late]
        table = [one.row or self._not_tried(one.change) for one in every]
        if self._combined is not None and len(self._combined.changes) > 1:
            table.append(self._combined)
        best = leader(table)
        program = apply_all(best.changes if best else (), self.program)
        seconds = time.perf_counter() - self._start
        return Trial(tuple(table), best, program, findings, seconds, note)

    def _try(self, candidates: Sequence[Candidate]) -> None:
        """Try each of these with one seed, the better half with more, the best one first.

        A verdict needs replicates: where the budget ends, one remedy with three seeds says more
        than three with one.
        """
        for one in candidates:
            reason = self._why_not(one.change)
            if reason:
                one.row = Row((one.change,), Effect.NOT_APPLICABLE, reason=reason)
            elif self._has_time(one.change, seeds=1):
                self._add(one, 1)
        tried = [one for one in candidates if one.has_replicates]
        for first, last in ((1, min(FEWEST_SEEDS, self.seeds)), (FEWEST_SEEDS, self.seeds)):
            tried.sort(key=lambda one: one.rank)
            tried = tried[: max(1, -(-len(tried) // 2))]
            for one in tried:
                for seeds in range(first + 1, last + 1):
                    if not self._has_time(one.change, seeds=seeds):
                        return
                    self._add(one, seeds)

    def _why_not(self, change: Change, on: tuple[Change, ...] = ()) -> str:
        program = apply_all(on, self.program)
        reason = change.why_not(program)
        if reason or program.is_plain:
            return reason
        changed = change.apply(program)
        if changed.edits or changed.is_reshaped:
            return "The model is subclassed: change its layers in your code."
        return ""

    def _go_further(self) -> None:
        """Change a learning rate that helps by another factor of 10, as long as that helps more.

        How far a learning rate is off is known by its order of magnitude at best. It ends with the
        first replicate if that is no better than with the factor before.
        """
        rates = [one for one in self._candidates if isinstance(one.change, ScaleLearningRate)]
        helping = [one for one in rates if one.row and one.row.effect is Effect.HELPS]
        best = min(helping, key=lambda one: one.rank, default=None)
        while best is not None:
            change = best.change
            assert isinstance(change, ScaleLearningRate)
            step = 10.0 if change.factor > 1 else 0.1
            rate = None if change.rate is None else change.rate * step
            further = dataclasses.replace(change, factor=change.factor * step, rate=rate)
            if further in (one.change for one in self._candidates):
                return
            if not self._has_time(further, seeds=self.seeds):
                return
            candidate = Candidate(further, best.cause)
            self._candidates.append(candidate)
            self._add(candidate, 1)
            if not candidate.rank < rank(self._row((best.change,), 1)):
                return
            self._add(candidate, self.seeds)
            assert candidate.row is not None
            is_better = candidate.row.effect is Effect.HELPS and candidate.rank < best.rank
            best = candidate if is_better else None

    def _combine(self, *, has_findings: bool) -> None:
        """Keep changes that help on top of those kept before.

        First one of each cause, in the rank of the causes, is tried; then all others: a network
        that is normalized may need another activation as well, though both remedy one cause. It
        ends when nothing is found any more with the changes that are kept.

        Args:
            has_findings: Whether there are findings that a change may remove.
        """
        causes = sorted({one.cause for one in self._candidates})
        for cause in causes:
            of_cause = [one for one in self._candidates if one.cause == cause]
            best = self._most_promising(of_cause)
            if best is not None and not self._keep(best, has_findings=has_findings):
                return
        while self._combined is not None:
            kept = self._combined
            for one in self._left():
                if not self._keep(one, has_findings=has_findings):
                    return
                if self._combined is not kept:
                    break
            else:
                return

    def _keep(self, candidate: Candidate, *, has_findings: bool) -> bool:
        """Keep a change if it helps on top of those that are kept.

        Args:
            candidate: The change.
            has_findings: Whether there are findings that a change may remove.

        Returns:
            Whether there is time, and a reason, to try others.
        """
        change, kept = candidate.change, self._kept
        if not kept:
            if not self._has_time(change, seeds=self.seeds):
                return False
            self._decide(candidate)
            return True
        if has_findings and self._is_healthy(kept):
            return False
        together = (*kept, change)
        candidate.is_combined = True
        on_top = None
        for seeds in sorted({1, min(FEWEST_SEEDS, self.seeds), self.seeds}):
            if not self._has_time(*together, seeds=seeds, on=kept):
                return False
            on_top = self._row(together, seeds, on=kept)
            if not rank(on_top) < 0:
                break
        if on_top is not None and on_top.effect is Effect.HELPS:
            row = self._row(together, self.seeds)
            self._combined = row if row.effect is Effect.HELPS else self._combined
        elif candidate.row is not None and candidate.row.effect is Effect.NOT_TRIED:
            candidate.row = dataclasses.replace(candidate.row, reason=NO_MORE)
        return True

    @property
    def _kept(self) -> tuple[Change, ...]:
        """The changes that are kept so far."""
        return () if self._combined is None else self._combined.changes

    def _decide(self, candidate: Candidate) -> None:
        """Begin with a change, if it helps with all replicates: of others it had fewer so far."""
        assert candidate.row is not None
        candidate.is_combined = True
        if candidate.row.effect is not Effect.HELPS:
            self._add(candidate, self.seeds)
        if candidate.row.effect is Effect.HELPS:
            self._combined = candidate.row

    def _most_promising(self, of_cause: Sequence[Candidate]) -> Candidate | None:
        """Return what to try for a cause on top of what is kept; None if there is nothing.

        What made no difference alone may make one once a worse cause is remedied.
        """
        left = [
            one
            for one in of_cause
            if one.row is not None
            and one.row.effect in (Effect.HELPS, Effect.NO_DIFFERENCE, Effect.UNDECIDED)
            and (self._kept or one.rank < 0)
            and self._fits(one)
        ]
        helping = [one for one in left if one.row and one.row.effect is Effect.HELPS]
        return min(helping or left, key=lambda one: one.rank, default=None)

    def _left(self) -> list[Candidate]:
        """Return what was not tried on top of other changes yet: the better one first."""
        hopeless = (Effect.NOT_APPLICABLE, Effect.FAILED, Effect.HARMS)
        left = [
            one
            for one in self._candidates
            if not one.is_combined
            and not (one.row is not None and one.row.effect in hopeless)
            and self._fits(one)
        ]
        return sorted(left, key=lambda one: (one.cause, one.rank))

    def _fits(self, candidate: Candidate) -> bool:
        """Return whether a change can be made on top of those that are kept."""
        is_other = type(candidate.change) not in map(type, self._kept)
        return is_other and not self._why_not(candidate.change, self._kept)

    def _is_healthy(self, changes: tuple[Change, ...]) -> bool:
        """Return whether a training with these changes ends without a warning or an error."""
        if changes not in self._healthy:
            found = self._findings_with(changes, end=self._end)
            is_bad = any(one.is_open and one.severity > Severity.NOTE for one in found)
            self._healthy[changes] = not is_bad
        return self._healthy[changes]

    def _findings_with(self, changes: tuple[Change, ...], end: float) -> tuple[Finding, ...]:
        sitter = Babysitter(verbose=0)
        score = self._train(apply_all(changes, self.program), 0, changes, (sitter,), end)
        self._scores[changes, "plain", 0] = score
        return tuple(sitter.findings)

    def _add(self, candidate: Candidate, seeds: int) -> None:
        before = candidate.row.seconds if candidate.row else 0.0
        row = self._row((candidate.change,), seeds)
        candidate.row = dataclasses.replace(row, seconds=before + row.seconds)

    def _row(self, changes: tuple[Change, ...], seeds: int, on: tuple[Change, ...] = ()) -> Row:
        """Return what changes do beside other ones, with the first seeds.

        Args:
            changes: The changes.
            seeds: Number of replicates.
            on: The changes of the control.
        """
        start = time.perf_counter()
        self._report((start - self._start) / self._seconds, " ".join(one.text for one in changes))
        pairs: list[Pair] = []
        shorter: list[Pair] = []
        try:
            for seed in range(seeds):
                self._pair(changes, on, seed, pairs, shorter)
        except (BudgetSpentError, ControlFailedError):
            raise
        except Exception as error:  # one remedy that fails is one row
            reason = brief(error)[:REASON]
            return Row(changes, Effect.FAILED, seeds=len(pairs), reason=reason)
        row = judge(changes, pairs, self.program, time.perf_counter() - start)
        if disagree(pairs, shorter):
            return dataclasses.replace(row, effect=Effect.UNDECIDED, reason=OPPOSITE)
        return row

    def _pair(
        self,
        changes: tuple[Change, ...],
        on: tuple[Change, ...],
        seed: int,
        pairs: list[Pair],
        shorter: list[Pair],
    ) -> None:
        """Add a replicate to pairs; of a change of the optimizer also one over fewer steps."""
        is_of_optimizer = _is_of_optimizer(changes)
        kind = "whole" if is_of_optimizer else "plain"
        pairs.append(Pair(self.score(on, kind, seed), self.score(changes, kind, seed)))
        if not is_of_optimizer or self.program.epochs < SHORT:
            return
        if (changes, "short", seed) in self._scores or self._fits_in(self.program.epochs / 2):
            shorter.append(Pair(self.score(on, "short", seed), self.score(changes, "short", seed)))

    def score(self, changes: tuple[Change, ...], kind: str, seed: int) -> Score:
        """Return the score of a training, which is made once.

        Args:
            changes: The changes; empty for the control.
            kind: `"plain"`; or `"whole"` or `"short"`, over all steps or a quarter of them, with a
                learning rate that falls to 0.
            seed: The replicate.
        """
        if (changes, kind, seed) not in self._scores:
            program = apply_all(changes, self.program)
            if kind != "plain":
                program = _decayed(program, SHORT if kind == "short" else 1)
            try:
                self._scores[changes, kind, seed] = self._train(program, seed, changes)
            except BudgetSpentError:
                raise
            except Exception as error:
                if changes:
                    raise
                raise ControlFailedError(
                    "The program must train without a change before remedies can be tried. Check "
                    f"that `fit` runs with these arguments. Received: {brief(error)}"
                ) from error
        return self._scores[changes, kind, seed]

    def _train(
        self,
        program: Program,
        seed: int,
        changes: Sequence[Change] = (),
        callbacks: Sequence[Any] = (),
        end: float | None = None,
    ) -> Score:
        start = time.perf_counter()
        model = program.build(seed)
        if seed not in self._weights:
            self._weights[seed] = self.program.build(seed).get_weights()
        if all(change.keeps_weights for change in changes):
            share_weights(model, self._weights[seed])
        program.train(model, seed, Deadline(self._end if end is None else end), *callbacks)
        score = self._scorer.score(program, model)
        if not callbacks:  # one that is watched takes longer
            self._seconds_per_epoch.append((time.perf_counter() - start) / program.epochs)
        return score

    def _has_time(self, *changes: Change, seeds: int, on: tuple[Change, ...] = ()) -> bool:
        """Return whether the replicates of changes fit in the budget, as far as they are missing.

        Args:
            *changes: The changes.
            seeds: Number of replicates.
            on: The changes of the control.
        """
        kinds = {"whole": 1.0, "short": 1 / SHORT} if _is_of_optimizer(changes) else {"plain": 1.0}
        epochs = sum(
            part * self._epochs(arm)
            for arm in (on, changes)
            for kind, part in kinds.items()
            for seed in range(seeds)
            if (arm, kind, seed) not in self._scores
        )
        return self._fits_in(epochs)

    def _fits_in(self, epochs: float) -> bool:
        """Return whether so many epochs can be trained before the budget ends."""
        return time.perf_counter() + epochs * self._usual <= self._end

    @property
    def _usual(self) -> float:
        """Seconds of a usual epoch: the median, as the first training may take far longer."""
        return statistics.median(self._seconds_per_epoch) if self._seconds_per_epoch else 0.0

    def _epochs(self, changes: Sequence[Change]) -> int:
        """Return for how many epochs the program is trained with changes."""
        try:
            return apply_all(changes, self.program).epochs
        except Exception:  # it fails when it is tried
            return self.program.epochs

    def _not_tried(self, change: Change) -> Row:
        reason = "the trial was interrupted." if self._is_interrupted else SPENT
        pair = 2 * self.program.epochs * self._usual
        if pair > self._seconds:
            reason = f"one pair of trainings takes about {pair:.2g} s."
        return Row((change,), Effect.NOT_TRIED, reason=reason)


def _candidates(causes: Sequence[Sequence[Change]], first: int = 0) -> list[Candidate]:
    """Return the changes of causes, each with the rank of its cause."""
    return [Candidate(one, rank) for rank, of in enumerate(causes, first) for one in of]


def _is_of_optimizer(changes: Sequence[Change]) -> bool:
    return any(change.is_of_optimizer for change in changes)


def _decayed(program: Program, parts: int) -> Program:
    """Return the program over a fraction of its epochs; its rate falls to 0 by their end."""
    program = program.with_fit(epochs=max(1, program.epochs // parts))
    rate = DecayedToZero(program.rate, program.steps)
    return program.changed(optimizer={**program.optimizer, "learning_rate": rate})
