"""The schedule: its decisions need no clock, and its account has a clock of its own here."""

import gc
import weakref

import keras
import pytest

from keras_babysit.schedule import Account, CostEstimate, Mode, Schedule, account_of
from keras_babysit.schedule.schedule import GUARD, LONG_GUARD, NEXT_RUN_SECONDS

SMALL = CostEstimate(3, multiply_adds=1e4, compiled_start=0.3, uncompiled_start=0.1)


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def run(schedule, steps, *, every=1, before=lambda step: None):
    """Play a run whose hook sees every n-th step; return the steps at which probes were taken."""
    taken = []
    for step in range(0, steps, every):
        before(step)
        if schedule.is_due(step):
            schedule.note_probe(step)
            taken.append(step)
    return taken


def started(steps=320, epochs=10, estimate=SMALL, clock=None, **options):
    schedule = Schedule(**options) if clock is None else Schedule(clock=clock, **options)
    schedule.start(steps)
    schedule.expect(steps, epochs)
    if estimate is not None:
        schedule.know(estimate)
    return schedule


def test_what_it_decides_depends_on_no_clock():
    def slower(step):
        clock.now += 0.03 * step

    clock = Clock()
    expected = run(started(), 320)
    assert run(started(clock=clock), 320, before=slower) == expected
    assert expected[:5] == [0, 1, 2, 4, 8]
    assert expected == started().plan.looks.steps(320)


def test_without_an_estimate_it_looks_ever_further_apart():
    assert run(started(estimate=None), 100) == [0, 1, 2, 4, 8, 16, 32, 64]


def test_a_number_is_every_so_many_steps_whatever_they_cost():
    expensive = CostEstimate(9, compiled_start=1e9)
    schedule = started(estimate=expensive, every=7, budget=0.001)
    assert run(schedule, 30) == [0, 7, 14, 21, 28]
    assert schedule.is_end_due("probe", 3)
    assert schedule.takes_gradients


def test_steps_that_several_executions_skip_are_made_up_for():
    assert run(Schedule(4), 60, every=3) == [
        *(0, 6, 9, 12, 18, 21, 24, 30, 33, 36, 42, 45, 48, 54, 57)
    ]
    assert run(started(estimate=None), 40, every=3) == [0, 3, 6, 9, 18, 33]


@pytest.mark.parametrize(("done", "expected"), [(0, [0, 3, 7, 11, 19]), (2, [0, 1, 5, 9, 17])])
def test_where_gradients_are_accumulated_looks_fall_on_updates(done, expected):
    schedule = started(estimate=None)
    schedule.align(4, done)
    assert run(schedule, 20) == expected
    assert [step for step in range(10) if schedule.has_update(step)] == [
        step for step in range(10) if (done + step) % 4 == 3
    ]
    assert schedule.has_update(0, steps=4)
    assert started().has_update(0)


def test_a_call_of_several_steps_is_looked_at_if_it_has_an_update():
    schedule = started(estimate=None)
    schedule.align(4, per_call=2)
    taken = run(schedule, 40, every=2)
    assert taken == [0, 2, 6, 10, 18, 34]
    assert all(schedule.has_update(step, 2) for step in taken[1:])


def test_a_number_below_the_accumulated_steps_is_kept():
    schedule = started(every=2)
    schedule.align(4)
    assert run(schedule, 9) == [0, 2, 4, 6, 8]


def test_before_the_next_step_nothing_is_due():
    schedule = started()
    run(schedule, 5)
    assert schedule.next_step == 8
    assert not any(schedule.is_due(step) for step in (5, 6, 7))


def test_the_length_of_a_run_may_be_known_later_than_its_start():
    schedule = started(steps=None)
    run(schedule, 320)
    schedule.expect(3200, 10)
    assert schedule.plan == started(steps=3200).plan
    assert schedule.next_step == schedule.plan.looks.after(319)


def test_the_last_epoch_is_always_looked_at():
    schedule = started(epochs=100)
    for kind in ("probe", "score"):
        due = [epoch for epoch in range(1, 101) if schedule.is_end_due(kind, epoch)]
        assert 4 <= len(due) < 50
        assert schedule.is_end_due(kind, 99, is_last=True)


def test_what_is_not_planned_is_not_taken_at_the_end_either():
    schedule = started(estimate=CostEstimate(900, compiled_start=1000.0))
    assert schedule.plan.mode is None
    assert not schedule.is_end_due("score", 10, is_last=True)
    assert schedule.is_end_due("probe", 10, is_last=True)  # by the host


def test_a_larger_budget_looks_deeper():
    costly = CostEstimate(300, compiled_start=40.0)
    assert started(estimate=costly).plan.mode is None
    assert started(estimate=costly, budget=0.3).plan.mode == Mode(is_compiled=True)
    assert started(estimate=costly, steps=10_000_000).plan.mode == Mode(is_compiled=True)


