"""The record of one trial, as plain data. Edits, tables and plots read records only."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keras_babysit.search.space import Dimension, Range

COMPLETE, PARTIAL, PRUNED = "complete", "partial", "pruned"
STOPPED, FAILED, RUNNING = "stopped", "failed", "running"


@dataclass(frozen=True)
class Record:
    """Record of one trial.

    Args:
        number: Number of the trial in its study.
        round: Round of the search, counted from 0.
        state: `"complete"`; `"partial"`, if its round asks for fewer folds or epochs than the last
            one; `"pruned"` between folds or epochs; `"stopped"` by a cause; `"failed"` by an
            exception or the death of its workers; or `"running"`.
        params: Values of its hyperparameters, by name.
        space: The declared range or choice of each searched hyperparameter, by name.
        scores: Objective on the validation part of each completed fold, after the epochs that it
            was trained for.
        rung_scores: Mean score at each fidelity that the trial reached, in the order of rounds.
        train_scores: Objective on as many training examples, in inference mode too.
        epochs: Epochs after which the model of each completed fold had the weights that were
            scored.
        seconds: Seconds of the training of each completed fold.
        sign: 1 if a low score is good, -1 if a high score is good.
        cause: Name of the rule whose finding stopped the trial, or would have if `max_stopped` had
            allowed it; `""` if there is none.
        message: Message of that finding, or of the exception.
        step: Optimizer step of that finding.
        findings: Names of the rules that found something that does not stop a trial.
        traits: Traits of the model (see `traits`).
        examples: Number of training examples processed.
        phase: Part of the search in which it ran (see `phases`), counted from 0.
        key: What its random seeds depend on: phase and index of the trial that it continues or
            repeats, and the number of the repetition.
        continues: Number of the trial that it continues; None if it started anew.
        repeats: Number of the trial that it repeats with other seeds; None if it is none.
        metrics: All values of `Model.evaluate` on the validation part of each completed fold, by
            name.
        reruns: Scores of the folds of each repetition with other seeds.
    """

    number: int
    round: int = 0
    state: str = COMPLETE
    params: Mapping[str, Any] = field(default_factory=dict)
    space: Mapping[str, Dimension] = field(default_factory=dict)
    scores: Sequence[float] = ()
    rung_scores: Sequence[float] = ()
    train_scores: Sequence[float] = ()
    epochs: Sequence[int] = ()
    seconds: Sequence[float] = ()
    sign: int = 1
    cause: str = ""
    message: str = ""
    step: int = 0
    findings: Sequence[str] = ()
    traits: Mapping[str, float] = field(default_factory=dict)
    examples: int = 0
    phase: int = 0
    key: tuple[int, int, int] = (0, 0, 0)
    continues: int | None = None
    repeats: int | None = None
    metrics: Mapping[str, Sequence[float]] = field(default_factory=dict)
    reruns: Sequence[Sequence[float]] = ()

    @property
    def score(self) -> float:
        """Mean score of the completed folds; NaN if there is none."""
        return mean(self.scores)

    @property
    def rerun_score(self) -> float:
        """Mean score of the repetitions with other seeds; NaN if there is none."""
        return mean([mean(scores) for scores in self.reruns])

    @property
    def cost(self) -> float:
        """The score, with its sign changed if necessary so that low is good."""
        return self.sign * self.score

    @property
    def gap(self) -> float:
        """How much worse the validation score is than the training score, averaged over folds."""
        return self.sign * (self.score - mean(self.train_scores))

    @property
    def is_finished(self) -> bool:
        """Whether the trial has ended, in whatever state."""
        return self.state != RUNNING

    def position(self, name: str) -> float | None:
        """Return the position of a hyperparameter on its axis; None for a choice or if inactive."""
        dimension = self.space.get(name)
        if name not in self.params or not isinstance(dimension, Range):
            return None
        return dimension.to_axis(self.params[name])


def ranking(records: Iterable[Record]) -> list[Record]:
    """Return the records that have a finite score, best first.

    Complete trials come before others, and among those the ones that reached a higher fidelity: a
    pruned trial was behind the others, and the mean over fewer folds or after fewer epochs is a
    less reliable estimate.
    """
    scored = [r for r in records if _is_scored(r)]
    return sorted(
        scored, key=lambda r: (r.state != COMPLETE, -len(r.rung_scores), r.cost, r.number)
    )


def best(records: Iterable[Record]) -> Record | None:
    """Return the complete trial with the best score of all rounds; None if none is complete."""
    ranked = ranking(r for r in records if r.repeats is None)
    return ranked[0] if ranked and ranked[0].state == COMPLETE else None


def latest(records: Iterable[Record]) -> list[Record]:
    """Return one record per sampled trial: not those that another one continues or repeats."""
    records = list(records)
    continued = {r.continues for r in records if r.state not in (FAILED, RUNNING)}
    return [r for r in records if r.number not in continued and r.repeats is None]


def by_promise(records: Iterable[Record], first_rung: int = 0) -> list[Record]:
    """Return the records that have a finite score, ordered by all that is known about them.

    They are sorted by their score at the lowest fidelity. Then those that reached the next fidelity
    are sorted by their score there, within the places that they hold, and so on. So the scores of
    one fidelity are compared with each other only, and a trial that did not go on keeps its place.
    Records without a score at the first fidelity come last, ordered by the score that they have.

    Args:
        records: The trials.
        first_rung: The lowest fidelity to use. Trials that did not reach it are left out if others
            did.

    Example:
        >>> reached = ([0.1, 0.5], [0.2], [0.3, 0.4])
        >>> trials = [
        ...     Record(number, scores=scores[-1:], rung_scores=scores)
        ...     for number, scores in enumerate(reached)
        ... ]
        >>> [record.number for record in by_promise(trials)]
        [2, 1, 0]
    """
    scored = [r for r in records if _is_scored(r)]
    reached = [r for r in scored if len(r.rung_scores) > first_rung]
    rest = [] if reached and first_rung else [r for r in scored if not r.rung_scores]
    reached.sort(key=lambda r: (r.sign * r.rung_scores[first_rung], r.number))
    for rung in range(first_rung + 1, max((len(r.rung_scores) for r in reached), default=0)):
        places = [place for place, r in enumerate(reached) if len(r.rung_scores) > rung]
        moved = sorted(
            (reached[place] for place in places),
            key=lambda r: (r.sign * r.rung_scores[rung], r.number),
        )
        for place, record in zip(places, moved, strict=True):
            reached[place] = record
    return reached + sorted(rest, key=lambda r: (r.state != COMPLETE, r.cost, r.number))


def _is_scored(record: Record) -> bool:
    return record.state in (COMPLETE, PARTIAL, PRUNED) and math.isfinite(record.cost)


def declared(records: Iterable[Record]) -> dict[str, Dimension]:
    """Return all dimensions of the records by name, as the build function declared them."""
    found: dict[str, Dimension] = {}
    for record in records:
        for name, dimension in record.space.items():
            found.setdefault(name, dimension)
    return found


def mean(values: Sequence[float]) -> float:
    """Return the mean; NaN of an empty sequence."""
    return math.fsum(values) / len(values) if len(values) else math.nan


def standard_deviation(values: Sequence[float]) -> float:
    """Return the population standard deviation; 0 of fewer than two values."""
    if len(values) < 2:
        return 0.0
    center = mean(values)
    return math.sqrt(math.fsum((v - center) ** 2 for v in values) / len(values))
