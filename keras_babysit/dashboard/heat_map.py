"""One quantity as layers x steps, downsampled to what a screen can show."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_babysit.dashboard import quantities
from keras_babysit.dashboard.bounds import MAX_CELLS, MAX_COLUMNS, MAX_NAME, MAX_ROWS
from keras_babysit.dashboard.run_log import RunLog
from keras_babysit.presentation.thinning import cells, plain, plain_rows
from keras_babysit.presentation.wording import name


def heat_map(log: RunLog, quantity: str, window: tuple[int, int] | None) -> dict[str, Any]:
    """Return a heat map as a JSON object; layers with advice are never left out.

    Args:
        log: What the run brought.
        quantity: Name of the quantity; `""` takes the first that there is.
        window: Steps to draw; None draws all.

    Returns:
        The map; without rows if the run has no such quantity.
    """
    offered = quantities.of_layers(log)
    quantity = quantity or next(iter(offered), "")
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
    scale = quantities.scale(quantity, table)
    return {
        "quantity": quantity,
        "title": quantities.title(quantity),
        "isLog": scale.is_log,
        "low": plain(scale.low, 4),
        "high": plain(scale.high, 4),
        "ends": ends.astype(int).tolist(),
        "first": first,
        "rows": [
            {"id": place, "name": name(log.names[place][1], MAX_NAME)} | _mark(log, place, findings)
            for place in shown
        ],
        "cells": plain_rows(values.T, known.T, 3),
        "omitted": len(ids) - len(shown),
    }


def _rows(log: RunLog, ids: list[int], advised: set[str]) -> list[int]:
    """Return at most `MAX_ROWS` series in their order, those with advice before all others."""
    if len(ids) <= MAX_ROWS:
        return ids
    first = sorted(ids, key=lambda place: not _names(log, place) & advised)
    kept = set(first[:MAX_ROWS])
    return [place for place in ids if place in kept]


def _mark(log: RunLog, place: int, findings: dict[str, Any]) -> dict[str, str]:
    """Return the severity of the worst open advice on a row, if there is any."""
    found = [findings[n] for n in _names(log, place) if n in findings and findings[n].is_open]
    return {"mark": max(found, key=lambda a: a.severity).severity.name.lower()} if found else {}


def _names(log: RunLog, place: int) -> set[str]:
    target = log.names[place][1]
    return {target, quantities.layer_of(log, target)}
