"""A chart of what was measured in a run, as SVG that fits a light and a dark page."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from keras_babysit.figures import COLOURS
from keras_babysit.history import History
from keras_babysit.quantities import describe

MAX_SERIES = 4
SIZE = (4.4, 2.2)
"""Inches; wider, the numbers of the axes would be too small to read on a phone."""

GREY = "#7a8089"
"""Readable on white and on black."""


def chart(history: History, quantities: Iterable[str]) -> str:
    """Return a chart of the first of some quantities that has a course; empty if none has.

    Args:
        history: The history of a run.
        quantities: Names of quantities, the most telling first.
    """
    for name in quantities:
        series = _series(history, name)
        if series:
            return _drawn(name, series)
    return ""


def variety(history: History, quantities: Iterable[str]) -> int:
    """Return how much a chart would show: 2 a course that changes, 1 one that does not, 0 none."""
    for name in quantities:
        series = _series(history, name)
        if series:
            return 1 + any(len(np.unique(values)) > 1 for _, values in series.values())
    return 0


def _series(history: History, name: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    found = {}
    for target in history.targets(name):
        points = history.points(name, target)
        values = [np.ravel(np.asarray(point.value, dtype=float)) for point in points]
        if len(points) >= 3 and all(len(value) == 1 for value in values):
            found[target] = (np.array([p.step for p in points]), np.concatenate(values))
    return dict(list(found.items())[:MAX_SERIES])


def _drawn(name: str, series: dict[str, tuple[np.ndarray, np.ndarray]]) -> str:
    quantity = describe(name)
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    for colour, (target, (steps, values)) in zip(COLOURS, series.items(), strict=False):
        axes.plot(steps, values, marker="o", markersize=3, color=colour, label=target or "model")
    finite = np.concatenate([values[np.isfinite(values)] for _, values in series.values()])
    if len(finite) and finite.min() > 0 and finite.max() > 30 * finite.min():
        axes.set_yscale("log")
    axes.set_xlabel("step", color=GREY)
    axes.set_title(f"{quantity.title} ({name})", color=GREY, fontsize=10, loc="left")
    axes.tick_params(colors=GREY, which="both", labelsize=8)
    axes.grid(color=GREY, alpha=0.25)
    for spine in axes.spines.values():
        spine.set_color(GREY)
    if len(series) > 1 or any(series):
        axes.legend(frameon=False, labelcolor=GREY, fontsize=8)
    return svg(figure, f"{quantity.title} by step")


def svg(figure: Figure, words: str) -> str:
    """Return a figure as an element of a page, the same on every build."""
    stream = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "keras-babysit", "svg.fonttype": "none"}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    return text.replace("<svg", f'<svg class="kb-chart" role="img" aria-label="{words}"', 1)
