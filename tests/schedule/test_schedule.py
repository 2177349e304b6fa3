"""The schedule on a clock of its own: no test here waits."""

import itertools

import pytest

from keras_babysit.schedule.schedule import GRACE_SECONDS, Schedule


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def run(schedule, clock, steps, step_seconds, cost, first_cost=None):
    """Play a run; return the steps at which probes were taken."""
    schedule.start(steps)
    taken = []
    for step in range(steps):
        if schedule.is_due(step):
            seconds = first_cost if first_cost is not None and not taken else cost
            clock.now += seconds
            schedule.charge("probe", seconds)
            schedule.probes += 1
            schedule.note_probe(step)
            taken.append(step)
        clock.now += step_seconds
    schedule.stop()
    return taken


@pytest.mark.parametrize("budget", [0.005, 0.02, 0.1])
@pytest.mark.parametrize(("step_seconds", "cost"), [(0.01, 0.02), (0.1, 0.5), (1.0, 3.0)])
def test_the_budget_is_kept_on_runs_over_a_minute(budget, step_seconds, cost):
    clock = Clock()
    schedule = Schedule("auto", budget, clock=clock)
    taken = run(schedule, clock, 20_000, step_seconds, cost)
    assert taken[0] == 0
    # The first probe is always taken, whatever it costs.
    assert schedule.overhead.seconds <= budget * schedule.elapsed + cost
    assert schedule.overhead.probes == len(taken)
    assert schedule.overhead.fraction == pytest.approx(cost * len(taken) / schedule.elapsed)


def test_a_costly_compilation_is_earned_back_before_the_next_probe():
    clock = Clock()
    schedule = Schedule("auto", 0.02, clock=clock)
    taken = run(schedule, clock, 50_000, 0.01, 0.01, first_cost=5.0)
    assert taken[0] == 0
    # 5 s are 2 % of 250 s.
    assert 5.0 / 0.02 - 5.0 <= taken[1] * 0.01 < 300


@pytest.mark.parametrize(("first", "again", "second"), [(0.8, 0.5, False), (0.2, 0.1, True)])
def test_a_second_probe_is_taken_unless_its_estimate_is_too_expensive(first, again, second):
    clock = Clock()
    schedule = Schedule("auto", 0.02, clock=clock)
    schedule.start(200)
    schedule.estimate("probe", first, again=again)
    assert schedule.is_due(0)
    clock.now += first
    schedule.charge("probe", first)
    schedule.note_probe(0)
    assert schedule.is_due(1) == second
    assert schedule.affords(
        "keep", 1
    )  # none is reserved for a last probe that may be too expensive


def test_a_short_run_is_charged_as_if_it_took_a_minute():
    clock = Clock()
    schedule = Schedule("auto", 0.02, clock=clock)
    taken = run(schedule, clock, 200, 0.01, 0.03)
    assert len(taken) >= 5
    assert schedule.overhead.seconds <= 0.02 * GRACE_SECONDS
    assert taken[-1] > 100


def test_early_steps_are_seen_more_closely():
    clock = Clock()
    taken = run(Schedule("auto", 0.02, clock=clock), clock, 100_000, 0.05, 0.01)
    assert taken[:8] == list(range(8))
    gaps = [later - earlier for earlier, later in itertools.pairwise(taken)]
    assert max(gaps[-50:]) <= 500  # once the close look at the start is earned back


def test_a_number_is_deterministic_and_knows_no_budget():
    clock = Clock()
    taken = run(Schedule(7, 0.001, clock=clock), clock, 30, 0.001, 100.0)
    assert taken == [0, 7, 14, 21, 28]


def test_steps_that_several_executions_skip_are_made_up_for():
    schedule = Schedule(4, clock=Clock())
    schedule.start(100)
    taken = []
    for step in range(0, 60, 3):  # the hook sees every third step only
        if schedule.is_due(step):
            schedule.note_probe(step)
            taken.append(step)
    assert taken == [0, 6, 9, 12, 18, 21, 24, 30, 33, 36, 42, 45, 48, 54, 57]


def test_probes_and_scores_have_fractions_of_the_budget():
    clock = Clock()
    schedule = Schedule("auto", 0.02, clock=clock)
    schedule.start(None)
    clock.now += 1000.0
    for seconds in (1.0, 13.1):
        schedule.charge("probe", seconds)
    assert not schedule.affords("probe", 10)
    assert schedule.affords("score", 10)
    for seconds in (0.1, 5.9):
        schedule.charge("score", seconds)
    assert not schedule.affords("score", 10)
    assert schedule.affords("keep", 10) is False  # 20 s are spent


def test_what_each_epoch_of_a_short_run_costs_is_reserved():
    schedule = started(planned_steps=1000)
    schedule.charge("other", 0.15)
    schedule.charge("probe", 0.6)
    schedule.charge("probe", 0.2)
    assert not schedule.affords("probe", 500)
    assert schedule.affords("probe", 1000, is_last=True)


def test_a_one_off_cost_must_fit_the_budget_of_a_short_run():
    schedule = Schedule("auto", 0.02, clock=Clock())
    schedule.start(1000)
    assert schedule.allows_once(1.1, 0)
    assert not schedule.allows_once(1.3, 0)
    assert Schedule(10).allows_once(1e9, 0)


