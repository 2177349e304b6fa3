import math

import pytest

from keras_babysit.history import Measurement
from keras_babysit.recorder.health import Health, RunHealth
from tests.callbacks.parts import Recorder, Run


def measured(quantity, value, step=4, target=""):
    return Measurement(step, 0, quantity, target, value)


def linked(health=None, step=4):
    run = Run(health=health, recorder=Recorder())
    run.history.append(measured("loss/start", 2.0, 0))
    run.steps.begin_epoch(0)
    run.steps.expect(step)
    return run.recorder, run.health


@pytest.mark.parametrize(
    ("measurements", "state", "step", "is_good"),
    [
        pytest.param([("loss/batch", 1.0)], Health.HEALTHY, 4, True, id="low-loss"),
        pytest.param([("loss/batch", 7.0)], Health.HEALTHY, 4, False, id="exploded"),
        pytest.param([("loss/batch", math.nan)], Health.HEALTHY, 4, False, id="not-finite"),
        pytest.param([("loss/batch", 1.0)], Health.LOST, 4, False, id="lost"),
        pytest.param([("weights/norm", 1.0)], Health.HEALTHY, 4, False, id="no-loss"),
        pytest.param([], Health.HEALTHY, 0, True, id="nothing-better-before-the-first-step"),
        pytest.param([], Health.LOST, 0, False, id="lost-from-the-start"),
    ],
)
def test_which_states_are_worth_going_back_to(measurements, state, step, is_good):
    link, _ = linked(RunHealth(state), step)
    link.note_state([measured(*one) for one in measurements])
    assert link.recorder.are_good == [is_good]


@pytest.mark.parametrize(("loss", "is_good"), [(0.4, True), (1.6, False)])
def test_a_network_that_was_trained_before_is_good_until_half_is_lost(loss, is_good):
    run = Run(recorder=Recorder())
    for quantity, value in (("loss/start", 0.001), ("loss/constant", 3.0)):
        run.history.append(measured(quantity, value, 0))
    run.steps.begin_epoch(0)
    run.steps.expect(4)
    run.recorder.note_state([measured("loss/batch", loss)])
    assert run.recorder.recorder.are_good == [is_good]


@pytest.mark.parametrize(
    ("measurement", "rescued_at", "state"),
    [
        pytest.param(("weights/norm", math.inf), None, Health.LOST, id="infinite-weight"),
        pytest.param(("weights/norm", 1.0), None, Health.HEALTHY, id="finite-weight"),
        pytest.param(("loss/batch", math.nan), None, Health.HEALTHY, id="loss-is-no-sign"),
        pytest.param(("weights/norm", math.inf), 4, Health.HEALTHY, id="from-before-a-rescue"),
        pytest.param(("weights/norm", math.inf), 3, Health.LOST, id="after-a-rescue"),
    ],
)
def test_weights_that_are_not_finite_lose_the_run(measurement, rescued_at, state):
    rescues = 0 if rescued_at is None else 1
    link, health = linked(RunHealth(rescues=rescues, rescued_at=rescued_at))
    link.check_weights([measured(*measurement)])
    assert health.state is state


def test_without_a_recorder_nothing_is_asked_of_it():
    run = Run()
    link = run.recorder
    for call in (link.start, link.begin_epoch, link.end_epoch, link.stop):
        call()
    link.note_state([])
    link.check_weights([measured("weights/norm", math.nan)])
    assert (link.is_on, link.findings, run.health.state) == (False, [], Health.HEALTHY)
