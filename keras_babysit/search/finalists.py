"""The best trials, trained again with other seeds: which one wins, and how clearly."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from keras_babysit.findings import Finding, Severity
from keras_babysit.search.record import COMPLETE, Record, best, latest, mean

if TYPE_CHECKING:
    from keras_babysit.search.objective import Objective

CONFIDENCE = 0.95


def with_reruns(records: Sequence[Record]) -> list[Record]:
    """Return one record per sampled trial, with the scores of its repetitions."""
    repeats: dict[int, list[Record]] = {}
    for record in records:
        if record.repeats is not None and record.is_finished:
            repeats.setdefault(record.repeats, []).append(record)
    return [
        dataclasses.replace(
            record,
            reruns=tuple(tuple(r.scores) for r in repeats[record.number]),
            examples=record.examples + sum(r.examples for r in repeats[record.number]),
        )
        if record.number in repeats
        else record
        for record in latest(records)
    ]


def winner(records: Sequence[Record]) -> Record | None:
    """Return the trial to choose: the finalist with the best mean over its repetitions.

    The score by which a trial became a finalist is left out: it was selected for being good, so
    that it is too good on average. A finalist whose repetitions are not all complete comes last.

    Args:
        records: The trials, from `with_reruns`.

    Returns:
        The trial; the best complete one if none was repeated, None if none is complete.
    """
    ranked = _finalists(records)
    return ranked[0] if ranked else best(records)


def by_metric(records: Sequence[Record], objective: Objective) -> list[Record]:
    """Return the records with another metric as their score, without repetitions."""
    return [
        dataclasses.replace(
            record,
            scores=record.metrics.get(objective.key, ()),
            rung_scores=(),
            sign=objective.sign,
            reruns=(),
        )
        for record in records
    ]


def closeness(records: Sequence[Record], epoch: int = 0) -> list[Finding]:
    """Report whether the winner is better than the runner-up, beyond the spread of seeds.

    The scores of both are compared per fold and repetition. The 95 % interval of the mean
    difference is Student's.

    Args:
        records: The trials, from `with_reruns`.
        epoch: The round that the finding is based on, counted from 0.

    Returns:
        A NOTE; empty if fewer than two trials were repeated completely.
    """
    ranked = [record for record in _finalists(records) if not _is_broken(record)]
    if len(ranked) < 2:
        return []
    first, second = ranked[:2]
    pairs = zip(_flat(first), _flat(second), strict=False)
    differences = [first.sign * (other - one) for one, other in pairs]
    low, high = mean_interval(differences)
    gain = mean(differences)
    names = f"trial {first.number} and trial {second.number}"
    measured = (
        f"trained again {_times(len(first.reruns))} with other seeds, {names} differ by {gain:.3g} "
        f"(95 % interval {low:.3g} to {high:.3g})."
    )
    is_clear = low > 0
    text = "The winner is clear" if is_clear else "The best trials are equally good"
    return [
        Finding(
            rule="winner",
            severity=Severity.NOTE,
            target="",
            message=f"{text}: {measured}",
            evidence={
                "winner": first.number,
                "runner_up": second.number,
                "difference": gain,
                "low": low,
                "high": high,
            },
            reference="Student's t, paired by fold and seed",
            epoch=epoch,
        )
    ]


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the mean by Student's t; infinite with fewer than 2 values.

    Example:
        >>> low, high = mean_interval([1.0, 2.0, 3.0])
        >>> round(low, 2), round(high, 2)
        (-0.48, 4.48)
    """
    from scipy.stats import t

    count = len(values)
    if count < 2:
        return -math.inf, math.inf
    center = mean(values)
    variance = math.fsum((value - center) ** 2 for value in values) / (count - 1)
    half = float(t.ppf((1 + CONFIDENCE) / 2, count - 1)) * math.sqrt(variance / count)
    return center - half, center + half


def _finalists(records: Sequence[Record]) -> list[Record]:
    repeated = [record for record in records if record.reruns and record.state == COMPLETE]
    return sorted(repeated, key=lambda r: (_is_broken(r), r.sign * r.rerun_score, r.cost))


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _is_broken(record: Record) -> bool:
    return any(len(scores) < len(record.scores) for scores in record.reruns)


def _flat(record: Record) -> list[float]:
    return [score for scores in record.reruns for score in scores]