def test_a_one_off_cost_is_allowed_once_the_length_of_the_run_is_known():
    clock = Clock()
    schedule = Schedule("auto", 0.02, clock=clock)
    schedule.start(1000)
    for step in range(6):
        schedule.is_due(step)
        clock.now += 1.0
    assert schedule.elapsed == 6.0
    # 1000 s are expected: 20 s in all, 5 s of them for scores; as much again is to be left.
    assert schedule.allows_once(7.4, 6)
    assert not schedule.allows_once(7.6, 6)


def test_a_first_score_that_is_too_expensive_does_not_stop_the_probes():
    schedule = started(planned_steps=1000)
    schedule.estimate("score", 0.7, again=0.7)
    schedule.charge("probe", 0.75)
    assert not schedule.affords("score", 1000, is_last=True)
    assert schedule.affords("probe", 10)


def test_the_only_score_that_a_run_can_have_is_that_of_its_end():
    schedule = started(planned_steps=1000)
    schedule.estimate("score", 0.5, again=0.5)
    schedule.charge("probe", 0.4)
    assert not schedule.affords("score", 10)
    assert schedule.affords("score", 1000, is_last=True)


def test_the_last_measurement_may_exceed_the_budget_if_it_is_cheap_or_the_only_score():
    clock = Clock()
    schedule = Schedule("auto", 0.02, clock=clock)
    schedule.start(100)
    schedule.estimate("score", 0.1, again=0.1)
    schedule.charge("other", 0.02 * GRACE_SECONDS)
    for _ in range(2):
        schedule.charge("probe", 0.04)
    clock.now += 1.0
    assert not schedule.affords("score", 99)
    assert schedule.affords("score", 100, is_last=True)
    assert schedule.affords("probe", 100, is_last=True)
    for _ in range(2):  # the fraction of scores is used up, and a probe is expensive
        schedule.charge("score", 0.15)
        schedule.charge("probe", 0.2)
    assert not schedule.affords("score", 100, is_last=True)
    assert not schedule.affords("probe", 100, is_last=True)


def test_the_only_score_of_a_run_may_take_half_of_the_budget():
    schedule = started(planned_steps=100)
    schedule.charge("other", 0.02 * GRACE_SECONDS)
    schedule.estimate("score", 0.55, again=0.55)
    assert schedule.affords("score", 100, is_last=True)
    schedule.estimate("score", 0.65, again=0.65)
    assert not schedule.affords("score", 100, is_last=True)


def test_without_a_planned_end_no_score_is_reserved_for_it():
    schedule = started(planned_steps=None)
    schedule.estimate("score", 0.25, again=0.25)
    schedule.charge("probe", 0.9)
    assert schedule.affords("score", 10)


def test_scores_are_spread_over_a_short_run():
    schedule = started(planned_steps=1000)
    schedule.estimate("score", 0.1, again=0.1)
    # They may use 0.3 s in all.
    assert not schedule.affords("score", 100)
    assert schedule.affords("score", 400)


def test_the_second_of_a_kind_is_expected_to_cost_what_was_estimated():
    schedule = started(planned_steps=1000)
    schedule.estimate("score", 0.3, again=0.1)
    schedule.charge("score", 0.3)
    # Room for it and for that of the end, of 0.1 s each, and then for one of them only.
    schedule.charge("probe", 0.65)
    assert schedule.affords("score", 900)
    schedule.charge("probe", 0.1)
    assert not schedule.affords("score", 900)
    assert schedule.affords("score", 1000, is_last=True)


def test_the_length_of_a_run_may_be_known_later_than_its_start():
    schedule = started(planned_steps=None)
    schedule.estimate("score", 0.1, again=0.1)
    assert schedule.affords("score", 100)
    schedule.expect(1000)
    assert not schedule.affords("score", 100)


def test_a_clock_that_is_set_back_charges_nothing():
    clock = Clock()
    schedule = Schedule(clock=clock)
    schedule.start(1000)
    with schedule.charging("probe"):
        clock.now -= 1e9
    assert schedule.overhead.seconds == schedule.elapsed == 0.0


def started(planned_steps):
    schedule = Schedule("auto", 0.02, clock=Clock())
    schedule.start(planned_steps)
    return schedule


def test_time_inside_of_other_time_is_charged_once():
    clock = Clock()
    schedule = Schedule(clock=clock)
    with schedule.charging("other"):
        clock.now += 1.0
        with schedule.charging("keep"):
            clock.now += 2.0
        clock.now += 4.0
    assert schedule.spent["other"] == 5.0
    assert schedule.spent["keep"] == 2.0
    assert schedule.overhead.seconds == 7.0


def test_time_that_is_no_cost_of_monitoring_is_not_charged():
    clock = Clock()
    schedule = Schedule(clock=clock)
    with schedule.charging("other"), schedule.charging("keep"):
        clock.now += 1.0
        with schedule.leaving_out():
            clock.now += 8.0
    assert schedule.spent["keep"] == 1.0
    assert schedule.overhead.seconds == 1.0
