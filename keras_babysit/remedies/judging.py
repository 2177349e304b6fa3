"""From the scores of control and remedy to a row of the table."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_babysit.interval import Interval, paired_interval
from keras_babysit.remedies.change import Change
from keras_babysit.remedies.program import Program
from keras_babysit.remedies.scoring import Score
from keras_babysit.remedies.trial import Effect, Row

SAME = 0.05
"""Change of the score, as a fraction of the control's, up to which two trainings count as equal."""

ONE_SEED = "judged by the spread of the other remedies."


@dataclass(frozen=True)
class Pair:
    """Scores of control and remedy of one replicate."""

    control: Score
    remedy: Score

    @property
    def sign(self) -> float:
        """-1 if the remedy has the lower loss, 1 if it has the higher one; 0 if not known."""
        difference = float(np.mean(self.remedy.loss) - np.mean(self.control.loss))
        return 0.0 if math.isnan(difference) else float(np.sign(difference))


def disagree(pairs: Sequence[Pair], others: Sequence[Pair]) -> bool:
    """Return whether most replicates of the one have the opposite sign of most of the other."""
    return sum(one.sign for one in pairs) * sum(one.sign for one in others) < 0


def apply_all(changes: Sequence[Change], program: Program) -> Program:
    """Return the program with several changes, in their order."""
    for change in changes:
        program = change.apply(program)
    return program


def judge(
    changes: tuple[Change, ...],
    pairs: Sequence[Pair],
    program: Program,
    seconds: float,
    on: tuple[Change, ...] = (),
) -> Row:
    """Return the row of a remedy from its replicates.

    Args:
        changes: The changes.
        pairs: The replicates.
        program: The program.
        seconds: Seconds of its trainings.
        on: The changes of the control.
    """
    have_loss = all(apply_all(one, program).is_scored_by_loss for one in (changes, on))
    measure = "loss" if have_loss else "error"
    control = [_values(pair.control, measure) for pair in pairs]
    remedy = [_values(pair.remedy, measure) for pair in pairs]

    def row(effect: Effect, **more: Any) -> Row:
        known = {"measure": measure, "seeds": len(pairs), "seconds": seconds}
        return Row(changes, effect, **{**known, **more})

    if any(values is None for values in (*control, *remedy)):
        return row(Effect.UNDECIDED, reason="its scores cannot be compared.")
    before, after = np.array(control, float), np.array(remedy, float)
    scores = {"control": float(before.mean()), "remedy": float(after.mean())}
    lost_before, lost_after = (~np.isfinite(v).all(axis=1) for v in (before, after))
    if lost_before.any() or lost_after.any():
        return row(_effect_of_losses(lost_before, lost_after), **scores)
    ratio, difference = ratio_interval(before, after), paired_interval(after - before)
    effect = _effect(difference, SAME * abs(scores["control"]))
    if ratio is not None:
        logs = Interval(*map(_log, (ratio.mean, ratio.low, ratio.high)))
        effect = _effect(logs, math.log1p(SAME))
    return row(effect, difference=difference, ratio=ratio, **scores)


def ratio_interval(before: NDArray[np.float64], after: NDArray[np.float64]) -> Interval | None:
    """Return the ratio of the scores, remedy to control, with its 95 % interval.

    A training that fails may end with ten times the loss of the next one: the spread of losses
    grows with their size, so that ratios are compared. The mean is the geometric one over
    replicates. To first order the ratio of two means of examples changes by the relative
    deviations of both, so that examples count as in `paired_interval`.

    Args:
        before: Scores of the control, `(replicates, examples)`.
        after: Scores of the remedy on the same examples.

    Returns:
        The ratio, below 1 if the remedy is better; None unless all means are above 0.

    Example:
        >>> before, after = np.array([[1.0, 3.0], [9.0, 11.0]]), np.array([[0.5, 0.5], [2.0, 3.0]])
        >>> round(ratio_interval(before, after).mean, 2)
        0.25
    """
    old, new = before.mean(axis=1, keepdims=True), after.mean(axis=1, keepdims=True)
    if not ((old > 0).all() and (new > 0).all()):
        return None
    found = paired_interval(np.log(new / old) + after / new - before / old)
    with np.errstate(over="ignore"):  # of one or two replicates the interval has no end
        return Interval(*(float(np.exp(one)) for one in (found.mean, found.low, found.high)))


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def rank(row: Row) -> float:
    """Return by how much the score changed, relative to the control's: lower if it is better."""
    if math.isfinite(row.remedy) and not math.isfinite(row.control):
        return -math.inf
    if not math.isfinite(row.remedy):
        return math.inf
    if row.ratio is not None:
        return row.ratio.mean - 1
    scale = abs(row.control) or 1.0
    return (row.remedy - row.control) / scale


def leader(rows: Sequence[Row]) -> Row | None:
    """Return the row that helps most, None if none does."""
    helping = [row for row in rows if row.effect is Effect.HELPS]
    return min(helping, key=rank, default=None)


def judge_single(row: Row, others: Sequence[Row]) -> Row:
    """Return the row of a single replicate, judged by the spread of the replicates of others.

    Nothing is known of its own spread. It is taken to be the largest one of the rows that have
    replicates, of which R differ by a half width h of their interval: that of one is sqrt(R) h.

    Args:
        row: A row. One with several replicates, or with another reason than their number to be
            undecided, is returned as it is.
        others: The rows of the same trial.
    """
    if row.seeds != 1 or row.effect is not Effect.UNDECIDED or row.reason or row.ratio is None:
        return row
    spreads = [
        math.sqrt(one.seeds) * (_log(one.ratio.high) - _log(one.ratio.low)) / 2
        for one in others
        if one.seeds > 2 and one.ratio is not None
    ]
    if not spreads:
        return row
    middle, half = _log(row.ratio.mean), max(spreads)
    effect = _effect(Interval(middle, middle - half, middle + half), math.log1p(SAME))
    if effect is Effect.UNDECIDED:
        return row
    ratio = Interval(row.ratio.mean, *(math.exp(middle + one) for one in (-half, half)))
    return dataclasses.replace(row, effect=effect, ratio=ratio, difference=None, reason=ONE_SEED)


def _values(score: Score, measure: str) -> Any:
    return score.loss if measure == "loss" else score.error


def _effect(change: Interval, near: float) -> Effect:
    """Return the effect of a change that is below 0 if the remedy helps.

    Args:
        change: The change with its interval.
        near: The largest change of two trainings that count as equal.
    """
    if -near <= change.low and change.high <= near:
        return Effect.NO_DIFFERENCE
    if change.high < 0:
        return Effect.HELPS
    return Effect.HARMS if change.low > 0 else Effect.UNDECIDED


def _effect_of_losses(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> Effect:
    """Return the effect where scores are not finite: in all replicates, or it is undecided."""
    if len(before) > 1 and before.all() and not after.any():
        return Effect.HELPS
    if len(before) > 1 and after.all() and not before.any():
        return Effect.HARMS
    return Effect.UNDECIDED
