"""The trainings of a trial: pairs of control and remedy inside a budget of time."""

from __future__ import annotations

import dataclasses
import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
from numpy.typing import NDArray

from keras_babysit.callbacks import Babysitter
from keras_babysit.errors import ControlFailedError, brief
from keras_babysit.findings import Finding
from keras_babysit.remedies.change import Change
from keras_babysit.remedies.judging import Pair, apply_all, disagree, judge, judge_single, leader
from keras_babysit.remedies.optimizer_changes import DecayedToZero
from keras_babysit.remedies.program import Program, share_weights
from keras_babysit.remedies.race import Candidate, Race
from keras_babysit.remedies.scoring import Score, Scorer
from keras_babysit.remedies.trial import Effect, Row, Trial

PARTS = 4
"""A change of the optimizer is tried over this fraction of the epochs, at least this many, and over
this fraction of those as well. Short trainings prefer learning rates that are too small (Wu et al.,
arXiv:1803.02021): where the two disagree, the effect is undecided. Which one is best is chosen by
whole trainings; so many shorter ones cost as much as one of these."""

FEWEST_SEEDS = 3
"""Replicates of the better half of the remedies, before the better half of these gets all."""

REASON = 200
"""Characters of the reason for which a remedy failed."""

SPENT = "the budget was spent."
EXPLAINED = "a remedy of a worse finding helped."
NO_MORE = "a remedy of a worse finding helped, and nothing helped on top of it."
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
        self._race: Race | None = None
        self._is_spent = False
        self._is_interrupted = False
        self._seconds_per_epoch: list[float] = []  # of each training so far
        self._pace: dict[tuple[Change, ...], float] = {}  # the last of these, by changes

    def watch(self) -> tuple[Finding, ...]:
        """Return the findings of the control, trained to its end whatever the budget."""
        sitter = Babysitter(verbose=0)
        try:
            score = self._train(self.program, 0, (), (sitter,), end=math.inf)
        except KeyboardInterrupt:
            self._is_interrupted = True
            return ()
        self._scores[(), "plain", 0] = score
        return tuple(sitter.findings)

    def run(
        self,
        causes: Sequence[Sequence[Change]],
        findings: tuple[Finding, ...],
        symptoms: Sequence[Sequence[Change]] = (),
    ) -> Trial:
        """Try changes, each alone, and improve what helps most in the time that is left.

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
            if leader(self._rows) is None:
                self._try(others)
            else:
                for one in others:
                    one.row = Row((one.change,), Effect.NOT_TRIED, reason=EXPLAINED)
            self._candidates += others
            if leader(self._rows) is None:
                self._settle()
            self._race = Race(self, self._candidates)
            self._race.run()
            self._replicate(self._candidates, until_one_helps=False)
        except BudgetSpentError:
            self._is_spent = True
        except KeyboardInterrupt:
            note = "Interrupted: these are the results so far."
            self._is_interrupted = True
        if self._is_spent and not note:
            note = f"The budget of {self._seconds:.3g} s was spent."
        return self._result(others, findings, note)

    @property
    def _rows(self) -> list[Row]:
        return [one.row for one in self._candidates if one.row is not None]

    def _result(
        self, others: Sequence[Candidate], findings: tuple[Finding, ...], note: str
    ) -> Trial:
        late = [one for one in others if one not in self._candidates]
        every = [*self._candidates, *late]
        rows = [self._row_in_table(one) for one in every]
        best = leader(rows) if self._race is None else self._race.row
        table = rows if best is None else [judge_single(one, rows) for one in rows]
        if best is not None and best not in table:
            table.append(best)
        program = apply_all(best.changes if best else (), self.program)
        seconds = time.perf_counter() - self._start
        return Trial(tuple(table), best, program, findings, seconds, note)

    def _row_in_table(self, one: Candidate) -> Row:
        row = one.row or self._not_tried(one.change)
        is_beaten = one.is_beaten and row.effect is Effect.NOT_TRIED
        return dataclasses.replace(row, reason=NO_MORE) if is_beaten else row

    def _try(self, candidates: Sequence[Candidate]) -> None:
        """Try each of these with one seed; the better half with more, until one helps."""
        for one in candidates:
            reason = self.why_not(one.change)
            if reason:
                one.row = Row((one.change,), Effect.NOT_APPLICABLE, reason=reason)
            elif self._has_time(one.change, seeds=1):
                self._add(one, 1)
        self._replicate(candidates, until_one_helps=True)

    def _replicate(self, candidates: Sequence[Candidate], *, until_one_helps: bool) -> None:
        """Give the better half of what was tried three seeds, and the better half of these all.

        A verdict needs replicates: where the budget ends, one remedy with three seeds says more
        than three with one.

        Args:
            candidates: The candidates.
            until_one_helps: Whether to end with the first one that helps, once it has all seeds.
        """
        tried = [one for one in candidates if one.has_replicates]
        for last in (min(FEWEST_SEEDS, self.seeds), self.seeds):
            tried.sort(key=lambda one: one.rank)
            tried = tried[: max(1, -(-len(tried) // 2))]
            for one in tried:
                if not self._add_up_to(one, last):
                    return
                if until_one_helps and one.helps and self._add_up_to(one, self.seeds) and one.helps:
                    return

    def _add_up_to(self, one: Candidate, seeds: int) -> bool:
        """Give a candidate as many replicates; return whether there was time for all of them."""
        assert one.row is not None
        for count in range(one.row.seeds + 1, seeds + 1):
            if not self._has_time(one.change, seeds=count):
                return False
            self._add(one, count)
        return True

    def why_not(self, change: Change, on: tuple[Change, ...] = ()) -> str:
        """Return why a change cannot be applied on top of others; empty if it can."""
        program = apply_all(on, self.program)
        reason = change.why_not(program)
        if reason or program.is_plain:
            return reason
        changed = change.apply(program)
        if changed.edits or changed.is_reshaped:
            return "The model is subclassed: change its layers in your code."
        return ""

    def _settle(self) -> None:
        """Give what may help all replicates, until one does: others had the better score so far."""
        undecided = [
            one
            for one in self._candidates
            if one.row is not None and one.row.effect is Effect.UNDECIDED and one.rank < 0
        ]
        for one in sorted(undecided, key=lambda one: (one.cause, one.rank)):
            if self._has_time(one.change, seeds=self.seeds):
                self._add(one, self.seeds)
            if one.helps:
                return

    def compare(
        self, changes: tuple[Change, ...], on: tuple[Change, ...], seeds: int
    ) -> Row | None:
        """Return what changes do beside others, in trainings as the program is.

        A training that the end of the budget cuts short is lost; what is known before it stays.

        Args:
            changes: The changes.
            on: The changes of the control.
            seeds: Number of replicates.

        Returns:
            The row; None if there is no time for the trainings that are missing.
        """
        arms = [(arm, "plain", seed) for seed in range(seeds) for arm in (on, changes)]
        missing = [arm for arm in arms if arm not in self._scores]
        if missing and not self._fits_in(sum(self._seconds_of(*arm[:2]) for arm in missing)):
            self._is_spent = True
            return None
        start = time.perf_counter()
        self._tell(changes)
        try:
            scores = [self.score(*arm) for arm in arms]
        except BudgetSpentError:
            self._is_spent = True
            return None
        except ControlFailedError:
            raise
        except Exception as error:  # one remedy that fails is one row
            return Row(changes, Effect.FAILED, reason=brief(error)[:REASON])
        pairs = [Pair(*both) for both in zip(scores[::2], scores[1::2], strict=True)]
        return judge(changes, pairs, self.program, time.perf_counter() - start, on)

    def _tell(self, changes: Sequence[Change]) -> None:
        spent = (time.perf_counter() - self._start) / self._seconds
        self._report(spent, " ".join(one.text for one in changes))

    def _add(self, candidate: Candidate, seeds: int) -> None:
        before = candidate.row.seconds if candidate.row else 0.0
        row = self._row((candidate.change,), seeds)
        candidate.row = dataclasses.replace(row, seconds=before + row.seconds)

    def _row(self, changes: tuple[Change, ...], seeds: int) -> Row:
        """Return what changes do beside the control, with the first seeds."""
        start = time.perf_counter()
        self._tell(changes)
        pairs: list[Pair] = []
        shorter: list[Pair] = []
        try:
            for seed in range(seeds):
                self._pair(changes, seed, pairs, shorter)
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
        seed: int,
        pairs: list[Pair],
        shorter: list[Pair],
    ) -> None:
        """Add a replicate to pairs; of a change of the optimizer also one over fewer steps."""
        is_of_optimizer = _is_of_optimizer(changes)
        kind = "long" if is_of_optimizer else "plain"
        pairs.append(Pair(self.score((), kind, seed), self.score(changes, kind, seed)))
        if not is_of_optimizer or not fork_epochs(self.program.epochs, "short"):
            return
        short = 2 * self._seconds_of(changes, "short")
        if (changes, "short", seed) in self._scores or self._fits_in(short):
            shorter.append(Pair(self.score((), "short", seed), self.score(changes, "short", seed)))

    def score(self, changes: tuple[Change, ...], kind: str, seed: int) -> Score:
        """Return the score of a training, which is made once.

        Args:
            changes: The changes; empty for the control.
            kind: `"plain"`, as the program is; or `"long"` or `"short"`, a fork over fewer epochs
                whose learning rate falls to 0.
            seed: The replicate.
        """
        if (changes, kind, seed) not in self._scores:
            program = apply_all(changes, self.program)
            if kind != "plain":
                program = _fork(program, kind)
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
            pace = (time.perf_counter() - start) / program.epochs
            self._seconds_per_epoch.append(pace)
            if changes:  # the first training may take far longer: it is one of the control
                self._pace[tuple(changes)] = pace
        return score

    def _has_time(self, change: Change, seeds: int) -> bool:
        """Return whether the replicates of a change fit in the budget, as far as they are missing.

        Args:
            change: The change.
            seeds: Number of replicates.
        """
        kinds = ("long", "short") if change.is_of_optimizer else ("plain",)
        arms: tuple[tuple[Change, ...], ...] = ((), (change,))
        return self._fits_in(
            sum(
                self._seconds_of(arm, kind)
                for arm in arms
                for kind in kinds
                for seed in range(seeds)
                if (arm, kind, seed) not in self._scores
            )
        )

    def _fits_in(self, seconds: float) -> bool:
        """Return whether so much can be trained before the budget ends."""
        return time.perf_counter() + seconds <= self._end

    def _seconds_of(self, changes: tuple[Change, ...], kind: str) -> float:
        """Return how long a training takes: as its slowest change, as far as known."""
        known = [pace for of, pace in self._pace.items() if set(of) <= set(changes)]
        epochs = self._epochs(changes)
        epochs = epochs if kind == "plain" else fork_epochs(epochs, kind)
        return epochs * max([self._usual, *known])

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


def fork_epochs(epochs: int, kind: str) -> int:
    """Return for how many epochs a fork of a program with so many is trained.

    Args:
        epochs: Epochs of the program.
        kind: `"long"`; or `"short"`, which has none where the long one is too short.

    Example:
        >>> [(fork_epochs(epochs, "long"), fork_epochs(epochs, "short")) for epochs in (2, 8, 40)]
        [(2, 0), (4, 1), (10, 2)]
    """
    long = min(epochs, max(PARTS, epochs // PARTS))
    return long if kind == "long" else long // PARTS


def _fork(program: Program, kind: str) -> Program:
    """Return the program over a part of its epochs; its rate falls to 0 by their end."""
    program = program.with_fit(epochs=fork_epochs(program.epochs, kind))
    rate = DecayedToZero(program.rate, program.steps)
    return program.changed(optimizer={**program.optimizer, "learning_rate": rate})
