"""Plot of the score against each hyperparameter."""

import math

import numpy as np

from keras_babysit.figures import COLOURS, new_figure
from keras_babysit.search.finalists import winner
from keras_babysit.search.record import COMPLETE, PARTIAL, PRUNED, STOPPED, best, declared
from keras_babysit.search.space import Range

COLUMNS = 3
MAX_DECADES = 4  # whose labels fit side by side below a panel
MAX_LABEL_LETTERS = 24  # that fit side by side below a panel
OFF_THE_SCALE = "off the scale"
MIN_SCORES = 8  # fewer say little about what is far off
MAX_LOGARITHM = 700.0  # of a float
GOLDEN_RATIO = 0.618  # the fractional parts of its multiples are evenly spread


def plot(records, ranges, objective, rounds=None):
    """Plot the score against each hyperparameter.

    An axis is logarithmic where the hyperparameter is sampled on a log scale. Each round has a
    colour, and a bar above the panel shows its range. Pruned trials are hollow circles. Trials that
    were trained on fewer folds or for fewer epochs than the last round asks for are small squares,
    "partial" in the legend: their scores are on another level. Stopped trials are marked at the
    edge of the panel, with their cause in the legend, and so are trials whose scores are so much
    worse than the others that these would lie on one line: "off the scale". A circle marks the best
    trial: where the best ones were trained again with other seeds, the one that won by these.

    Args:
        records: The trials.
        ranges: The ranges of each round.
        objective: The `Objective`.
        rounds: Number of rounds to show, with the ranges up to the next one; None for all.

    Returns:
        A `matplotlib.figure.Figure`, which displays itself in a notebook; `show()` opens it from a
        script, `save(path)` writes it.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    space, leader = declared(records), winner(records)
    if rounds is not None and rounds < len(ranges):  # the best ones were not repeated by then
        records = [record for record in records if record.round < rounds]
        ranges, leader = ranges[: rounds + 1], best(records)
    columns = max(1, min(COLUMNS, math.ceil(math.sqrt(len(space)))))
    rows = max(1, -(-len(space) // columns))
    figure = new_figure(3.6 * columns, 3.2 * rows + 0.4)
    for index, (name, dimension) in enumerate(space.items(), 1):
        axes = figure.add_subplot(rows, columns, index)
        shown = [r for r in records if name in r.params]
        _draw(axes, dimension, shown, ranges, objective, leader)
        if (index - 1) % columns == 0:
            axes.set_ylabel(objective.name)
    handles = {
        label: handle
        for axes in figure.axes
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    if handles:
        figure.legend(
            handles.values(),
            handles.keys(),
            loc="outside lower center",
            ncols=2 * columns,
            frameon=False,
        )
    return figure


def _draw(axes, dimension, records, ranges, objective, leader):
    name = dimension.name
    edge = _edge(records, objective)
    at_edge, inside = {}, []
    for record in records:
        if record.state == STOPPED:
            at_edge.setdefault(record.cause, []).append(record)
        elif objective.sign * record.score > edge:
            at_edge.setdefault(OFF_THE_SCALE, []).append(record)
        else:
            inside.append(record)
    records = inside
    _draw_ranges(axes, name, ranges)
    for number in sorted({record.round for record in records}):
        color = COLOURS[number % len(COLOURS)]
        mine = [record for record in records if record.round == number]
        states = (
            (COMPLETE, color, "o", f"round {number + 1}"),
            (PRUNED, "none", "o", "pruned"),
            (PARTIAL, color, "s", "partial"),
        )
        for state, face, marker, label in states:
            shown = [r for r in mine if r.state == state]
            if not shown:  # it would only be in the legend
                continue
            axes.scatter(
                [_x_position(dimension, r) for r in shown],
                [r.score for r in shown],
                s=9 if state == PARTIAL else 22,
                marker=marker,
                facecolors=face,
                edgecolors=color,
                label=label,
            )
    _draw_at_edge(axes, dimension, at_edge, _level(records, objective))
    if leader in records:
        axes.scatter(
            _x_position(dimension, leader),
            leader.score,
            s=110,
            facecolors="none",
            edgecolors="black",
            label="best",
        )
    _scale(axes, dimension, records)


def _draw_ranges(axes, name, ranges):
    """Draw the range of each round above the panel, so that the legend has all rounds in order."""
    for number, known in enumerate(ranges if len(ranges) > 1 else ()):
        if name in known:
            axes.plot(
                [known[name].low, known[name].high],
                [1.03 + 0.035 * number] * 2,
                color=COLOURS[number % len(COLOURS)],
                linewidth=3,
                transform=axes.get_xaxis_transform(),
                clip_on=False,
                label=f"round {number + 1}",
            )


def _draw_at_edge(axes, dimension, at_edge, level):
    """Mark trials at the edge of the panel, by why they are there."""
    markers = "xv+^"
    for index, cause in enumerate(sorted(at_edge)):
        shown = [_x_position(dimension, record) for record in at_edge[cause]]
        axes.scatter(
            shown,
            [level] * len(shown),
            marker=markers[index % len(markers)],
            color="#B2182B" if index == 0 else "0.35",
            label=cause,
        )


def _edge(records, objective):
    """Return the worst score that is drawn as it is, with the sign of a loss.

    It is Tukey's outer fence: three times the distance of the quartiles beyond the worse one.
    Losses above 0 differ by factors, so theirs is that of the logarithms.
    """
    scores = np.array([objective.sign * r.score for r in records if np.isfinite(r.score)])
    if len(scores) < MIN_SCORES:
        return math.inf
    are_factors = scores.min() > 0
    low, high = np.quantile(np.log(scores) if are_factors else scores, (0.25, 0.75))
    edge = high + 3 * (high - low)
    return math.exp(min(edge, MAX_LOGARITHM)) if are_factors else edge


def _level(records, objective):
    """Return the y coordinate of stopped trials: slightly worse than the worst score."""
    scores = [record.score for record in records if np.isfinite(record.score)] or [0.0]
    padding = 0.08 * (max(scores) - min(scores) or 1.0)
    return max(scores) + padding if objective.sign > 0 else min(scores) - padding


def _scale(axes, dimension, records):
    axes.set_xlabel(dimension.name)
    if isinstance(dimension, Range):
        if dimension.sampling == "log":
            _scale_by_logarithm(axes)
        elif dimension.sampling == "reverse_log":
            axes.set_xscale("function", functions=(_to_mirror(dimension), _from_mirror(dimension)))
        elif dimension.is_int:
            axes.locator_params("x", integer=True)
    else:
        labels = [str(value) for value in dimension.values]
        is_wide = sum(len(label) for label in labels) > MAX_LABEL_LETTERS
        tilt = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if is_wide else {}
        axes.set_xticks(range(len(labels)), labels, **tilt)
        axes.set_xlim(-0.5, len(labels) - 0.5)
    scores = [record.score for record in records if np.isfinite(record.score)]
    if scores and min(scores) > 0 and max(scores) > 30 * min(scores):
        axes.set_yscale("log")
    axes.grid(alpha=0.25)


def _scale_by_logarithm(axes):
    """Label decades; within two of them also 2 and 5. Matplotlib's own labels overlap there."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axes.get_xlim()
    axes.set_xscale("log")
    is_narrow = low > 0 and high < 100 * low
    subs = (1.0, 2.0, 5.0) if is_narrow else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(subs=subs, numticks=MAX_DECADES + 2))  # one at each end
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, position: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _x_position(dimension, record):
    """Return the x coordinate of a trial. Trials with the same choice are spread side by side."""
    value = record.params[dimension.name]
    if isinstance(dimension, Range):
        return value
    return dimension.values.index(value) + 0.5 * (record.number * GOLDEN_RATIO % 1 - 0.5)


def _to_mirror(dimension):
    return lambda v: -np.log(np.maximum(dimension.mirror - np.asarray(v, float), 1e-300))


def _from_mirror(dimension):
    return lambda u: dimension.mirror - np.exp(-np.asarray(u, float))
