"""Downsamples series and heat maps to the resolution of a screen, for report and dashboard."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from keras_babysit.facts import RunFacts

Cell = float | str | None
"""A number; `"nan"`, `"inf"` or `"-inf"`; or None if not measured."""


def line(steps: np.ndarray, values: np.ndarray, points: int) -> np.ndarray:
    """Return the indices of at most `points` points that keep the minima and maxima of a line.

    They include the first and the last point, and the first non-finite one.
    """
    kept = np.arange(len(steps))
    if len(steps) <= points:
        return kept
    is_finite = np.isfinite(values)
    low, high = np.where(is_finite, values, np.inf), np.where(is_finite, values, -np.inf)
    pieces = np.array_split(kept, max(1, points // 2 - 2))
    extremes = [(p[low[p].argmin()], p[high[p].argmax()]) for p in pieces]
    lost = np.flatnonzero(~is_finite)[:1]
    return np.unique(np.concatenate([np.ravel(extremes), kept[[0, -1]], lost]))


def cells(
    steps: np.ndarray, values: np.ndarray, known: np.ndarray, ends: np.ndarray, first: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the value of each column of a heat map: the largest of its probes.

    A column without a probe repeats the previous one. Non-finite values take precedence.

    Args:
        steps: Step of each probe, ascending, shape `(probes,)`.
        values: Shape `(probes, rows)`.
        known: Whether the value was measured, same shape.
        ends: Last step of each column, ascending, shape `(columns,)`.
        first: First step of the first column.

    Returns:
        The values and whether they are known, both of shape `(columns, rows)`.
    """
    shape = (len(ends), values.shape[1])
    shown, is_known = np.full(shape, np.nan), np.zeros(shape, bool)
    bounds = np.searchsorted(steps, ends, "right")
    # NaN takes precedence over infinity, then numbers, then not measured.
    level = np.where(np.isnan(values), 3, np.where(np.isinf(values), 2, 1)) * known
    rank = np.where(np.isfinite(values), values, 0.0)
    start = int(np.searchsorted(steps, first))
    if start:
        before = known[:start]
        latest = start - 1 - before[::-1].argmax(0)
        shown[0] = np.take_along_axis(values, latest[None], 0)[0]
        is_known[0] = before.any(0)
    for column, end in enumerate(bounds):
        if column:
            shown[column], is_known[column] = shown[column - 1], is_known[column - 1]
        if end > start:
            part = slice(start, end)
            top = level[part].max(0)
            largest = np.where(level[part] == top, rank[part], -np.inf).argmax(0)
            fresh = top > 0
            found = np.take_along_axis(values[part], largest[None], 0)[0]
            shown[column, fresh], is_known[column, fresh] = found[fresh], True
        start = end
    return shown, is_known


def span(values: np.ndarray) -> tuple[float, float]:
    """Return the range of a logarithmic colour scale, without outliers."""
    found = values[np.isfinite(values) & (values > 0)]
    if not found.size:
        return 1e-3, 1.0
    low, high = np.percentile(found, [2, 98])
    return (float(low), float(high)) if high > 1.5 * low else (float(low) / 2, float(high) * 2)


def plain(value: Any, digits: int = 7) -> Cell:
    """Return a number with `digits` digits for JSON; as a string if it is not finite."""
    if value is None or np.ndim(value) != 0:
        return None
    value = float(value)
    return float(f"{value:.{digits}g}") if np.isfinite(value) else str(value)


def plain_rows(values: np.ndarray, known: np.ndarray, digits: int) -> list[list[Cell]]:
    """Return `plain` of each entry, None if it is not known. Fast for large arrays."""
    text = f"%.{digits}g"
    return [
        [
            None if not is_known else float(text % value) if math.isfinite(value) else str(value)
            for value, is_known in zip(*row, strict=True)
        ]
        for row in zip(values.tolist(), known.tolist(), strict=True)
    ]


def epochs(facts: RunFacts, last: int) -> list[int]:
    """Return the first step of each epoch but the first; empty if there are more than 40."""
    steps = facts.steps_per_epoch
    if steps is None or steps < 1 or last // steps > 40:
        return []
    return list(range(steps, last, steps))


def redundant_scores(scores: dict[str, dict[tuple[int, str], float]]) -> set[str]:
    """Return the scores that repeat another one, such as the error rate next to an accuracy.

    Args:
        scores: Values by step and target, by name of the score.
    """
    error = scores.get("score/error", {})
    for name, values in scores.items():
        common = error.keys() & values.keys() if name != "score/error" else ()
        if common and all(abs(values[at] + error[at] - 1) < 1e-4 for at in common):
            return {"score/error"}
    return set()
