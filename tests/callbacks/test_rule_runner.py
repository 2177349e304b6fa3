"""Sinks receive measurements from the history, in its order and as few calls."""

import copy
import json
import pickle

import pytest

import keras_babysit as kb
from keras_babysit.callbacks.rule_runner import RuleRunner
from keras_babysit.errors import KerasBabysitWarning
from keras_babysit.history import History, Measurement
from tests.callbacks.parts import finding


class Heard(kb.sinks.Sink):
    """Notes each call."""

    has_own_thread = False

    def __init__(self):
        self.calls = []

    def on_start(self, history):
        self.calls.append("start")

    def on_measurements(self, measurements):
        self.calls.append([one.step for one in measurements])

    def on_events(self, events):
        self.calls.append("events")

    def on_end(self, report):
        self.calls.append("end")


def at(step):
    return Measurement(step, 0, "loss/batch", "", 1.0)


def heard_of(*measurements):
    """Return a history, its runner and a sink, with this measured before the runner opens."""
    history, sink = History(), Heard()
    history.extend(measurements)
    runner = RuleRunner(history, [lambda history: [finding()]], [sink])
    return history, runner, sink


def test_one_call_for_all_that_is_added_at_once():
    history, runner, sink = heard_of()
    runner.open()
    history.extend([at(0), at(1), at(2)])
    history.extend([])
    history.append(at(3))
    assert sink.calls == ["start", [0, 1, 2], [3]]


def test_what_was_measured_before_anybody_listened_comes_first():
    history, runner, sink = heard_of(at(0), at(1))
    runner.open()
    history.append(at(2))
    assert sink.calls == ["start", [0, 1], [2]]


def test_measurements_come_before_the_events_that_rest_on_them(tmp_path):
    history, path = History(), tmp_path / "run.jsonl"
    runner = RuleRunner(history, [lambda history: [finding()]], [kb.sinks.JsonLines(path)])
    runner.open()
    history.extend([at(0), at(1)])
    runner.publish(runner.holding(), step=1, epoch=0)
    history.append(at(2))
    runner.leave()
    types = [json.loads(line)["type"] for line in path.read_text().splitlines()]
    assert types == ["run", "measurement", "measurement", "finding", "measurement"]


def test_after_the_end_nothing_is_shown():
    history, runner, sink = heard_of()
    runner.open()
    runner.close(report=None)
    history.append(at(0))
    runner.publish(runner.holding(), step=0, epoch=0)
    runner.leave()
    assert sink.calls == ["start", "end"]
    assert [one.rule for one in runner.findings] == ["dead_units"]  # it is known all the same


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_of_the_history_is_nobodys_business(copied):
    history, runner, sink = heard_of()
    runner.open()
    copied(history).append(at(0))
    assert sink.calls == ["start"]


def test_a_sink_that_fails_is_off_and_the_others_and_the_history_go_on():
    class Full(Heard):
        def on_measurements(self, measurements):
            super().on_measurements(measurements)
            raise OSError("disk full")

    history, full, other = History(), Full(), Heard()
    RuleRunner(history, [], [full, other]).open()
    with pytest.warns(KerasBabysitWarning, match="Full is off for the rest of this run"):
        history.append(at(0))
    history.append(at(1))
    assert full.calls == ["start", [0]]
    assert other.calls == ["start", [0], [1]]
    assert len(history) == 2


def test_notices_are_told_apart_by_what_they_are_about():
    _, runner, _ = heard_of()
    runner.note("Layers not measured: first.")
    runner.note("Layers not measured: second.")
    runner.note("Scores not measured: third.", "scores")
    notes = [(one.rule, one.target, one.message) for one in runner.holding()[:-1]]
    assert notes == [
        ("not_watched", "", "Layers not measured: second."),
        ("not_watched", "scores", "Scores not measured: third."),
    ]
