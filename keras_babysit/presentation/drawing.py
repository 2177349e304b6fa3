"""What the report draws: series and heat maps, thinned to what a screen can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_babysit.findings import Finding
from keras_babysit.history import History
from keras_babysit.presentation.thinning import cells, epochs, line, plain, span, twice_told
from keras_babysit.presentation.wording import group_findings, one_line

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


def data(history: History, findings: list[Finding]) -> dict[str, Any]:
    """Return all that the page draws, as a JSON object."""
    last = max([history.step, 1, *(a.resolved_step or a.step for a in findings)])
    return {
        "last": last,
        "epochs": epochs(history.facts, last),
        "start": plain(history.first("loss/start")),
        "batch": _line(*numbers(history, "loss/batch")),
        "scores": _scores(history),
        "timeline": _timeline(findings),
        "maps": [heat for kind in HEAT_MAPS if (heat := _heat(history, findings, kind, last))],
    }


def _timeline(findings: list[Finding]) -> list[dict[str, Any]]:
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
        for place, group in enumerate(group_findings(findings), 1)
    ]


def _scores(history: History) -> list[dict[str, Any]]:
    names = [q for q in history.quantities() if q.startswith("score/")]
    hidden = twice_told({name: _by_step(history, name) for name in names})
    return [
        {
            "name": one_line(quantity.removeprefix("score/"), 40),
            "lines": [
                {"target": one_line(target, 20)} | _score(history, quantity, target)
                for target in history.targets(quantity)
            ],
        }
        for quantity in names
        if not quantity.endswith("_stderr") and quantity not in hidden
    ]


def _by_step(history: History, quantity: str) -> dict[tuple[int, str], float]:
    return {
        (int(step), target): float(value)
        for target in history.targets(quantity)
        for step, value in zip(*numbers(history, quantity, target), strict=True)
    }


def _score(history: History, quantity: str, target: str) -> dict[str, Any]:
    steps, values = numbers(history, quantity, target)
    margins = dict(zip(*numbers(history, f"{quantity}_stderr", target), strict=True))
    drawn = _line(steps, values)
    return drawn | {"margins": [plain(margins.get(step)) for step in drawn["steps"]]}


def _line(steps: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    kept = line(steps, values, MAX_POINTS)
    return {"steps": steps[kept].tolist(), "values": [plain(v) for v in values[kept]]}


def _heat(
    history: History, findings: list[Finding], kind: HeatMap, last: int
) -> dict[str, Any] | None:
    targets = _rows(history.targets(kind.quantity), {a.target for a in findings})
    series = [(target, *numbers(history, kind.quantity, target)) for target in targets]
    series = [row for row in series if len(row[1])]
    if not series:
        return None
    columns = int(np.clip(MAX_CELLS // len(series), 8, min(MAX_COLUMNS, last + 1)))
    ends = np.linspace(0, last, columns + 1)[1:]
    drawn = [_row(steps, values, ends) for _, steps, values in series]
    low, high = span(np.concatenate([values for values, _ in drawn])) if kind.is_log else (0.0, 1.0)
    return {
        "title": kind.title,
        "isLog": kind.is_log,
        "low": low,
        "high": high,
        "rows": [one_line(target, 80) for target, _, _ in series],
        "cells": [
            [plain(value, 4) if known else None for value, known in zip(*row, strict=True)]
            for row in drawn
        ],
        "omitted": len(history.targets(kind.quantity)) - len(series),
    }


def _row(steps: np.ndarray, values: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    shown, known = cells(steps, values[:, None], np.ones((len(steps), 1), bool), ends)
    return [shown[:, 0], known[:, 0]]


def _rows(targets: list[str], advised: set[str]) -> list[str]:
    """Return at most `MAX_ROWS` targets in their order; those with advice are never left out."""
    if len(targets) <= MAX_ROWS:
        return targets
    first = sorted(targets, key=lambda target: target not in advised)
    kept = set(first[:MAX_ROWS])
    return [target for target in targets if target in kept]
