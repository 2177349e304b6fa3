"""The health of a run: every transition from every state, allowed or refused, and how it prints."""

import itertools

import pytest

from keras_babysit.errors import HealthTransitionError
from keras_babysit.recorder.health import TRANSITIONS, Health, RunHealth

HEALTHY, SEARCHING, LOST, RESCUED, OFF = Health
CALLS = {
    "begin_search": lambda health: health.begin_search(),
    "lose": lambda health: health.lose(),
    "rescue": lambda health: health.rescue(step=7),
    "resolve": lambda health: health.resolve(),
    "switch_off": lambda health: health.switch_off(),
}
ALLOWED = {
    ("begin_search", HEALTHY): SEARCHING,
    ("begin_search", LOST): SEARCHING,
    ("begin_search", RESCUED): SEARCHING,
    ("lose", HEALTHY): LOST,
    ("lose", SEARCHING): LOST,
    ("lose", LOST): LOST,
    ("lose", RESCUED): LOST,
    ("rescue", LOST): RESCUED,
    ("resolve", HEALTHY): HEALTHY,
    ("resolve", SEARCHING): HEALTHY,
    ("resolve", LOST): HEALTHY,
    ("resolve", RESCUED): HEALTHY,
    **{("switch_off", state): OFF for state in Health},
}


def in_state(state):
    rescued = {"rescues": 2, "rescued_at": 5} if state is RESCUED else {}
    return RunHealth(state, **rescued)


@pytest.mark.parametrize(("call", "state"), list(itertools.product(CALLS, Health)))
def test_each_transition_from_each_state(call, state):
    health = in_state(state)
    if (call, state) in ALLOWED:
        CALLS[call](health)
        assert health.state is ALLOWED[call, state]
        return
    with pytest.raises(HealthTransitionError, match=rf"`{call}` must .*{state.value}"):
        CALLS[call](health)
    assert health.state is state
    assert repr(health) == repr(in_state(state))


def test_the_table_names_every_transition():
    assert set(TRANSITIONS) == set(CALLS)


@pytest.mark.parametrize(
    ("health", "text"),
    [
        (RunHealth(), "healthy"),
        (RunHealth(SEARCHING), "searching"),
        (RunHealth(LOST, rescues=1, rescued_at=3), "lost"),
        (RunHealth(RESCUED, rescues=2, rescued_at=5), "rescued at step 5 (rescue 2)"),
        (RunHealth(OFF), "off"),
    ],
    ids=str,
)
def test_it_can_be_printed_in_each_state(health, text):
    assert str(health) == text
    again = eval(repr(health), {"RunHealth": RunHealth, "Health": Health})
    assert repr(again) == repr(health)


def test_rescues_are_counted_and_the_latest_step_stays_after_it_has_held():
    health = RunHealth()
    for step in (4, 9):
        health.lose()
        health.rescue(step)
    assert (health.rescues, health.rescued_at) == (2, 9)
    health.resolve()
    assert (health.state, health.rescues, health.rescued_at) == (HEALTHY, 2, 9)
    assert [health.is_past(step) for step in (4, 9, 10)] == [True, True, False]


def test_nothing_is_past_without_a_rescue():
    assert not RunHealth(LOST).is_past(0)


@pytest.mark.parametrize("end", ["lose", "resolve"])
def test_a_run_is_searched_once(end):
    health = RunHealth()
    assert health.can_search
    health.begin_search()
    assert health.is_searching
    assert not health.can_search
    CALLS[end](health)
    assert not health.can_search
    with pytest.raises(HealthTransitionError, match="at most once"):
        health.begin_search()


@pytest.mark.parametrize(("state", "can"), [(HEALTHY, True), (LOST, True), (OFF, False)])
def test_a_run_that_is_off_cannot_be_searched(state, can):
    assert RunHealth(state).can_search is can


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rescues": 1}, "both or neither"),
        ({"rescued_at": 3}, "both or neither"),
        ({"rescues": -1}, "Received: rescues=-1"),
        ({"state": RESCUED}, "must have been rescued"),
        ({"state": "fine"}, "fine"),
    ],
    ids=["no-step", "no-count", "negative", "never-rescued", "no-state"],
)
def test_a_contradiction_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        RunHealth(**arguments)
