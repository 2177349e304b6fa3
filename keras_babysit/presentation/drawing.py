"""What the report draws: series and heat maps, thinned to what a screen can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_babysit import quantities
from keras_babysit.findings import Finding, Verdict
from keras_babysit.history import History
from keras_babysit.presentation.thinning import cells, epochs, line, plain, redundant_scores, span
from keras_babysit.presentation.wording import one_line
from keras_babysit.presentation.worst_place import worst_place
from keras_babysit.quantities import Of, Quantity, Scale

REPORT_POINTS = 400
"""Points of one line of the report."""

REPORT_ROWS = 300
REPORT_COLUMNS = 96
REPORT_CELLS = 12_000
"""Of one heat map of the report; with more layers the steps become coarser. Keeps the page under
1 MB."""

HEAT_MAPS = tuple(
    quantities.get(name)
    for name in (
        "activations/dead_fraction",
        "activations/saturated_fraction",
        "activations/std",
        "gradients/norm",
        "updates/ratio",
    )
)
"""What the report draws as layers x steps, and the dashboard offers first."""


@dataclass(frozen=True, slots=True)
class ColourScale:
    """How values become colours: from `low` to `high`, on a logarithmic scale or a linear one."""

    low: float
    high: float
    is_log: bool


def colour_scale(quantity: Quantity, values: np.ndarray) -> ColourScale:
    """Return how the values of a quantity become colours; outliers do not stretch the scale.

    Args:
        quantity: The quantity. One that is not defined, of a foreign recording, is judged by its
            name and its values.
        values: All that is drawn; what is not finite does not count.

    Example:
        >>> colour_scale(quantities.get("activations/dead_fraction"), np.array([0.2, 0.4]))
        ColourScale(low=0.0, high=1.0, is_log=False)
    """
    values = values[np.isfinite(values)]
    scale = quantity.scale if quantity.of is not Of.UNKNOWN else _guessed(quantity, values)
    if scale == Scale.LOG:
        return ColourScale(*span(values), True)
    if scale == Scale.FRACTION or not values.size:
        return ColourScale(0.0, 1.0, False)
    low, high = (float(edge) for edge in np.percentile(values, [1, 99]))
    return ColourScale(*((low, high) if high > low else (low - 0.5, low + 0.5)), False)


def _guessed(quantity: Quantity, values: np.ndarray) -> Scale:
    """Return the scale of what is not defined: by its name, or whether it spans a factor of 30."""
    if quantity.name.endswith(("_fraction", "_share")):
        return Scale.FRACTION
    positive = values[values > 0]
    is_wide = positive.size and values.min() >= 0 and positive.max() / positive.min() > 30
    return Scale.LOG if is_wide else Scale.LINEAR


Numbers = tuple[np.ndarray, np.ndarray]


def numbers(history: History, quantity: str, target: str = "") -> Numbers:
    """Return steps and values of one series; what is no number is left out."""
    points = [m for m in history.points(quantity, target) if np.ndim(m.value) == 0]
    steps = np.array([m.step for m in points], np.int64)
    return steps, np.array([m.value for m in points], np.float64)


SPARK_POINTS = 120
"""Points of the small chart of a notebook."""


def recent_losses(history: History) -> list[float]:
    """Return at most `SPARK_POINTS` losses of the run, of batches or else of epochs."""
    for quantity in ("loss/batch", "logs/loss"):
        values = [float(value) for value in numbers(history, quantity)[1]]
        if len(values) > 1:
            every = -(-len(values) // SPARK_POINTS)
            return values[(len(values) - 1) % every :: every]
    return []


def data(history: History, verdict: Verdict) -> dict[str, Any]:
    """Return all that the page draws, as a JSON object.

    Args:
        history: What was measured.
        verdict: The verdict on the run.
    """
    findings = [one for group in verdict.moments() for one in group]
    last = max([history.step, 1, *(a.resolved_step or a.step for a in findings)])
    return {
        "last": last,
        "epochs": epochs(history.facts, last),
        "start": plain(history.first("loss/start")),
        "batch": _line(*numbers(history, "loss/batch")),
        "scores": _scores(history),
        "timeline": _timeline(verdict),
        "maps": [heat for kind in HEAT_MAPS if (heat := _heat(history, findings, kind, last))],
        "worst": _worst(history, verdict),
    }


def _worst(history: History, verdict: Verdict) -> int:
    """Return the number of the heat map that shows the worst finding."""
    drawn = [kind.name for kind in HEAT_MAPS if history.targets(kind.name)]
    found = worst_place(verdict, {name: history.targets(name) for name in drawn})
    return drawn.index(found[0]) if found else 0


def _timeline(verdict: Verdict) -> list[dict[str, Any]]:
    """Return a bar per episode; each links to the block of its root cause."""
    return [
        {
            "rule": one_line(group.title, 40),
            "severity": some[0].severity.name,
            "layers": len(some),
            "target": one_line(some[0].target, 80),
            "from": some[0].step,
            "to": max(a.resolved_step or 0 for a in some) if not some[0].is_open else None,
            "anchor": f"finding-{number}",
        }
        for number, cause in enumerate(verdict.causes, 1)
        for group in cause.groups
        for some in group.moments()
    ]


def _scores(history: History) -> list[dict[str, Any]]:
    names = [q for q in history.quantities() if q.startswith("score/")]
    hidden = redundant_scores({name: _by_step(history, name) for name in names})
    return [
        {
            "name": one_line(quantity.removeprefix("score/"), 40),
            "title": one_line(quantities.get(quantity).heading, 60),
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
    kept = line(steps, values, REPORT_POINTS)
    return {"steps": steps[kept].tolist(), "values": [plain(v) for v in values[kept]]}


def _heat(
    history: History, findings: list[Finding], quantity: Quantity, last: int
) -> dict[str, Any] | None:
    measured = history.targets(quantity.name)
    targets = _rows(measured, {a.target for a in findings})
    series = [(target, *numbers(history, quantity.name, target)) for target in targets]
    series = [row for row in series if len(row[1])]
    if not series:
        return None
    columns = int(np.clip(REPORT_CELLS // len(series), 8, min(REPORT_COLUMNS, last + 1)))
    ends = np.linspace(0, last, columns + 1)[1:]
    drawn = [_row(steps, values, ends) for _, steps, values in series]
    colours = colour_scale(quantity, np.concatenate([values for values, _ in drawn]))
    return {
        "title": quantity.heading,
        "isLog": colours.is_log,
        "low": colours.low,
        "high": colours.high,
        "rows": [one_line(target, 80) for target, _, _ in series],
        "cells": [
            [plain(value, 4) if known else None for value, known in zip(*row, strict=True)]
            for row in drawn
        ],
        "omitted": len(measured) - len(series),
    }


def _row(steps: np.ndarray, values: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    shown, known = cells(steps, values[:, None], np.ones((len(steps), 1), bool), ends)
    return [shown[:, 0], known[:, 0]]


def _rows(targets: list[str], with_findings: set[str]) -> list[str]:
    """Return at most `REPORT_ROWS` targets in their order, those with findings among them."""
    if len(targets) <= REPORT_ROWS:
        return targets
    first = sorted(targets, key=lambda target: target not in with_findings)
    kept = set(first[:REPORT_ROWS])
    return [target for target in targets if target in kept]