def test_the_allowance_of_a_model_is_spent_once():
    account, allowances = Account(), []
    for _ in range(30):
        schedule = started(account=account, budget=0.02)
        allowances.append(schedule.allowance)
        run(schedule, 320)
        schedule.settle()
    assert allowances[0] == 3.0
    assert allowances[1] == pytest.approx(3.0 - started().plan.seconds)
    assert allowances[-1] == pytest.approx(0.02 * NEXT_RUN_SECONDS)
    assert account.trained == pytest.approx(30 * 319 * SMALL.step)


def test_an_account_lives_as_long_as_its_model():
    model = keras.Sequential([keras.layers.Dense(1)])
    account = account_of(model)
    account.spent = 2.0
    assert account_of(model) is account
    assert account_of(keras.Sequential([keras.layers.Dense(1)])).spent == 0.0
    gone = weakref.ref(account)
    del model, account
    gc.collect()
    assert gone() is None


def test_the_guard_ends_what_takes_many_times_what_was_estimated():
    clock = Clock()
    schedule = started(clock=clock)
    run(schedule, 100)
    schedule.charge("probe", GUARD * 3.0)
    assert schedule.is_due(128)
    assert schedule.cut_short_at is None
    schedule.charge("probe", 1.0)
    assert not schedule.is_due(128)
    assert schedule.cut_short_at == 128
    assert not schedule.is_end_due("score", 10, is_last=True)
    clock.now += 1e6  # for the rest of the run
    assert not schedule.is_due(10_000)


def test_a_machine_where_everything_takes_thirty_times_as_long_changes_nothing():
    clock = Clock()
    schedule = Schedule(clock=clock)
    schedule.start(1000)
    for step in range(1000):
        if schedule.is_due(step):
            seconds = 30 * (2.5 if step == 0 else 0.02)
            clock.now += seconds
            schedule.charge("probe", seconds)
            schedule.note_probe(step)
        clock.now += 30 * 0.05
    assert schedule.cut_short_at is None


def test_the_guard_grows_with_the_run_and_leaves_a_number_alone():
    clock = Clock()
    schedule = started(clock=clock)
    clock.now += 10_000.0
    schedule.charge("probe", 0.9 * LONG_GUARD * 200.0)
    assert not schedule.is_cut_short
    fixed = started(every=5)
    fixed.charge("probe", 1e9)
    assert fixed.is_due(5)


def test_a_clock_that_is_set_back_charges_nothing():
    clock = Clock()
    schedule = Schedule(clock=clock)
    schedule.start(1000)
    with schedule.charging("probe"):
        clock.now -= 1e9
    assert schedule.overhead.seconds == schedule.elapsed == 0.0


def test_the_overhead_is_what_was_charged():
    clock = Clock()
    schedule = Schedule(clock=clock)
    schedule.start(10)
    schedule.charge("probe", 1.0)
    schedule.charge("other", 2.0)
    schedule.probes += 1
    clock.now += 12.0
    schedule.stop()
    clock.now += 100.0
    assert schedule.overhead.seconds == 3.0
    assert schedule.overhead.wall_seconds == 12.0
    assert schedule.overhead.probes == 1


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


def test_the_headroom_is_due_at_the_first_probe_of_each_planned_step():
    schedule = Schedule(every=10)
    schedule.start(planned_steps=1000)
    found = []
    for step in range(0, 300, 10):
        if schedule.is_headroom_due(step):
            found.append(step)
            schedule.note_headroom(step)
    assert found == [0, 10, 20, 70, 130, 260]


def test_what_the_headroom_took_does_not_shorten_later_runs():
    account = Account()
    schedule = Schedule(account=account)
    schedule.know(CostEstimate(layers=3, uncompiled_start=0.005))
    schedule.start(planned_steps=500)
    before = schedule.allowance
    assert schedule.plan.headroom_seconds > 0
    schedule.settle()
    assert account.headroom == schedule.plan.headroom_seconds
    assert before - Schedule(account=account).allowance == pytest.approx(schedule.plan.seconds)


@pytest.mark.parametrize("every", ["auto", 5])
def test_a_model_whose_scores_nobody_reads_is_not_scored(every):
    schedule = Schedule(every, account=Account(is_watched_only=True))
    assert not schedule.is_end_due("score", 1, is_last=True)
    assert schedule.is_end_due("probe", 1, is_last=True)
    assert Schedule(every).is_end_due("score", 1, is_last=True)


@pytest.mark.parametrize(("steps", "most"), [(4, 2), (12, 2), (20, 4), (100, 20), (1000, 40)])
def test_a_model_that_is_only_watched_has_few_forward_looks(steps, most):
    """The start and the end are always looked at; a long run is not looked at more often."""
    estimate = CostEstimate(layers=3, multiply_adds=1e4, uncompiled_start=0.0045)
    account = Account(share=0.1, looks_per_step=0.2, is_watched_only=True)
    schedule = Schedule(account=account)
    schedule.start()
    schedule.expect(steps, 4)
    schedule.know(estimate)
    plan = schedule.plan
    assert 2 <= len(plan.looks.steps(steps)) + plan.ends.count(4) <= most
    assert not schedule.takes_gradients
    assert plan.scores is None
    assert not plan.has_behaviour
