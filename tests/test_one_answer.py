"""Terminal, tab, report, notebook and JSON show the same verdict, field by field."""

import html
import json
import re
from html.parser import HTMLParser

import pytest
from tensorboard.backend.application import TensorBoardWSGI
from tensorboard.plugins.base_plugin import TBContext
from werkzeug.test import Client

from keras_babysit.dashboard.plugin import BabysitPlugin
from keras_babysit.findings import Change, Event, Finding, Remedy, Severity, Verdict, explain
from keras_babysit.history import History, Measurement
from keras_babysit.presentation.verdict_view import symptoms, view
from keras_babysit.sinks import Report, TensorBoard

INIT = Remedy("Initialize the layers for ReLU.", "model.layers[0].kernel_initializer")
OTHER = Remedy("Use LeakyReLU.", "keras.layers.LeakyReLU()")
RAISE = Remedy("Raise the learning rate.", "model.optimizer.learning_rate = 1.0")

FINDINGS = explain(
    [
        *(
            Finding(
                "dead_units",
                Severity.ERROR,
                name,
                f'All units of "{name}" are dead.',
                {"dead_fraction": 1.0},
                (INIT, OTHER),
                "A source.",
                step=50,
            )
            for name in ("fc1", "fc2")
        ),
        Finding("no_gradient", Severity.ERROR, "", "No gradient.", {}, (RAISE,), step=7),
        Finding("underfitting", Severity.WARNING, "", "It underfits.", step=90),
        Finding("class_imbalance", Severity.NOTE, "targets[0]", "90 % are of one class.", step=1),
        Finding(
            "leakage",
            Severity.WARNING,
            "",
            "9 examples are in both.",
            step=1,
            resolved_step=5,
        ),
        Finding("not_watched", Severity.NOTE, "scores", "Scores not measured: no memory."),
    ]
)


class Texts(HTMLParser):
    """The texts of a page outside of scripts and styles, in order."""

    def __init__(self, page):
        super().__init__()
        self.found, self._skipped = [], 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self._skipped += tag in ("script", "style")

    def handle_endtag(self, tag):
        self._skipped -= tag in ("script", "style")

    def handle_data(self, data):
        if not self._skipped and data.strip():
            self.found.append(" ".join(data.split()))

    @property
    def text(self):
        return " ".join(self.found)


def a_history():
    history = History()
    for step in range(0, 101, 10):
        history.append(Measurement(step, 0, "loss/batch", "", 2.0))
    return history


@pytest.fixture
def report():
    return Report(a_history(), FINDINGS)


@pytest.fixture
def shown(report):
    return view(report.verdict)


@pytest.fixture
def overview(report, tmp_path):
    """What the tab shows of the same run, written to an event file and read again."""
    sink = TensorBoard(tmp_path / "run")
    sink.on_start(report.history)
    sink.on_measurements(list(report.history))
    sink.on_events([Event(Change.OPENED, one, one.step, 0) for one in FINDINGS])
    sink.on_end(report)
    client = Client(TensorBoardWSGI([BabysitPlugin(TBContext(logdir=str(tmp_path)))]))
    (run,) = client.get("/data/plugin/babysit/runs").json["runs"]
    return client.get("/data/plugin/babysit/run", query_string={"run": run["id"]}).json


def words(shown):
    """Return every text of a verdict that all places must show."""
    yield shown.headline
    yield shown.do_first.text
    for cause in shown.causes:
        yield from (cause.title, cause.when, cause.message)
        yield from symptoms(cause.symptoms)
        if cause.is_problem:
            yield from (remedy.text for remedy in cause.remedies)
    yield from shown.not_checked


def test_the_rows_cover_every_part_of_a_verdict(shown):
    assert [cause.severity for cause in shown.causes] == ["error", "note", "warning"]
    assert [cause.is_open for cause in shown.causes] == [True, True, False]
    assert [one.is_earlier for one in shown.causes[0].symptoms] == [True, False]
    assert shown.do_first.text == INIT.text
    assert shown.not_checked


def test_json_holds_the_verdict(report):
    assert Verdict.from_json(json.loads(report.to_json())["verdict"]) == report.verdict


def test_the_terminal_shows_it(report, shown):
    text = " ".join(str(report).split())
    for word in words(shown):
        assert " ".join(word.split()) in text


def test_the_report_shows_it(report, shown):
    text = Texts(report.to_html()).text
    for word in words(shown):
        assert word in text


def test_the_notebook_shows_it(report, shown):
    frame = report._repr_html_()
    page = html.unescape(re.search(r'srcdoc="([^"]*)"', frame)[1])
    text = Texts(page).text
    for word in words(shown):
        assert word in text


def test_the_tab_shows_it_field_by_field(overview, shown):
    verdict = overview["verdict"]
    assert verdict["headline"] == shown.headline
    assert verdict["severity"] == shown.severity
    assert verdict["doFirst"] == {"text": shown.do_first.text, "code": shown.do_first.code}
    assert verdict["notChecked"] == list(shown.not_checked)
    assert verdict["omitted"] == 0
    for card, cause in zip(verdict["cards"], shown.causes, strict=True):
        for field in ("rule", "title", "severity", "where", "when", "message", "more"):
            assert card[field] == getattr(cause, field)
        assert card["isOpen"] == cause.is_open
        assert card["lines"] == list(symptoms(cause.symptoms))
        assert [tuple(pair) for pair in card["evidence"]] == list(cause.evidence)
        assert [one["text"] for one in card["remedies"]] == [r.text for r in cause.remedies]
        assert [(one["title"], one["when"], one["message"]) for one in card["symptoms"]] == [
            (one.title, one.when, one.message) for one in cause.symptoms
        ]


def test_contradicting_remedies_stay_folded(report, shown):
    assert RAISE.text not in str(report)  # that of a symptom of an open cause
    page = report.to_html()
    assert page.index(RAISE.text) > page.index("<summary>What the symptoms say</summary>")
