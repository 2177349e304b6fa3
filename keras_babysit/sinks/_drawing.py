"""What the report draws: series and heat maps, thinned to what a screen can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_babysit.advice import Advice
from keras_babysit.history import History
from keras_babysit.sinks._wording import one_line, outbreaks

MAX_POINTS = 400
MAX_ROWS = 300
MAX_COLUMNS = 96
MAX_CELLS = 12_000
"""Cells of one heat map; with more layers the steps become coarser. Keeps the page under 1 MB."""


@dataclass(frozen=True)
class HeatMap:
    """A quantity drawn as layers x steps.

    Args:
        quantity: Name of the quantity.
        title: The same in words.
        is_log: Whether the colours follow the logarithm; otherwise they span [0, 1].
    """

    quantity: str
    title: str
    is_log: bool


HEAT_MAPS = (
    HeatMap("activations/dead_fraction", "Dead units, share of the layer", False),
    HeatMap("activations/saturated_fraction", "Saturated units, share of the layer", False),
    HeatMap("activations/std", "Activation, standard deviation", True),
    HeatMap("gradients/norm", "Gradient, norm", True),
    HeatMap("updates/ratio", "Update of one step, relative to the weight", True),
)

Numbers = tuple[np.ndarray, np.ndarray]


def numbers(history: History, quantity: str, target: str = "") -> Numbers:
    """Return steps and values of one series; what is no number is left out."""
    points = [m for m in history.points(quantity, target) if np.ndim(m.value) == 0]
    steps = np.array([m.step for m in points], np.int64)
    return steps, np.array([m.value for m in points], np.float64)


def data(history: History, advice: list[Advice]) -> dict[str, Any]:
    """Return all that the page draws, as a JSON object."""
    last = max([history.step, 1, *(a.resolved_step or a.step for a in advice)])
    return {
        "last": last,
        "epochs": _epochs(history, last),
        "start": _plain(history.first("loss/start")),
        "batch": _line(*numbers(history, "loss/batch")),
        "scores": _scores(history),
        "timeline": _timeline(advice),
        "maps": [heat for kind in HEAT_MAPS if (heat := _heat(history, advice, kind, last))],
    }


def _timeline(advice: list[Advice]) -> list[dict[str, Any]]:
    return [
        {
            "rule": one_line(group[0].rule, 40),
            "severity": group[0].severity.name,
            "layers": len(group),
            "target": one_line(group[0].target, 80),
            "from": group[0].step,
            "to": max(a.resolved_step or 0 for a in group) if not group[0].is_open else None,
            "anchor": f"advice-{place}",
        }
        for place, group in enumerate(outbreaks(advice), 1)
    ]


def _epochs(history: History, last: int) -> list[int]:
    """Return the steps at which epochs started, the first left out; empty if there are many."""
    steps = history.facts.get("steps_per_epoch")
    if not isinstance(steps, int) or steps < 1 or last // steps > 40:
        return []
    return list(range(steps, last, steps))


def _scores(history: History) -> list[dict[str, Any]]:
    names = [q for q in history.quantities() if q.startswith("score/")]
    return [
        {
            "name": one_line(quantity.removeprefix("score/"), 40),
            "lines": [
                {"target": one_line(target, 20)} | _score(history, quantity, target)
                for target in history.targets(quantity)
            ],
        }
        for quantity in names
        if not quantity.endswith("_stderr")
    ]


def _score(history: History, quantity: str, target: str) -> dict[str, Any]:
    steps, values = numbers(history, quantity, target)
    margins = dict(zip(*numbers(history, f"{quantity}_stderr", target), strict=True))
    line = _line(steps, values)
    return line | {"margins": [_plain(margins.get(step)) for step in line["steps"]]}


def _line(steps: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    """Return a line of at most `MAX_POINTS` points that keeps the lows and the peaks."""
    kept = np.arange(len(steps))
    if len(steps) > MAX_POINTS:
        finite = np.where(np.isfinite(values), values, np.inf)
        pieces = np.array_split(kept, MAX_POINTS // 2)
        extremes = [(p[finite[p].argmin()], p[finite[p].argmax()]) for p in pieces]
        kept = np.unique(extremes)
    return {"steps": steps[kept].tolist(), "values": [_plain(v) for v in values[kept]]}


def _heat(
    history: History, advice: list[Advice], kind: HeatMap, last: int
) -> dict[str, Any] | None:
    targets = _rows(history.targets(kind.quantity), {a.target for a in advice})
    series = [(target, *numbers(history, kind.quantity, target)) for target in targets]
    series = [row for row in series if len(row[1])]
    if not series:
        return None
    columns = int(np.clip(MAX_CELLS // len(series), 8, min(MAX_COLUMNS, last + 1)))
    ends = np.linspace(0, last, columns + 1)[1:]
    cells = [_held(steps, values, ends) for _, steps, values in series]
    low, high = _span(cells) if kind.is_log else (0.0, 1.0)
    return {
        "title": kind.title,
        "isLog": kind.is_log,
        "low": low,
        "high": high,
        "rows": [one_line(target, 80) for target, _, _ in series],
        "cells": [[_plain(value, 4) for value in row] for row in cells],
        "omitted": len(history.targets(kind.quantity)) - len(series),
    }


def _rows(targets: list[str], advised: set[str]) -> list[str]:
    """Return at most `MAX_ROWS` targets in their order; those with advice are never left out."""
    if len(targets) <= MAX_ROWS:
        return targets
    first = sorted(targets, key=lambda target: target not in advised)
    kept = set(first[:MAX_ROWS])
    return [target for target in targets if target in kept]


def _held(steps: np.ndarray, values: np.ndarray, ends: np.ndarray) -> list[float | None]:
    """Return the value at the end of each column: the latest that was measured until then."""
    places = np.searchsorted(steps, ends, "right") - 1
    return [None if place < 0 else values[place] for place in places]


def _span(cells: list[list[float | None]]) -> tuple[float, float]:
    """Return where the colours of a logarithmic map begin and end; outliers do not stretch it."""
    known = [value for row in cells for value in row if value is not None]
    found = np.array([value for value in known if np.isfinite(value) and value > 0])
    if not found.size:
        return 1e-3, 1.0
    low, high = np.percentile(found, [2, 98])
    return (float(low), float(high)) if high > 1.5 * low else (float(low) / 2, float(high) * 2)


def _plain(value: Any, digits: int = 7) -> float | str | None:
    """Return a number as the page needs it: short, and a string where it is not finite."""
    if value is None or np.ndim(value) != 0:
        return None
    value = float(value)
    return float(f"{value:.{digits}g}") if np.isfinite(value) else str(value)
