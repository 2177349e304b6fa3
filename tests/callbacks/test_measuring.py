import types

import pytest

from keras_babysit.backends import backend
from keras_babysit.callbacks import measuring
from keras_babysit.callbacks.measuring import Measuring
from keras_babysit.history import Measurement
from keras_babysit.probes import notices
from keras_babysit.schedule import Ends, Plan
from tests.callbacks.parts import Run, started

BATCH = "batch"


class Monitor:
    """Notes what it is asked to measure; each probe takes a second, each score two."""

    can_use_reference = True
    why_no_batch = notices.batches_not_accessible()

    def __init__(self, clock, can_measure=True):
        self.clock, self.can_measure, self.calls = clock, can_measure, []

    def compare_data(self):
        pass

    def measure(self, step, epoch, arguments, batch):
        self.clock.now += 1.0
        self.calls.append(("measure", step, batch))
        return [Measurement(step, epoch, "loss/batch", "", 1.0)] if self.can_measure else []

    def before_step(self, arguments, batch, step):
        return "weights"

    def measure_update(self, before, result, step, epoch, steps):
        self.calls.append(("update", step, before))

    def score(self, step, epoch):
        self.clock.now += 2.0
        self.calls.append(("score", step))


@pytest.fixture
def watched(monkeypatch):
    """Return what makes a run with a monitor that takes notes, and no backend around it."""
    monkeypatch.setattr(backend, "wait", lambda values: None)
    monkeypatch.setattr(backend, "state", lambda model, arguments: ([], [], []))
    monkeypatch.setattr(measuring, "build_optimizer", lambda model: None)

    def make(schedule=None, **options):
        run = Run()
        schedule = schedule or started(every=1)
        made = types.SimpleNamespace(run=run, schedule=schedule, notices=[])
        made.monitor = Monitor(schedule.clock, **options)
        made.measuring = Measuring(
            run.model,
            made.monitor,
            schedule,
            run.steps,
            notice=made.notices.append,
            recorder=run.recorder,
            judge=lambda: made.monitor.calls.append("judge"),
        )
        run.steps.begin_epoch(0)
        return made

    return make


def step(made, number, batch=BATCH, is_due=True):
    """Let a step be seen and done."""
    made.run.steps.expect(number)
    known = made.measuring.before_step(is_due, (), batch)
    made.measuring.after_step(known, "result")
    return known


def test_a_step_that_is_due_is_measured_before_and_after_and_judged(watched):
    made = watched()
    step(made, 3)
    assert made.monitor.calls == [("measure", 3, BATCH), ("update", 3, "weights"), "judge"]
    assert made.schedule.spent["probe"] == 1.0
    assert made.schedule.probes == 1
    assert not made.schedule.is_due(3)


def test_a_step_that_is_not_due_is_left_alone(watched):
    made = watched()
    assert step(made, 3, is_due=False) is None
    assert made.monitor.calls == []


def test_without_a_batch_that_is_said(watched):
    made = watched(can_measure=False)
    step(made, 0, batch=None)
    (notice,) = made.notices
    assert "Set `probe=(x, y)`" in notice
    assert made.monitor.calls[1] == ("update", 0, None)


def end_of_epoch(made, **options):
    made.run.steps.expect(4)
    made.run.steps.end_epoch()
    return made.measuring.end_epoch(**({"is_last": False} | options))


def test_at_the_end_of_an_epoch_the_score_comes_first_and_each_once(watched):
    made = watched()
    assert end_of_epoch(made)
    assert made.monitor.calls == [("score", 5), ("measure", 5, None)]
    assert not made.measuring.end_epoch(is_last=True)
    assert len(made.monitor.calls) == 2
    assert (made.schedule.spent["score"], made.schedule.spent["probe"]) == (2.0, 1.0)


def test_a_state_that_was_measured_at_the_end_of_an_epoch_is_not_measured_again(watched):
    made = watched()
    end_of_epoch(made)
    made.run.steps.begin_epoch(1)
    step(made, 0)
    assert made.monitor.calls[2:] == [("update", 5, "weights"), "judge"]
    assert made.schedule.probes == 1
    step(made, 1)
    assert made.schedule.probes == 2


@pytest.mark.parametrize("must_probe", [False, True])
def test_at_an_end_that_is_not_planned_only_what_must_be_is_measured(must_probe, watched):
    schedule = started()
    schedule.plan = Plan(ends=Ends(None), scores=None)
    made = watched(schedule)
    assert end_of_epoch(made, must_probe=must_probe) == must_probe
    assert made.monitor.calls == [("measure", 5, None)] * must_probe


def test_the_end_of_the_run_is_measured_in_any_case(watched):
    schedule = started()
    schedule.plan = Plan(ends=Ends(None), scores=Ends(None))
    made = watched(schedule)
    assert not end_of_epoch(made)
    assert made.measuring.end_epoch(is_last=True)
    assert made.monitor.calls == [("score", 5), ("measure", 5, None)]


def test_what_cannot_be_measured_without_a_step_is_scored_alone(watched):
    made = watched()
    made.monitor.can_use_reference = False
    assert end_of_epoch(made)
    assert made.monitor.calls == [("score", 5)]


def test_a_step_that_is_announced_after_the_data_have_ended_is_none(watched, monkeypatch):
    monkeypatch.setattr(backend, "ANNOUNCES_THE_END", True)
    made = watched()
    made.run.steps = None
    run = Run()
    assert run.steps.may_be_over is False
    counted = {"now": 4, "epoch": 0, "per_call": 1, "is_in_fit": True}
    step_counter = types.SimpleNamespace(**counted, may_be_over=True)
    measure = Measuring(
        run.model,
        made.monitor,
        made.schedule,
        step_counter,
        notice=made.notices.append,
        recorder=run.recorder,
        judge=lambda: None,
    )
    assert measure.before_step(True, (), BATCH) is not None
    assert measure.before_step(True, (), None) is None
    assert made.notices == []
