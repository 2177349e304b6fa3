"""The view of a run: verdict, training curves, findings and available quantities."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_babysit.dashboard import findings_view, quantities
from keras_babysit.dashboard.bounds import MAX_CHARTS, MAX_POINTS
from keras_babysit.dashboard.library import Run
from keras_babysit.dashboard.run_list import brief
from keras_babysit.dashboard.run_log import RunLog
from keras_babysit.findings import Verdict
from keras_babysit.presentation.thinning import epochs, line, plain, redundant_scores
from keras_babysit.presentation.verdict_view import view
from keras_babysit.presentation.wording import one_line
from keras_babysit.presentation.worst_place import worst_place

Window = tuple[int, int]
"""First and last step of the visible range."""


def overview(run: Run, window: Window | None) -> dict[str, Any]:
    """Return everything about a run except its layers, as a JSON object.

    Args:
        run: The run.
        window: Steps to draw; None draws all.
    """
    log = run.log
    found = log.verdict()
    shown = view(found)
    findings = log.findings()
    last = max([log.step, 1, *(one.resolved_step or one.step for one in findings)])
    head = log.report(only=("loss", "logs", "score"))
    return brief(run) | {
        "id": run.found.id,
        "name": one_line(run.found.name, 200),
        "problem": one_line(run.problem),
        "verdict": findings_view.verdict(shown),
        "counts": head.result() if findings else "",
        "isWell": head.is_well,
        "summary": [one_line(text) for text in head.summary()],
        "last": last,
        "window": list(window or (0, last)),
        "clock": [list(pair) for pair in _thinned(log.clock)],
        "epochs": epochs(log.facts, last),
        "charts": charts(log, window or (0, last)),
        "bars": findings_view.bars(log, found, shown),
        "quantities": [
            {"name": one_line(quantity, 80), "title": quantities.title(quantity)}
            for quantity in list(quantities.of_layers(log))[:60]
        ],
        "opensOn": _worst(log, found),
    }


def _thinned(clock: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return at most `MAX_POINTS` readings of the clock, the first and the last among them."""
    every = -(-len(clock) // MAX_POINTS) or 1
    return [*clock[:-1:every], *clock[-1:]]


def _worst(log: RunLog, found: Verdict) -> dict[str, Any] | None:
    """Return the quantity and the layer of the worst finding; None if no heat map shows it."""
    ids = quantities.of_layers(log)
    measured = {name: [log.names[one][1] for one in some] for name, some in ids.items()}
    place = worst_place(found, measured)
    if place is None:
        return None
    quantity, target = place
    return {"quantity": one_line(quantity, 80), "series": log.id(quantity, target)}


def charts(log: RunLog, window: Window) -> list[dict[str, Any]]:
    """Return the charts of loss and other scores, without redundant ones."""
    names = [q.removeprefix("score/") for q in log.quantities() if q.startswith("score/")]
    names = [name for name in names if not name.endswith("_stderr")]
    hidden = redundant_scores({f"score/{name}": _by_step(log, f"score/{name}") for name in names})
    names = ["loss", *(n for n in names if n != "loss" and f"score/{n}" not in hidden)]
    drawn = [_scores(log, name, window) for name in names]
    if len(names) == 1:
        logged = [q.removeprefix("logs/") for q in log.quantities() if q.startswith("logs/")]
        logged = [n for n in logged if not n.startswith("val_") and n != "loss"]
        drawn += [_logs(log, name, window) for name in logged if name != "learning_rate"]
    return [chart for chart in drawn if chart["lines"]][:MAX_CHARTS]


def _by_step(log: RunLog, quantity: str) -> dict[tuple[int, str], float]:
    return {
        (int(step), target): float(value)
        for target in ("train", "validation")
        for step, value in zip(*log.series(quantity, target), strict=True)
    }


def _scores(log: RunLog, name: str, window: Window) -> dict[str, Any]:
    """Return one score on the training sample and on the validation data."""
    lines = [
        _line(target, *log.series(f"score/{name}", target), window)
        | _margins(log, name, target, window)
        for target in ("train", "validation")
    ]
    lines = [one for one in lines if one["steps"]]
    if name != "loss":
        return {"title": quantities.title(f"score/{name}"), "lines": lines}
    start = log.series("loss/start")[1]
    batch = _line("batch", *log.series("loss/batch"), window)
    lines = lines or _logs(log, name, window)["lines"]
    lines = [batch, *lines] if batch["steps"] else lines
    title = quantities.title("score/loss")
    return {"title": title, "lines": lines, "start": plain(start[0]) if len(start) else None}


def _logs(log: RunLog, name: str, window: Window) -> dict[str, Any]:
    """Return a metric as Keras reports it at the end of each epoch."""
    lines = [
        _line(kind, *log.series(f"logs/{prefix}{name}"), window)
        for kind, prefix in (("train", ""), ("validation", "val_"))
    ]
    return {
        "title": quantities.title(f"logs/{name}"),
        "lines": [one for one in lines if one["steps"]],
    }


def _margins(log: RunLog, name: str, target: str, window: Window) -> dict[str, Any]:
    steps, values = log.series(f"score/{name}", target)
    margins = dict(
        zip(*map(np.ndarray.tolist, log.series(f"score/{name}_stderr", target)), strict=True)
    )
    kept = _kept(steps, values, window)
    return {"margins": [plain(margins.get(step), 4) for step in steps[kept].tolist()]}


def _line(kind: str, steps: np.ndarray, values: np.ndarray, window: Window) -> dict[str, Any]:
    kept = _kept(steps, values, window)
    return {
        "kind": kind,
        "steps": steps[kept].tolist(),
        "values": [plain(value, 5) for value in values[kept]],
    }


def _kept(steps: np.ndarray, values: np.ndarray, window: Window) -> np.ndarray:
    """Return the indices of the points to draw, including one beyond each end of the window."""
    first = max(0, int(np.searchsorted(steps, window[0])) - 1)
    after = min(len(steps), int(np.searchsorted(steps, window[1], "right")) + 1)
    return first + line(steps[first:after], values[first:after], MAX_POINTS)
