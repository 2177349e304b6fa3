"""What the plot of a trial shows of its rows."""

import math

import matplotlib.colors
import pytest

from keras_babysit.interval import Interval
from keras_babysit.remedies import Effect, ScaleLearningRate, StandardizeInputs
from keras_babysit.remedies.plot import BEYOND, STYLES, plot
from keras_babysit.remedies.trial import Row


def row(effect, mean=1.0, low=0.9, high=1.1, *, change=None, seeds=3):
    ratio = None if mean is None else Interval(mean, low, high)
    changes = (change or ScaleLearningRate(0.1),)
    return Row(changes, Effect(effect), control=1.0, remedy=mean or 0.0, seeds=seeds, ratio=ratio)


def lines(axes):
    """The intervals: horizontal lines at the place of their row."""
    drawn = (line.get_xydata() for line in axes.lines)
    return {
        int(a[1]): (a[0], b[0]) for a, b in (xy for xy in drawn if len(xy) == 2) if a[1] == b[1]
    }


def test_each_scored_remedy_has_its_interval_in_the_colour_of_its_verdict():
    rows = [
        row("helps", 0.1, 0.05, 0.2),
        row("harms", 3.0, 2.0, 5.0, change=StandardizeInputs()),
        row("not tried", None),
    ]
    (axes,) = plot(rows).axes
    assert lines(axes) == {0: (0.05, 0.2), 1: (2.0, 5.0)}
    assert [label.get_text().replace("\n", " ") for label in axes.get_yticklabels()] == [
        rows[0].text,
        rows[1].text,
    ]
    faces = [
        tuple(points.get_facecolor()[0]) for points in axes.collections if len(points.get_offsets())
    ]
    assert faces == [matplotlib.colors.to_rgba(STYLES[one][0]) for one in ("helps", "harms")]


def test_an_interval_without_an_end_is_cut_and_marked():
    (axes,) = plot([row("helps", 0.5, 0.4, 0.6), row("undecided", 0.8, 0.0, math.inf)]).axes
    low, high = lines(axes)[1]
    assert (low, high) == (pytest.approx(0.5 / BEYOND), pytest.approx(BEYOND))
    assert [line.get_marker() for line in axes.lines if len(line.get_xydata()) == 1] == ["<", ">"]
    assert axes.get_xlim()[0] > 0.01  # the other interval can still be seen


def test_a_single_seed_is_hollow_and_has_no_interval():
    (axes,) = plot([row("helps", 0.5, -math.inf, math.inf, seeds=1)]).axes
    assert not lines(axes)
    assert not len(axes.collections[0].get_facecolor())


def test_a_trial_without_scores_has_an_empty_plot():
    (axes,) = plot([row("not tried", None)]).axes
    assert not lines(axes)
