"""The trainings of a trial: pairs of control and remedy inside a budget of time."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
from numpy.typing import NDArray

from keras_babysit.findings import Finding
from keras_babysit.remedies.change import Change
from keras_babysit.remedies.judging import Pair, apply_all, judge, leader, rank
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

SPENT = "the budget was spent."
EXPLAINED = "what causes it was remedied."


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
        self._controls: dict[tuple[str, int], Score] = {}
        self._weights: dict[int, list[NDArray[Any]]] = {}
        self._is_interrupted = False
        self._longest = 0.0  # seconds of the longest training so far

    def watch(self, callback: Any) -> None:
        """Train the control of the first seed under a callback, to its end whatever the budget."""
        try:
            score = self._train(self.program, 0, callbacks=(callback,), end=math.inf)
            self._controls["plain", 0] = score
        except KeyboardInterrupt:
            self._is_interrupted = True

    def run(
        self,
        changes: Sequence[Change],
        findings: tuple[Finding, ...],
        symptoms: Sequence[Change] = (),
    ) -> Trial:
        """Try changes, go further with a learning rate that helps, and combine what helps.

        Args:
            changes: The changes to try.
            findings: What is wrong.
            symptoms: Changes that are tried only if none of these helps: of findings that another
                one explains.
        """
        wanted = list(changes)
        rows: dict[int, Row] = {}
        note, best = "", None
        try:
            if self._is_interrupted:
                raise KeyboardInterrupt
            self._try(range(len(wanted)), wanted, rows)
            self._go_further(wanted, rows)
            first, wanted = len(wanted), wanted + list(symptoms)
            if leader(list(rows.values())) is None:
                self._try(range(first, len(wanted)), wanted, rows)
            else:
                for index in range(first, len(wanted)):
                    rows[index] = Row((wanted[index],), Effect.NOT_TRIED, reason=EXPLAINED)
            best = self._combine(wanted, rows)
        except BudgetSpentError:
            note = f"The budget of {self._seconds:.3g} s was spent."
        except KeyboardInterrupt:
            note = "Interrupted: these are the results so far."
            self._is_interrupted = True
        table = [rows.get(i) or self._not_tried(change) for i, change in enumerate(wanted)]
        if best is not None and len(best.changes) > 1:
            table.append(best)
        best = best or leader(table)
        program = apply_all(best.changes if best else (), self.program)
        seconds = time.perf_counter() - self._start
        return Trial(tuple(table), best, program, findings, seconds, note)

    def _try(self, indices: Iterable[int], wanted: Sequence[Change], rows: dict[int, Row]) -> None:
        """Try each of these with one seed, the better half with more, the best one first.

        A verdict needs replicates: where the budget ends, one remedy with three seeds says more
        than three with one.
        """
        pairs: dict[int, list[Pair]] = {}
        for index in indices:
            change = wanted[index]
            reason = self._why_not(change)
            if reason:
                rows[index] = Row((change,), Effect.NOT_APPLICABLE, reason=reason)
            elif self._has_time():
                self._add(rows, index, (change,), pairs.setdefault(index, []), range(1))
        tried = [index for index in pairs if pairs[index]]
        for seeds in (range(1, min(FEWEST_SEEDS, self.seeds)), range(FEWEST_SEEDS, self.seeds)):
            tried.sort(key=lambda index: rank(rows[index]))
            tried = tried[: max(1, -(-len(tried) // 2))]
            for index in tried:
                for seed in seeds:
                    if not self._has_time():
                        return
                    one = range(seed, seed + 1)
                    self._add(rows, index, (wanted[index],), pairs[index], one)

    def _why_not(self, change: Change) -> str:
        reason = change.why_not(self.program)
        if reason or self.program.is_plain:
            return reason
        changed = change.apply(self.program)
        if changed.edits or changed.is_reshaped:
            return "The model is subclassed: change its layers in your code."
        return ""

    def _go_further(self, wanted: list[Change], rows: dict[int, Row]) -> None:
        """Change a learning rate that helps by another factor of 10, as long as that helps more.

        How far a learning rate is off is known by its order of magnitude at best.
        """
        rates = {i: row for i, row in rows.items() if isinstance(wanted[i], ScaleLearningRate)}
        best = leader(list(rates.values()))
        while best is not None and self._has_time(self.seeds):
            change = best.changes[0]
            assert isinstance(change, ScaleLearningRate)
            step = 10.0 if change.factor > 1 else 0.1
            rate = None if change.rate is None else change.rate * step
            further = dataclasses.replace(change, factor=change.factor * step, rate=rate)
            if further in wanted:
                return
            wanted.append(further)
            row = self._row((further,), [], range(self.seeds))
            rows[len(wanted) - 1] = row
            best = row if row.effect is Effect.HELPS and rank(row) < rank(best) else None

    def _combine(self, wanted: Sequence[Change], rows: dict[int, Row]) -> Row | None:
        """Return the row of the best changes together; None if nothing helped."""
        helping = [i for i, row in rows.items() if row.effect is Effect.HELPS]
        helping.sort(key=lambda index: rank(rows[index]))
        if not helping:
            return None
        best = rows[helping[0]]
        for index in helping[1:]:
            together = (*best.changes, wanted[index])
            if type(wanted[index]) in map(type, best.changes) or not self._has_time(self.seeds):
                continue
            row = self._row(together, [], range(self.seeds))
            if row.effect is Effect.HELPS and rank(row) < rank(best):
                best = row
        return best

    def _add(
        self,
        rows: dict[int, Row],
        index: int,
        changes: tuple[Change, ...],
        pairs: list[Pair],
        seeds: Iterable[int],
    ) -> None:
        row = self._row(changes, pairs, seeds)
        before = rows[index].seconds if index in rows else 0.0
        rows[index] = dataclasses.replace(row, seconds=before + row.seconds)

    def _row(self, changes: tuple[Change, ...], pairs: list[Pair], seeds: Iterable[int]) -> Row:
        start = time.perf_counter()
        self._report((start - self._start) / self._seconds, " ".join(one.text for one in changes))
        reasons: list[str] = []
        try:
            pairs.extend(self._pair(changes, seed, reasons) for seed in seeds)
        except BudgetSpentError:
            raise
        except Exception as error:  # one remedy that fails is one row
            what = f"{type(error).__name__}: {str(error)[:200]}"
            return Row(changes, Effect.FAILED, seeds=len(pairs), reason=what)
        row = judge(changes, pairs, self.program, time.perf_counter() - start)
        if reasons:
            return dataclasses.replace(row, effect=Effect.UNDECIDED, reason=reasons[0])
        return row

    def _pair(self, changes: tuple[Change, ...], seed: int, reasons: list[str]) -> Pair:
        if not any(change.is_of_optimizer for change in changes):
            return Pair(
                self._control("plain", self.program, seed),
                self._train(apply_all(changes, self.program), seed, changes),
            )
        whole = _decayed(self.program, 1)
        pair = Pair(
            self._control("whole", whole, seed),
            self._train(_decayed(apply_all(changes, self.program), 1), seed, changes),
        )
        if self.program.epochs >= SHORT and self._has_time():
            short = _decayed(self.program, SHORT)
            brief = Pair(
                self._control("short", short, seed),
                self._train(_decayed(apply_all(changes, self.program), SHORT), seed, changes),
            )
            if pair.sign * brief.sign < 0:
                reasons.append("a quarter of the steps shows the opposite.")
        return pair

    def _control(self, kind: str, program: Program, seed: int) -> Score:
        if (kind, seed) not in self._controls:
            self._controls[kind, seed] = self._train(program, seed)
        return self._controls[kind, seed]

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
        self._longest = max(self._longest, time.perf_counter() - start)
        return score

    def _has_time(self, pairs: int = 1) -> bool:
        return time.perf_counter() + 2 * pairs * self._longest <= self._end

    def _not_tried(self, change: Change) -> Row:
        reason = "the trial was interrupted." if self._is_interrupted else SPENT
        if 2 * self._longest > self._seconds:
            reason = f"one pair of trainings takes about {2 * self._longest:.2g} s."
        return Row((change,), Effect.NOT_TRIED, reason=reason)


def _decayed(program: Program, parts: int) -> Program:
    """Return the program over a fraction of its epochs; its rate falls to 0 by their end."""
    program = program.with_fit(epochs=max(1, program.epochs // parts))
    rate = DecayedToZero(program.rate, program.steps)
    return program.changed(optimizer={**program.optimizer, "learning_rate": rate})
