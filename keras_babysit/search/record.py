"""The record of one trial, as plain data. Edits, tables and plots read records only."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keras_babysit.search.space import Dimension, Range

COMPLETE, PRUNED, STOPPED, FAILED, RUNNING = "complete", "pruned", "stopped", "failed", "running"


@dataclass(frozen=True)
class Record:
    """Record of one trial.

    Args:
        number: Number of the trial in its study.
        round: Round of the search, counted from 0.
        state: `"complete"`; `"pruned"` between folds; `"stopped"` by a cause; `"failed"` by an
            exception or the death of its workers; or `"running"`.
        params: Values of its hyperparameters, by name.
        space: The declared range or choice of each searched hyperparameter, by name.
        scores: Objective on the validation part of each completed fold.
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
    """

    number: int
    round: int = 0
    state: str = COMPLETE
    params: Mapping[str, Any] = field(default_factory=dict)
    space: Mapping[str, Dimension] = field(default_factory=dict)
    scores: Sequence[float] = ()
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

    @property
    def score(self) -> float:
        """Mean score of the completed folds; NaN if there is none."""
        return mean(self.scores)

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

    Complete trials come before pruned ones: a pruned trial was behind the others, and the mean over
    fewer folds is a less reliable estimate.
    """
    scored = [r for r in records if r.state in (COMPLETE, PRUNED) and math.isfinite(r.cost)]
    return sorted(scored, key=lambda r: (r.state != COMPLETE, r.cost, r.number))


def best(records: Iterable[Record]) -> Record | None:
    """Return the complete trial with the best score of all rounds; None if none is complete."""
    ranked = ranking(records)
    return ranked[0] if ranked and ranked[0].state == COMPLETE else None


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
