"""The view of a layer: units at a step, series of the layer and its weights, and findings."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_babysit.dashboard import findings_view, quantities
from keras_babysit.dashboard.bounds import MAX_FINDING_BYTES, MAX_NAME, MAX_SERIES, MAX_UNITS
from keras_babysit.dashboard.run_log import RunLog
from keras_babysit.facts import LayerFacts
from keras_babysit.findings import verdict_on
from keras_babysit.presentation.thinning import line, plain
from keras_babysit.presentation.verdict_view import CauseView, view
from keras_babysit.presentation.wording import name, number
from keras_babysit.quantities import Of, Scale, describe

LAYER_POINTS = 160
"""Maximum number of points of each small chart of a layer."""

LAYER_FACTS = {
    "class_name": "layer",
    "activation": "activation",
    "units": "units",
    "parameters": "parameters",
}


def layer_view(log: RunLog, series: int, step: int) -> dict[str, Any]:
    """Return a layer as a JSON object.

    Args:
        log: The records of the run.
        series: Id of any series of the layer.
        step: Step at which units are shown.

    Raises:
        IndexError: If there is no such series.
    """
    if series < 0:
        raise IndexError(f"The id must not be negative. Received: {series}")
    layer = quantities.layer_of(log, log.names[series][1])
    ids = [p for p, (_, target) in enumerate(log.names) if _belongs(log, target, layer)]
    targets = {log.names[p][1] for p in ids} | {layer}
    facts = log.facts.layers.get(layer, LayerFacts())
    return {
        "id": series,
        "layer": name(layer, MAX_NAME),
        "step": step,
        "facts": [
            [heading, number(known)]
            for key, heading in LAYER_FACTS.items()
            if (known := getattr(facts, key))
        ],
        "units": [units for p in _vectors(log, ids) if (units := _units(log, p, step))][:6],
        "series": _series(log, _numbers(log, ids)[:MAX_SERIES]),
        "findings": findings_view.cards(_causes(log, targets), MAX_FINDING_BYTES // 2),
    }


def _causes(log: RunLog, targets: set[str]) -> tuple[CauseView, ...]:
    """Return what was found about a layer and its weights."""
    found = [one for one in log.findings() if one.target in targets]
    return view(verdict_on(found, log.facts, log.quantities(), not_checked=())).causes


def _belongs(log: RunLog, target: str, layer: str) -> bool:
    return bool(target) and quantities.layer_of(log, target) == layer


def _vectors(log: RunLog, ids: list[int]) -> list[int]:
    found = [series for series in ids if log.vectors(series)]
    return sorted(found, key=lambda series: not describe(log.names[series][0]).has_histogram)


def _numbers(log: RunLog, ids: list[int]) -> list[int]:
    """Return the series of scalars, in the order in which the heat map offers the quantities."""
    order = {quantity: rank for rank, quantity in enumerate(quantities.of_layers(log))}
    found = [series for series in ids if not log.vectors(series) and log.names[series][0] in order]
    return sorted(found, key=lambda series: order[log.names[series][0]])


def _units(log: RunLog, series: int, step: int) -> dict[str, Any] | None:
    """Return the latest vector at or before a step; the first one if there is none."""
    vectors = log.vectors(series)
    at, values = next(((s, v) for s, v in reversed(vectors) if s <= step), vectors[0])
    every = max(1, -(-len(values) // MAX_UNITS))
    return {
        "quantity": log.names[series][0],
        "title": quantities.title(log.names[series][0]),
        "step": at,
        "count": len(values),
        "every": every,
        "zeros": int((values == 0).sum()),
        "values": [plain(value, 3) for value in values[::every]],
    }


def _series(log: RunLog, ids: list[int]) -> list[dict[str, Any]]:
    by_group: dict[str, list[int]] = {}
    for series in ids:
        by_group.setdefault(log.names[series][0].partition("/")[0], []).append(series)
    drawn: dict[int, dict[str, Any]] = {}
    for members in by_group.values():
        table = log.table(members)
        drawn |= {p: _line(log, p, *table.series(column)) for column, p in enumerate(members)}
    return [drawn[series] for series in ids if drawn[series]["steps"]]


def _line(log: RunLog, series: int, steps: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    kept = line(steps, values, LAYER_POINTS)
    quantity, target = log.names[series]
    return {
        "id": series,
        "title": quantities.title(quantity),
        "target": name(target, MAX_NAME),
        "isLog": _is_log(quantity, values),
        "steps": steps[kept].tolist(),
        "values": [plain(value, 4) for value in values[kept]],
    }


def _is_log(quantity: str, values: np.ndarray) -> bool:
    """Return whether a line needs a logarithmic scale, and its values allow one."""
    if describe(quantity).of is not Of.UNKNOWN and describe(quantity).scale != Scale.LOG:
        return False
    found = values[np.isfinite(values)]
    return bool(found.size and found.min() > 0 and found.max() / found.min() > 30)
