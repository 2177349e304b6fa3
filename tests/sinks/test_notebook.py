"""The card of a run in a notebook."""

import html
import webbrowser
from dataclasses import replace

import keras
import numpy as np

import keras_babysit as kb
from keras_babysit.findings import Change, Event
from keras_babysit.history import History, Measurement, Overhead
from keras_babysit.sinks import Notebook, Report
from keras_babysit.testing.sinks import FINDING, opened


class Cell:
    """The displays of a cell's output, each with the states that it had."""

    def __init__(self):
        self.displays = []

    def __call__(self, shown, *, display_id):
        states = [shown]
        self.displays.append(states)
        return type("Handle", (), {"update": lambda _, shown: states.append(shown)})()


def test_a_run_is_one_card_that_ends_with_the_verdict():
    cell, history = Cell(), History()
    sink = Notebook(cell)
    sink.on_start(history)
    for step in (0, 10, 20):
        history.append(Measurement(step, 0, "loss/batch", "", 2.0 / (1 + step)))
    sink.on_events([opened(FINDING)])
    (states,) = cell.displays
    assert "Monitoring" in states[0].html
    assert "Dead units" in states[-1].html
    assert "<svg" in states[-1].html  # the loss so far
    report = Report(history, [FINDING], Overhead(0.1, 10.0, 3))
    sink.on_end(report)
    assert len(cell.displays) == 1
    assert states[-1].html == report.as_card()
    assert repr(states[-1]) == report.outline()


def test_what_was_resolved_leaves_the_card():
    cell, history = Cell(), History()
    sink = Notebook(cell)
    sink.on_start(history)
    sink.on_events([opened(FINDING)])
    gone = replace(FINDING, step=10, resolved_step=40)
    sink.on_events([Event(Change.RESOLVED, gone, 40, 0)])
    assert "Dead units resolved" in cell.displays[0][-1].html


def test_everything_shows_itself(tmp_path):
    history = History()
    history.append(Measurement(10, 0, "loss/batch", "", 2.0))
    history.append(Measurement(10, 0, "activations/gate", "dense", np.ones(4, np.float32)))
    sitter = kb.Babysitter(verbose=0)
    profiles = kb.activations.profile("relu", with_cost=False)
    rates = kb.checks.LrRange(np.logspace(-5, 0, 40), np.linspace(2, 1, 40))
    report = Report(history, [FINDING])
    shown = [
        FINDING,
        report.findings,
        history,
        sitter,
        profiles,
        profiles[0],
        rates,
        report,
        report.verdict,
    ]
    for one in shown:
        assert "object at 0x" not in repr(one)
        assert len(repr(one)) < 500
        assert "object at 0x" not in one._repr_html_()
    assert repr(history) == "History(2 quantities, 2 measurements, step 10)"
    assert "no run yet" in repr(sitter)
    assert repr(FINDING).startswith("WARNING dead_units in ")
    assert "LrRange(" in repr(rates)
    assert isinstance(report.findings, list)


def test_a_babysitter_shows_the_verdict_of_its_run():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    sitter = kb.Babysitter(verbose=0)
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    model.fit(x, x[:, :1], epochs=2, verbose=0, callbacks=[sitter])
    headline = sitter.verdict.headline
    assert headline in repr(sitter)
    assert headline in html.unescape(sitter._repr_html_())
    assert sitter.report()._repr_html_().startswith("<iframe")


def test_plots_display_themselves_and_can_be_saved(tmp_path, monkeypatch):
    opened_pages = []
    monkeypatch.setattr(webbrowser, "open", opened_pages.append)
    figure = kb.activations.plot(kb.activations.profile("relu", "sigmoid", with_cost=False))
    assert figure._repr_png_().startswith(b"\x89PNG")
    figure.save(tmp_path / "plot.svg")
    assert "<svg" in (tmp_path / "plot.svg").read_text()
    figure.show()
    assert opened_pages[0].startswith("file://")
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["saturated", "f(z)", "f'(z)"]  # the shaded area has a name
    lines = figure.axes[0].get_lines()
    assert len({line.get_linestyle() for line in lines}) == len(lines) == 2
