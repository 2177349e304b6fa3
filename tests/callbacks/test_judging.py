import pytest

from keras_babysit.callbacks.judging import JudgedMoment
from keras_babysit.findings import Severity
from keras_babysit.recorder.health import Health, RunHealth
from tests.callbacks.parts import Recorder, Run, finding

FATAL = finding("loss_explosion", Severity.ERROR, measured_step=7)
UNEXPLAINED = finding("non_finite_values", Severity.ERROR, needs_cause=True)
HARMLESS = finding()


def test_what_the_rules_find_is_published():
    run = Run()
    assert run.judge(HARMLESS) == ["dead_units"]
    assert run.health.state is Health.HEALTHY


def test_a_judgement_knows_when_it_is_made_and_whether_it_may_wait():
    run = Run()
    assert run.judging.latest is None
    run.steps.begin_epoch(0)
    run.steps.expect(3)
    run.judge()
    assert run.judging.latest == JudgedMoment(step=3, epoch=0, may_wait=True)
    run.search.end()
    run.judge()
    assert run.judging.latest.may_wait is False


def test_a_fatal_finding_loses_the_run_and_without_a_recorder_it_may_pass():
    run = Run()
    run.judge(FATAL)
    assert run.health.state is Health.LOST
    run.judge(HARMLESS)
    assert run.health.state is Health.HEALTHY


def test_with_a_recorder_the_run_is_lost_until_that_has_looked_into_it():
    run = Run(recorder=Recorder())
    run.judge(FATAL)
    run.judge(HARMLESS)
    assert run.health.state is Health.LOST


@pytest.mark.parametrize(("rescued_at", "is_past"), [(6, False), (7, True), (None, False)])
def test_a_fatal_finding_from_before_a_rescue_is_past(rescued_at, is_past):
    rescues = 0 if rescued_at is None else 1
    health = RunHealth(rescues=rescues, rescued_at=rescued_at)
    run = Run(health=health, recorder=Recorder())
    assert run.judge(FATAL) == ([] if is_past else ["loss_explosion"])
    assert health.state is (Health.HEALTHY if is_past else Health.LOST)


def test_what_the_recorder_found_is_published_too():
    run = Run(recorder=Recorder())
    run.recorder.recorder.findings = [finding("flight_recorder")]
    assert set(run.judge(HARMLESS)) == {"dead_units", "flight_recorder"}


def test_an_effect_alone_waits_until_its_cause_was_searched_for():
    run = Run()
    assert run.judge(UNEXPLAINED) == []
    assert run.health.state is Health.SEARCHING
    assert run.judge(UNEXPLAINED) == []
    run.search.note(10)  # two epochs of five steps
    assert run.health.state is Health.LOST
    assert run.judge(UNEXPLAINED) == ["non_finite_values"]
    assert run.health.state is Health.LOST


@pytest.mark.parametrize("options", [{"stop_on": Severity.ERROR}, {"recorder": Recorder()}])
def test_where_a_finding_acts_at_once_none_waits(options):
    run = Run(**options)
    assert run.judge(UNEXPLAINED) == ["non_finite_values"]
    assert run.health.state is Health.LOST
    assert not run.judging.latest.may_wait
