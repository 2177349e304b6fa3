"""When a snapshot is taken, what it shows, and what it may cost."""

import keras
import numpy as np
import pytest

from keras_babysit.history import History, Measurement
from keras_babysit.recorder.ring import Ring
from keras_babysit.recorder.snapshot import Position
from keras_babysit.recorder.state_keeper import StateCheck, StateKeeper
from keras_babysit.schedule import Schedule
from keras_babysit.schedule.schedule import SHORT_RUN_SECONDS
from tests.recorder import faulty
from tests.recorder.driver import Clock, Drive, arguments_of

GOOD, FINITE, LOST = StateCheck


class Ticking(Clock):
    """Moves on by some seconds each time that it is read, as if what is timed took so long."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def __call__(self):
        self.now += self.seconds
        return self.now


def trained_model(*, is_built=True):
    model, x, y = faulty.infinite_target()
    if is_built:
        model.optimizer.build(model.trainable_variables)
    return model, x, np.nan_to_num(y, posinf=1.0)


def keeper_of(model, *, every=1, clock=None, start=None, ring=None):
    schedule = Schedule(every, clock=clock or Clock())
    schedule.start()
    history = History()
    if start is not None:
        history.extend([Measurement(0, 0, "loss/start", "", start)])
    return StateKeeper(model, Ring() if ring is None else ring, history=history, schedule=schedule)


def check(keeper, model, call, epoch=0):
    return keeper.check_if_due(Position(call, call, epoch), arguments_of(model))


def add_loss(model, value, weight=1.0):
    """Let Keras add up one more loss."""
    tracker, *_ = model.metrics
    assert tracker.name == "loss"
    tracker.update_state(value, sample_weight=weight)


@pytest.fixture
def model():
    return trained_model()[0]


def test_the_first_snapshot_waits_until_the_optimizer_is_built():
    model, _, _ = trained_model(is_built=False)
    keeper = keeper_of(model)
    assert check(keeper, model, 0) is None
    model.optimizer.build(model.trainable_variables)
    assert check(keeper, model, 0) is GOOD
    assert keeper.snapshots.good is None  # nothing was measured from there on
    assert keeper.snapshots.latest.step == 0


def test_after_the_first_step_it_waits_no_longer():
    model, _, _ = trained_model(is_built=False)
    keeper = keeper_of(model)
    assert check(keeper, model, 1) is GOOD


def test_a_snapshot_is_due_when_half_of_the_batches_are_newer(model):
    keeper = keeper_of(model, ring=Ring(max_steps=8))
    due = [call for call in range(13) if check(keeper, model, call) is not None]
    assert due == [0, 4, 8, 12]


def test_a_measured_state_is_worth_a_snapshot_and_says_whether_it_is_good(model):
    keeper = keeper_of(model)
    check(keeper, model, 0)
    keeper.measured(is_good=True)
    assert check(keeper, model, 1) is GOOD
    assert keeper.snapshots.good.step == 1
    assert check(keeper, model, 2) is None  # the measurement counts once
    keeper.measured(is_good=False)
    assert check(keeper, model, 3) is GOOD
    assert (keeper.snapshots.good.step, keeper.snapshots.latest.step) == (1, 3)


def test_a_measurement_that_no_snapshot_could_follow_does_not_confirm_a_later_one(model):
    clock = Ticking(100.0)
    keeper = keeper_of(model, every="auto", clock=clock, ring=Ring(max_steps=4))
    check(keeper, model, 0)
    keeper.measured(is_good=True)
    assert check(keeper, model, 1) is None  # it is too expensive
    clock.now = 1e6
    assert check(keeper, model, 2) is GOOD
    assert (keeper.snapshots.good.step, keeper.snapshots.latest.step) == (0, 2)


def test_losses_that_are_good_confirm_the_snapshot_before(model):
    keeper = keeper_of(model, start=1.0, ring=Ring(max_steps=2))
    check(keeper, model, 0)
    add_loss(model, 2.9)
    assert check(keeper, model, 1) is GOOD
    assert (keeper.snapshots.good.step, keeper.snapshots.latest.step) == (0, 1)


def test_losses_that_are_too_high_do_not(model):
    keeper = keeper_of(model, start=1.0, ring=Ring(max_steps=2))
    check(keeper, model, 0)
    add_loss(model, 3.1)
    assert check(keeper, model, 1) is FINITE
    assert keeper.snapshots.good is None
    assert keeper.snapshots.latest.step == 1
    add_loss(model, 2.5)
    assert check(keeper, model, 2) is GOOD  # since the snapshot before, not since the start
    assert keeper.snapshots.good.step == 1


def spoil_weight(model):
    kernel = model.trainable_variables[0]
    kernel.assign(kernel * np.nan)


def spoil_optimizer(model):
    slot = model.optimizer.variables[-1]
    slot.assign(slot + np.inf)


def spoil_loss(model):
    add_loss(model, np.nan)


@pytest.mark.parametrize("spoil", [spoil_weight, spoil_optimizer, spoil_loss])
def test_what_ceased_to_be_finite_is_lost_and_is_not_kept(spoil, model):
    keeper = keeper_of(model, ring=Ring(max_steps=2))
    check(keeper, model, 0)
    spoil(model)
    assert check(keeper, model, 1) is LOST
    assert keeper.snapshots.latest.step == 0


@pytest.mark.parametrize("is_built", [True, False])
def test_what_was_never_finite_is_not_lost(is_built):
    model, _, _ = trained_model(is_built=is_built)
    spoil_weight(model)
    keeper = keeper_of(model, ring=Ring(max_steps=2))
    keeper.note_initial(Position(), arguments_of(model))
    check(keeper, model, 0)
    assert keeper.known == {(0, 0)}
    assert check(keeper, model, 1) is GOOD


@pytest.mark.parametrize(
    ("loss", "steps", "found"),
    [
        (2.9, 100, GOOD),
        (3.1, 100, LOST),
        (3.1, 1, FINITE),
        (np.inf, 1, LOST),
    ],
    ids=["good", "too-high", "too-high-but-short", "infinite"],
)
def test_the_loss_of_a_whole_epoch(loss, steps, found, model):
    keeper = keeper_of(model, start=1.0)
    check(keeper, model, 0)
    keeper.begin_epoch()
    add_loss(model, loss)
    assert keeper.check_at_epoch_end(Position(steps, steps, 0), 0) is found


def test_another_layout_forgets_what_cannot_be_restored(model):
    ring = Ring(max_steps=2)
    keeper = keeper_of(model, ring=ring)
    check(keeper, model, 0)
    model.compile(keras.optimizers.SGD(), "mse")
    model.optimizer.build(model.trainable_variables)
    keeper.take(Position(1, 1, 0), arguments_of(model), is_confirmed=True)
    assert keeper.snapshots.good is keeper.snapshots.latest is None


def test_a_run_goes_on_from_one_snapshot_alone(model):
    keeper = keeper_of(model, start=1.0, ring=Ring(max_steps=2))
    check(keeper, model, 0)
    add_loss(model, 50.0)
    snapshot = keeper.take(Position(5, 5, 0), arguments_of(model), is_confirmed=True)
    keeper.start_from(snapshot)
    assert keeper.snapshots.good is keeper.snapshots.latest is snapshot
    add_loss(model, 2.0)
    assert check(keeper, model, 6) is GOOD  # the loss before does not count


@pytest.mark.parametrize(
    ("start", "limit"), [(2.0, 6.0), (None, np.inf), (0.0, np.inf), (np.nan, np.inf)], ids=str
)
def test_the_limit_of_the_loss_is_three_times_the_first(start, limit, model):
    assert keeper_of(model, start=start).limit == limit


def test_what_was_trained_before_may_lose_half_of_what_it_had_learnt(model):
    keeper = keeper_of(model, start=0.001)
    keeper._history.append(Measurement(0, 0, "loss/constant", "", 0.999))
    assert keeper.limit == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(2**-4, 3), (128.0, 1)], ids=["cheap", "expensive"]
)
def test_snapshots_keep_to_their_part_of_the_budget(seconds, expected, model):
    """But for the first one, without which there is nothing to go back to."""
    clock = Ticking(seconds)
    keeper = keeper_of(model, every="auto", clock=clock, ring=Ring(max_steps=2))
    taken = 0
    for call in range(200):
        taken += check(keeper, model, call) is not None
        allowance = 0.2 * 0.02 * max(clock.now, SHORT_RUN_SECONDS)
        assert seconds <= keeper.spent <= max(seconds, allowance)
    assert keeper.spent == taken * seconds
    assert taken == expected


def test_with_a_fixed_number_of_steps_the_budget_is_not_asked(model):
    keeper = keeper_of(model, every=1, clock=Ticking(100.0), ring=Ring(max_steps=2))
    assert all(check(keeper, model, call) for call in range(10))
    assert keeper.spent == 1000.0


def test_two_snapshots_are_kept_and_none_at_the_end(tmp_path):
    """In a run: at each step there are the good one and the latest one."""
    seen = []

    class Looks(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            drive.recorder.measured(is_good=batch % 3 == 0)

        def on_train_batch_end(self, batch, logs=None):
            snapshots = drive.recorder.states.snapshots
            seen.append((snapshots.good.step, snapshots.latest.step))

    drive = Drive(tmp_path)
    faulty.fit(trained_model, drive, callbacks=[Looks()])
    assert seen[:5] == [(0, 0), (0, 1), (1, 2), (3, 3), (3, 4)]
    assert len(seen) == 20
    assert drive.recorder.states.snapshots.good is drive.recorder.states.snapshots.latest is None
