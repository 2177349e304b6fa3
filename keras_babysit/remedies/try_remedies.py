"""Trying remedies against a control, with replicates, inside a budget of time."""

from __future__ import annotations

import dataclasses
import math
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_babysit.backends.untouched import untouched_seeds
from keras_babysit.callbacks import Babysitter
from keras_babysit.findings import Finding
from keras_babysit.interval import Interval, paired_interval
from keras_babysit.remedies.change import Change
from keras_babysit.remedies.of_findings import changes_for
from keras_babysit.remedies.optimizer_changes import DecayedToZero, read_rate
from keras_babysit.remedies.program import Program
from keras_babysit.remedies.scoring import Score, Scorer
from keras_babysit.remedies.trial import Effect, Row, Trial
from keras_babysit.samples.batches import take

HELD_OUT = 0.2
"""Fraction of the examples that are held out to score on where no validation data are given."""

FEWEST_HELD_OUT = 20
"""Fewest validation examples: of fewer an interval says nothing."""

SAME = 0.05
"""Change of the score, as a fraction of the control's, up to which two trainings count as equal."""

SHORT = 4
"""A change of the optimizer is also tried over this fraction of the steps. Short trainings prefer
learning rates that are too small (Wu et al., arXiv:1803.02021): where the two disagree, the effect
is undecided."""

UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}


def try_remedies(
    model: keras.Model,
    x: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    validation_data: Any = None,
    findings: Iterable[Finding] | None = None,
    changes: Sequence[Change] | None = None,
    budget: str | float = "60s",
    seeds: int = 5,
    **fit: Any,
) -> Trial:
    """Try remedies, each against the same training without it.

    New models are built like the given one and trained from new weights; the given model, its
    weights and all seeds stay as they are. Control and remedy of a replicate have the same initial
    weights where shapes allow it, the same batches and the same seeds. Both are scored on the
    validation data in inference mode and without penalties. The interval of the difference is over
    replicates and validation examples.

    Changes of the optimizer are compared over all steps and over a quarter of them, with learning
    rates that fall to 0 in both trainings, so that a smaller rate does not win by its smaller noise
    alone. First every remedy is tried with one seed; the better half is tried with the others. What
    helps is then combined, the largest effect first.

    Args:
        model: A compiled Sequential or functional model. It is not trained.
        x: Training inputs: an array, or a list, tuple or dictionary of arrays.
        y: Training targets.
        sample_weight: Weight of each training example, or None.
        validation_data: `(x, y)` or `(x, y, sample_weight)` to score on. None holds out a fifth of
            the examples, drawn at random.
        findings: Findings whose remedies are tried, such as `sitter.findings`. None watches the
            first training of the control.
        changes: The changes to try instead of those of the findings.
        budget: Time for all trainings, such as `"60s"`, `"5min"` or a number of seconds.
        seeds: Number of replicates, at least 2.
        **fit: Further arguments of `Model.fit`, such as `epochs` and `batch_size`.

    Returns:
        A `Trial`.

    Raises:
        TypeError: If the model is subclassed, or the data are not arrays.
        ValueError: If an argument is out of range, or there are too few examples to hold some out.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(200, 4))
        >>> y = x.sum(axis=1, keepdims=True)
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(1e-5), "mse")
        >>> changes = [kb.remedies.ScaleLearningRate(1000.0)]
        >>> kb.try_remedies(model, x, y, changes=changes, epochs=4).best.effect.value
        'helps'
    """
    seconds = _read_budget(budget)
    if seeds < 2:
        raise ValueError(
            f"Argument `seeds` must be at least 2, because one training has no spread. "
            f"Received: seeds={seeds}"
        )
    program = _read_program(model, x, y, sample_weight, validation_data, fit)
    with untouched_seeds():
        return _Trials(program, seeds, seconds).run(findings, changes)


@dataclass(frozen=True)
class _Pair:
    """Scores of control and remedy of one replicate."""

    control: Score
    remedy: Score


