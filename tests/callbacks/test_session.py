import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.backends import backend
from keras_babysit.callbacks.judging import Judging
from keras_babysit.callbacks.session import Session
from keras_babysit.callbacks.settings import Settings
from keras_babysit.errors import KerasBabysitWarning
from keras_babysit.findings import Severity
from keras_babysit.probes.depth import Reach
from keras_babysit.recorder.health import Health
from keras_babysit.schedule import Schedule
from tests.callbacks.parts import Clock, finding

X = np.ones((16, 4), "float32")
PLANNED = {"epochs": 1, "steps": 2}


def compiled():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def session_of(model=None, rules=(), **options):
    chosen = {name: options.pop(name) for name in ("sinks", "stop_on") if name in options}
    return Session(model or compiled(), PLANNED, Settings(rules=rules, **chosen), **options)


def test_a_session_can_be_asked_how_it_stands():
    session = session_of()
    assert session.health.state is Health.HEALTHY
    assert session.monitor.reach is Reach.NOT_MEASURED
    assert (session.steps.now, session.judgement, session.recorder) == (0, None, None)
    assert session.findings == []


def test_it_goes_by_the_schedule_that_it_is_given():
    clock = Clock()
    session = session_of(schedule=Schedule(clock=clock))
    clock.now += 5.0
    assert session.schedule.overhead.wall_seconds == 5.0


def test_a_judgement_is_there_while_the_rules_are_asked():
    seen = []
    session = session_of(rules=[lambda history: seen.append(session.judgement) or []])
    session.start()
    session.begin_epoch(0)
    session.expect_step(1)
    session.end_epoch({"loss": 1.0})
    assert [(one.step, one.epoch, one.may_wait) for one in seen] == [(2, 0, True)]
    session.abandon()


@pytest.mark.parametrize(
    ("function", "result", "message"),
    [
        ("workers", (1, 2), "worker 1 of 2, counted from 0. Worker 0 measures and reports."),
        ("is_whole", False, "the weights are split over several processes"),
    ],
)
def test_where_it_must_not_watch_it_stands_aside_and_says_why(
    function, result, message, monkeypatch
):
    monkeypatch.setattr(backend, function, lambda model: result)
    session = session_of(rules=[lambda history: pytest.fail("asked")])
    session.start()
    assert session.health.state is Health.OFF
    (note,) = session.findings
    assert note.rule == "not_watched"
    assert message in note.message
    before = session.model.train_function
    session.begin_epoch(0)
    session.expect_step(0)
    session.expect_validation_step(0)
    session.end_epoch({"loss": 1.0})
    session.end()
    assert session.model.train_function is before
    assert len(session.history) == 0


def test_a_judgement_that_fails_switches_it_off_with_one_warning(monkeypatch):
    def broken(self):
        raise RuntimeError("out of order")

    monkeypatch.setattr(Judging, "judge_and_publish", broken)
    model, sitter = compiled(), kb.Babysitter(verbose=0)
    with pytest.warns(KerasBabysitWarning, match="off for the rest of this run: RuntimeError"):
        model.fit(X, X[:, :1], epochs=2, verbose=0, callbacks=[sitter])
    assert sitter.session.health.state is Health.OFF
    assert sitter.history.facts.broke_off == "RuntimeError: out of order"
    assert len(sitter.history.series("logs/loss")) == 1


def test_a_finding_that_stops_the_run_is_published_first():
    model = compiled()
    sink = kb.sinks.Sink()
    heard = []
    sink.on_events = lambda events: heard.append(model.stop_training)
    always = finding("always", Severity.ERROR)
    session = session_of(
        model, rules=[lambda history: [always]], stop_on=Severity.ERROR, sinks=[sink]
    )
    session.start()
    session.begin_epoch(0)
    session.end_epoch({"loss": 1.0})
    assert heard == [False]
    assert model.stop_training
    session.end()
