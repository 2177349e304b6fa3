"""One quantity as layers x steps, downsampled to what a screen can show."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_babysit.dashboard import quantities
from keras_babysit.dashboard.bounds import MAX_CELLS, MAX_COLUMNS, MAX_NAME, MAX_ROWS
from keras_babysit.dashboard.run_log import RunLog
from keras_babysit.presentation.drawing import colour_scale
from keras_babysit.presentation.thinning import cells, plain, plain_rows
from keras_babysit.presentation.wording import name
from keras_babysit.presentation.worst_place import worst_place
from keras_babysit.quantities import describe


def heat_map(log: RunLog, quantity: str, window: tuple[int, int] | None) -> dict[str, Any]:
    """Return a heat map as a JSON object; layers with findings are never left out.

    Args:
        log: What the run brought.
        quantity: Name of the quantity; `""` takes that of the worst finding, or the first one.
        window: Steps to draw; None draws all.

    Returns:
        The map; without rows if the run has no such quantity.
    """
    offered = quantities.of_layers(log)
    quantity = quantity or _worst(log, offered) or next(iter(offered), "")
    if quantity not in offered:
        return {"quantity": quantity, "rows": [], "cells": []}
    ids = offered[quantity]
    findings = {
        one.target: one for one in sorted(log.findings(), key=lambda a: (a.is_open, a.severity))
    }
    shown = _rows(log, ids, set(findings))
    table = log.table(shown)
    first, last = window or (0, max(log.step, 1))
    columns = int(np.clip(MAX_CELLS // len(shown), 8, MAX_COLUMNS))
    columns = min(columns, last - first + 1)
    ends = np.linspace(first - 1, last, columns + 1)[1:].round()
    values, known = cells(table.steps, table.values, table.known, ends, first)
    known[1:] &= (ends[:-1] < log.step)[:, None]  # nothing is drawn after the run's latest step
    colours = colour_scale(describe(quantity), table.values[table.known])
    return {
        "quantity": quantity,
        "title": quantities.title(quantity),
        "isLog": colours.is_log,
        "low": plain(colours.low, 4),
        "high": plain(colours.high, 4),
        "ends": ends.astype(int).tolist(),
        "first": first,
        "rows": [
            {"id": series, "name": name(log.names[series][1], MAX_NAME)}
            | _mark(log, series, findings)
            for series in shown
        ],
        "cells": plain_rows(values.T, known.T, 3),
        "omitted": len(ids) - len(shown),
    }


def _worst(log: RunLog, offered: dict[str, list[int]]) -> str:
    """Return the quantity that shows the worst finding; `""` if none does."""
    measured = {name: [log.names[one][1] for one in ids] for name, ids in offered.items()}
    place = worst_place(log.verdict(), measured)
    return place[0] if place else ""


def _rows(log: RunLog, ids: list[int], with_findings: set[str]) -> list[int]:
    """Return at most `MAX_ROWS` series in their order, those with findings before all others."""
    if len(ids) <= MAX_ROWS:
        return ids
    first = sorted(ids, key=lambda series: not _names(log, series) & with_findings)
    kept = set(first[:MAX_ROWS])
    return [series for series in ids if series in kept]


def _mark(log: RunLog, series: int, findings: dict[str, Any]) -> dict[str, str]:
    """Return the severity of the worst open finding on a row, if there is any."""
    found = [findings[n] for n in _names(log, series) if n in findings and findings[n].is_open]
    return {"mark": max(found, key=lambda a: a.severity).severity.name.lower()} if found else {}


def _names(log: RunLog, series: int) -> set[str]:
    target = log.names[series][1]
    return {target, quantities.layer_of(log, target)}
