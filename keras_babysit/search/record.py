"""What is known of one trial, as plain data; everything that judges a search judges records."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keras_babysit.search.space import Dimension, Range

COMPLETE, PRUNED, STOPPED, FAILED, RUNNING = "complete", "pruned", "stopped", "failed", "running"


@dataclass(frozen=True)
class Record:
    """One trial.

    Args:
        number: Number of the trial in its study.
        round: Round of the search, counted from 0.
        state: `"complete"`; `"pruned"` between folds; `"stopped"` by a cause; `"failed"` by an
            exception or the death of its workers; or `"running"`.
        params: The values of its hyperparameters.
        space: The declared range or choice of each that was searched.
        scores: The objective on the validation part of each fold that was run.
        train_scores: The same on as many training examples, in the same mode.
        sign: 1 if a low score is good, -1 if a high one is.
        cause: Name of the rule by whose finding it was, or would have been, stopped; or `""`.
        message: The finding in words.
        step: Optimizer step of it.
        findings: Names of the rules that found something that does not stop a trial.
        traits: Numbers of the model that tell what a hyperparameter does (see `traits`).
        examples: Training examples that it has been shown.
    """

    number: int
    round: int = 0
    state: str = COMPLETE
    params: Mapping[str, Any] = field(default_factory=dict)
    space: Mapping[str, Dimension] = field(default_factory=dict)
    scores: Sequence[float] = ()
    train_scores: Sequence[float] = ()
    sign: int = 1
    cause: str = ""
    message: str = ""
    step: int = 0
    findings: Sequence[str] = ()
    traits: Mapping[str, float] = field(default_factory=dict)
    examples: int = 0

    @property
    def score(self) -> float:
        """Mean score over the folds that were run; NaN if none was."""
        return mean(self.scores)

    @property
    def cost(self) -> float:
        """The score so that low is good."""
        return self.sign * self.score

    @property
    def gap(self) -> float:
        """How much worse the validation score is than the training score, mean over the folds."""
        return self.sign * (self.score - mean(self.train_scores))

    @property
    def is_over(self) -> bool:
        """Whether nothing more will become known of it."""
        return self.state != RUNNING

    def place(self, name: str) -> float | None:
        """Return where the value of a hyperparameter lies on its axis; None if it has none."""
        dimension = self.space.get(name)
        if name not in self.params or not isinstance(dimension, Range):
            return None
        return dimension.to_axis(self.params[name])


def ranking(records: Iterable[Record]) -> list[Record]:
    """Return the records that have a score, the best first.

    A complete trial comes before one that was pruned: a mean over fewer folds is a worse estimate,
    and it was pruned for being behind.
    """
    scored = [r for r in records if r.state in (COMPLETE, PRUNED) and math.isfinite(r.cost)]
    return sorted(scored, key=lambda r: (r.state != COMPLETE, r.cost, r.number))


def best(records: Iterable[Record]) -> Record | None:
    """Return the complete trial with the best score over all rounds, None if none is complete."""
    ranked = ranking(records)
    return ranked[0] if ranked and ranked[0].state == COMPLETE else None


def declared(records: Iterable[Record]) -> dict[str, Dimension]:
    """Return every dimension that a trial met, as the build function declared it."""
    found: dict[str, Dimension] = {}
    for record in records:
        for name, dimension in record.space.items():
            found.setdefault(name, dimension)
    return found


def mean(values: Sequence[float]) -> float:
    """Return the mean, NaN of nothing."""
    return math.fsum(values) / len(values) if len(values) else math.nan


def deviation(values: Sequence[float]) -> float:
    """Return the standard deviation over the folds, 0 of fewer than two."""
    if len(values) < 2:
        return 0.0
    center = mean(values)
    return math.sqrt(math.fsum((v - center) ** 2 for v in values) / len(values))