class _Trials:
    def __init__(self, program: Program, seeds: int, seconds: float) -> None:
        self.program = program
        self.seeds = seeds
        self._start = time.perf_counter()
        self._end = self._start + seconds
        self._scorer = Scorer(program)
        self._controls: dict[tuple[str, int], Score] = {}
        self._weights: dict[int, list[NDArray[Any]]] = {}
        self._longest = 0.0  # seconds of the longest training so far

    def run(self, findings: Iterable[Finding] | None, changes: Sequence[Change] | None) -> Trial:
        given = tuple(findings or ())
        if findings is None and changes is None:
            given = self._watch()
        wanted = list(changes) if changes is not None else changes_for(given)
        rows: dict[int, Row] = {}
        pairs: dict[int, list[_Pair]] = {}
        try:
            self._try(wanted, rows, pairs)
            best = self._combine(wanted, rows)
        except KeyboardInterrupt:
            best = None  # what is known is returned
        table = [rows.get(i, _not_tried(change)) for i, change in enumerate(wanted)]
        if best is not None and len(best.changes) > 1:
            table.append(best)
        best = best or _leader(table)
        program = self.program
        for change in best.changes if best else ():
            program = change.apply(program)
        return Trial(tuple(table), best, program, given, time.perf_counter() - self._start)

    def _watch(self) -> tuple[Finding, ...]:
        """Train the control of the first seed under watch, and return the findings."""
        sitter = Babysitter(verbose=0)
        self._controls["plain", 0] = self._train(self.program, 0, callbacks=[sitter])
        return tuple(sitter.findings)

    def _try(
        self, wanted: Sequence[Change], rows: dict[int, Row], pairs: dict[int, list[_Pair]]
    ) -> None:
        for index, change in enumerate(wanted):
            reason = change.why_not(self.program)
            if reason:
                rows[index] = Row((change,), Effect.NOT_APPLICABLE, reason=reason)
            elif self._has_time():
                rows[index] = self._row((change,), pairs.setdefault(index, []), range(1))
        tried = [index for index in pairs if pairs[index]]
        tried.sort(key=lambda index: _rank(rows[index]))
        for index in tried[: max(1, -(-len(tried) // 2))]:
            for seed in range(1, self.seeds):
                if not self._has_time():
                    return
                seeds = range(seed, seed + 1)
                rows[index] = self._row((wanted[index],), pairs[index], seeds)

    def _combine(self, wanted: Sequence[Change], rows: dict[int, Row]) -> Row | None:
        """Return the row of the best changes together; None if nothing helped."""
        helping = [i for i, row in rows.items() if row.effect is Effect.HELPS]
        helping.sort(key=lambda index: _rank(rows[index]))
        if not helping:
            return None
        best = rows[helping[0]]
        for index in helping[1:]:
            together = (*best.changes, wanted[index])
            if type(wanted[index]) in map(type, best.changes) or not self._has_time(self.seeds):
                continue
            row = self._row(together, [], range(self.seeds))
            if row.effect is Effect.HELPS and _rank(row) < _rank(best):
                best = row
        return best

    def _row(self, changes: tuple[Change, ...], pairs: list[_Pair], seeds: Iterable[int]) -> Row:
        start = time.perf_counter()
        reasons: list[str] = []
        try:
            pairs.extend(self._pair(changes, seed, reasons) for seed in seeds)
        except Exception as error:  # one remedy that fails is one row
            what = f"{type(error).__name__}: {str(error)[:200]}"
            return Row(changes, Effect.FAILED, seeds=len(pairs), reason=what)
        row = _judge(changes, pairs, self.program, time.perf_counter() - start)
        if reasons:
            return dataclasses.replace(row, effect=Effect.UNDECIDED, reason=reasons[0])
        return row

    def _pair(self, changes: tuple[Change, ...], seed: int, reasons: list[str]) -> _Pair:
        if not any(change.is_of_optimizer for change in changes):
            return _Pair(
                self._control("plain", self.program, seed),
                self._train(self._apply(changes, self.program), seed, changes),
            )
        whole = _decayed(self.program, 1)
        pair = _Pair(
            self._control("whole", whole, seed),
            self._train(_decayed(self._apply(changes, self.program), 1), seed, changes),
        )
        if self.program.epochs >= SHORT and self._has_time():
            short = _decayed(self.program, SHORT)
            brief = _Pair(
                self._control("short", short, seed),
                self._train(_decayed(self._apply(changes, self.program), SHORT), seed, changes),
            )
            if _sign(pair) * _sign(brief) < 0:
                reasons.append("a quarter of the steps shows the opposite.")
        return pair

    def _apply(self, changes: tuple[Change, ...], program: Program) -> Program:
        for change in changes:
            program = change.apply(program)
        return program

    def _control(self, kind: str, program: Program, seed: int) -> Score:
        if (kind, seed) not in self._controls:
            self._controls[kind, seed] = self._train(program, seed)
        return self._controls[kind, seed]

    def _train(
        self, program: Program, seed: int, changes: Sequence[Change] = (), **fit: Any
    ) -> Score:
        start = time.perf_counter()
        model = program.build(seed)
        if seed not in self._weights:
            self._weights[seed] = self.program.build(seed).get_weights()
        if all(change.keeps_weights for change in changes):
            _share(model, self._weights[seed])
        program.train(model, seed, **fit)
        score = self._scorer.score(program, model)
        self._longest = max(self._longest, time.perf_counter() - start)
        return score

    def _has_time(self, pairs: int = 1) -> bool:
        return time.perf_counter() + 2 * pairs * self._longest <= self._end


def _share(model: keras.Model, weights: list[NDArray[Any]]) -> None:
    """Give a model the weights of another one, in their order, as far as their shapes agree."""
    own = model.get_weights()
    if [value.shape for value in own] == [value.shape for value in weights]:
        model.set_weights(weights)
        return
    left = list(weights)
    for index, value in enumerate(own):
        match = next((i for i, one in enumerate(left) if one.shape == value.shape), None)
        if match is not None and value.ndim > 1:
            own[index] = left.pop(match)
    model.set_weights(own)


def _decayed(program: Program, parts: int) -> Program:
    """Return the program over a fraction of its epochs; its rate falls to 0 by their end."""
    program = program.with_fit(epochs=max(1, program.epochs // parts))
    rate = DecayedToZero(read_rate(program), program.steps)
    return program.changed(optimizer={**program.optimizer, "learning_rate": rate})


def _judge(
    changes: tuple[Change, ...], pairs: Sequence[_Pair], program: Program, seconds: float
) -> Row:
    """Return the row of a remedy from its replicates."""
    changed = program
    for change in changes:
        changed = change.apply(changed)
    measure = "loss" if changed.is_scored_by_loss else "error"
    control, remedy = (
        [_values(getattr(pair, side), measure) for pair in pairs] for side in ("control", "remedy")
    )
    known = {"changes": changes, "measure": measure, "seeds": len(pairs), "seconds": seconds}
    if any(values is None for values in (*control, *remedy)):
        return Row(effect=Effect.UNDECIDED, reason="its scores cannot be compared.", **known)
    before, after = np.array(control, float), np.array(remedy, float)
    known |= {"control": float(before.mean()), "remedy": float(after.mean())}
    lost_before, lost_after = (~np.isfinite(v).all(axis=1) for v in (before, after))
    if lost_before.any() or lost_after.any():
        return Row(effect=_effect_of_losses(lost_before, lost_after), **known)
    difference = paired_interval(after - before)
    return Row(effect=_effect(difference, known["control"]), difference=difference, **known)


def _values(score: Score, measure: str) -> Any:
    return score.loss if measure == "loss" else score.error


def _effect(difference: Interval, control: float) -> Effect:
    if difference.high < 0:
        return Effect.HELPS
    if difference.low > 0:
        return Effect.HARMS
    near = SAME * abs(control)
    is_same = -near <= difference.low and difference.high <= near
    return Effect.NO_DIFFERENCE if is_same else Effect.UNDECIDED


def _effect_of_losses(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> Effect:
    """Return the effect where scores are not finite: in all replicates, or it is undecided."""
    if len(before) > 1 and before.all() and not after.any():
        return Effect.HELPS
    if len(before) > 1 and after.all() and not before.any():
        return Effect.HARMS
    return Effect.UNDECIDED


def _not_tried(change: Change) -> Row:
    return Row((change,), Effect.NOT_TRIED, reason="the budget was spent.")


def _sign(pair: _Pair) -> float:
    difference = float(np.mean(pair.remedy.loss) - np.mean(pair.control.loss))
    return 0.0 if math.isnan(difference) else float(np.sign(difference))


def _rank(row: Row) -> float:
    """Return the difference as a fraction of the control's score, lower if it is better."""
    if math.isfinite(row.remedy) and not math.isfinite(row.control):
        return -math.inf
    if not math.isfinite(row.remedy):
        return math.inf
    scale = abs(row.control) or 1.0
    return (row.remedy - row.control) / scale


def _leader(rows: Sequence[Row]) -> Row | None:
    helping = [row for row in rows if row.effect is Effect.HELPS]
    return min(helping, key=_rank, default=None)


def _read_budget(budget: str | float) -> float:
    """Return a budget in seconds."""
    if isinstance(budget, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|h)\s*", budget)
        seconds = float(found[1]) * UNITS[found[2]] if found else 0.0
    else:
        seconds = float(budget)
    if not seconds > 0:
        raise ValueError(
            'Argument `budget` must be a time above 0, such as "60s", "5min", "1h" or a number of '
            f"seconds. Received: budget={budget!r}"
        )
    return seconds


def _read_program(
    model: keras.Model, x: Any, y: Any, weight: Any, validation: Any, fit: dict[str, Any]
) -> Program:
    if y is None or not _are_arrays((x, y)):
        raise TypeError(
            "Arguments `x` and `y` must be arrays, or lists, tuples or dictionaries of arrays, "
            f"because each training reads them again. Received: {type(x).__name__} and "
            f"{type(y).__name__}. Load a part of the data into memory."
        )
    taken = sorted({"validation_split", "callbacks", "initial_epoch"} & set(fit))
    if taken:
        raise ValueError(
            f"Arguments of `fit` must not be among {taken}: every training is run from its start, "
            "scored on `validation_data`, and compared without callbacks. Remove them."
        )
    if validation is None:
        (x, y, weight), validation = _hold_out(x, y, weight)
    validation = (*validation, None)[:3]
    return Program(model, x, y, weight, validation, fit)


def _hold_out(x: Any, y: Any, weight: Any) -> tuple[Any, Any]:
    size = len(keras.tree.flatten(x)[0])
    count = int(HELD_OUT * size)
    if count < FEWEST_HELD_OUT:
        raise ValueError(
            f"There must be at least {FEWEST_HELD_OUT} validation examples. Received: {size} "
            f"examples, of which a fifth are {count}. Pass `validation_data`."
        )
    rows = np.random.default_rng(0).permutation(size)
    parts = (x, y, weight)
    return take(parts, rows[count:]), take(parts, rows[:count])


def _are_arrays(parts: Any) -> bool:
    return all(isinstance(leaf, np.ndarray) for leaf in keras.tree.flatten(parts))
