"""Plot of what each remedy did to the score, with its interval."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from keras_babysit.figures import COLOURS, new_figure
from keras_babysit.remedies.judging import SAME

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from keras_babysit.interval import Interval
    from keras_babysit.remedies.trial import Row

STYLES = {
    "helps": (COLOURS[2], "o"),
    "harms": (COLOURS[1], "X"),
    "no difference": (COLOURS[0], "s"),
    "undecided": (COLOURS[4], "D"),
}
"""Colour and marker of each verdict: they differ in both."""

LINE_LETTERS, LINES = 38, 3  # of the text of a remedy beside its interval
BEYOND = 10.0  # times the largest change: there an interval is cut, for others to be told apart


def plot(rows: Sequence[Row]) -> Figure:
    """Plot the score with each remedy as a multiple of the control's, and its 95 % interval.

    The axis is logarithmic; below 1 the remedy helps. The grey band holds what counts as no
    difference. An arrow in place of an end says that the interval goes on; a hollow mark, that the
    remedy was tried with one seed. Remedies that have no ratio, because they were not tried or a
    score was not above 0, are left out.

    Args:
        rows: The rows of a trial.

    Returns:
        A `matplotlib.figure.Figure`, which displays itself in a notebook; `show()` opens it from a
        script, `save(path)` writes it.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    known = [(row, row.ratio) for row in rows if row.ratio is not None and _is_shown(row.ratio)]
    figure = new_figure(7.2, 1.1 + 0.55 * max(1, len(known)))
    axes = figure.add_subplot()
    axes.axvspan(1 / (1 + SAME), 1 + SAME, color="0.88", lw=0)
    axes.axvline(1.0, color="0.4", lw=1)
    axes.set_xscale("log")
    means = [1.0, *(ratio.mean for _, ratio in known)]
    least, most = min(means) / BEYOND, BEYOND * max(means)
    ends = [_ends(row, ratio, least, most) for row, ratio in known]
    for place, ((row, ratio), between) in enumerate(zip(known, ends, strict=True)):
        _draw(axes, place, row, ratio, between)
    axes.set_yticks(range(len(known)), [_label(row.text) for row, _ in known], fontsize=8)
    axes.set_ylim(max(1, len(known)) - 0.5, -0.5)
    axes.set_xlim(
        min([0.5, *(0.7 * low for low, _ in ends)]), max([2.0, *(1.4 * high for _, high in ends)])
    )
    _name_ticks(axes)
    axes.set_xlabel("score with the remedy / score of the control (below 1: it helps)")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    if handles:
        figure.legend(
            handles.values(), handles.keys(), loc="outside upper center", ncols=4, frameon=False
        )
    return figure


def _is_shown(ratio: Interval) -> bool:
    return 0 < ratio.mean < math.inf


def _draw(axes: Axes, place: int, row: Row, ratio: Interval, between: tuple[float, float]) -> None:
    colour, marker = STYLES[row.effect.value]
    low, high = between
    if row.seeds > 1:
        axes.plot(between, [place, place], color=colour, lw=2, solid_capstyle="butt")
        if low > ratio.low:
            axes.plot(low, place, marker="<", color=colour, ms=6)
        if high < ratio.high:
            axes.plot(high, place, marker=">", color=colour, ms=6)
    face = colour if row.seeds > 1 else "none"
    axes.scatter(ratio.mean, place, s=36, c=face, edgecolors=colour, marker=marker, zorder=3)
    # The legend is filled also where the first one drawn is hollow.
    axes.scatter([], [], s=36, c=colour, marker=marker, label=row.effect.value)


def _ends(row: Row, ratio: Interval, least: float, most: float) -> tuple[float, float]:
    """Return the ends of the interval that are drawn; of a single replicate, its ratio."""
    if row.seeds < 2:
        return ratio.mean, ratio.mean
    return max(ratio.low, least), min(ratio.high, most)


def _name_ticks(axes: Axes) -> None:
    """Write few ticks as plain numbers: a range of less than a decade has none at powers of 10."""
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = axes.get_xlim()
    decades = math.log10(high / low)
    steps = (1.0, 2.0, 5.0) if decades < 2.5 else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(subs=steps, numticks=12))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def _label(text: str) -> str:
    lines = textwrap.wrap(text, LINE_LETTERS, max_lines=LINES, placeholder=" ...")
    return "\n".join(lines)
