"""What is kept stays within its bounds: of time, of memory, of number."""

import gc

import keras
import numpy as np
import pytest

from keras_babysit.history import History
from keras_babysit.recorder import FlightRecorder, flight_recorder
from keras_babysit.recorder.ring import MAX_BYTES, MAX_STEPS, KeptStep, Ring
from keras_babysit.recorder.snapshot import Snapshot
from keras_babysit.schedule import Schedule
from keras_babysit.schedule.schedule import GRACE_SECONDS
from tests.recorder import faulty


class Clock:
    """Tells the time that it is given."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Records(keras.callbacks.Callback):
    """Drives a recorder alone: a step takes `pace` seconds, and every state is asked for."""

    def __init__(self, folder, *, every="auto", pace=1.0):
        super().__init__()
        self.clock, self.pace = Clock(), pace
        self.folder, self.every = folder, every
        self.snapshots, self.spent = [], []

    def on_train_begin(self, logs=None):
        schedule = Schedule(self.every, clock=self.clock)
        schedule.start()
        self.recorder = FlightRecorder(
            self.model,
            folder=self.folder,
            rescue=None,
            history=History(),
            schedule=schedule,
            news=lambda skipped: None,
            warn=pytest.fail,
        )
        self.recorder.start()
        self.step = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.recorder.begin_epoch(epoch, self.step)

    def on_train_batch_begin(self, batch, logs=None):
        self.recorder.measured(is_good=self.step % 3 == 0)
        self.recorder.expect(self.step, self.epoch, batch)

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        self.clock.now += self.pace
        self.snapshots.append(sum(type(one) is Snapshot for one in gc.get_objects()))
        self.spent.append((self.clock.now, self.recorder._spent))

    def on_epoch_end(self, epoch, logs=None):
        self.recorder.end_epoch()

    def on_train_end(self, logs=None):
        self.recorder.stop()


def healthy():
    model, x, y = faulty.infinite_target()
    model.optimizer.build(model.trainable_variables)  # so that there is a snapshot at the start
    return model, x, np.nan_to_num(y, posinf=1.0)


def recorded(folder, **options):
    records = Records(folder, **options)
    faulty.fit(healthy, None, callbacks=[records])
    assert len(records.spent) == 20
    return records


def test_two_snapshots_are_kept_and_not_more(tmp_path):
    gc.collect()  # what other tests left behind in cycles
    records = recorded(tmp_path, every=1)
    assert max(records.snapshots) == 2
    assert sum(type(one) is Snapshot for one in gc.get_objects()) == 0


@pytest.mark.parametrize(
    ("seconds", "pace", "taken"),
    [
        pytest.param(0.035, 1.0, 6, id="cheap", marks=pytest.mark.slow),
        pytest.param(0.035, 60.0, 21, id="long"),
        pytest.param(5.0, 1.0, 1, id="dear"),
    ],
)
def test_snapshots_keep_to_their_share_of_the_budget(seconds, pace, taken, tmp_path, monkeypatch):
    """But for the first one, without which there is nothing to go back to."""

    def takes_time(values):
        records.clock.now += seconds
        return on_host(values)

    on_host = flight_recorder.on_host
    monkeypatch.setattr(flight_recorder, "on_host", takes_time)
    records = Records(tmp_path, pace=pace)

    faulty.fit(healthy, None, callbacks=[records])
    for now, spent in records.spent:
        granted = 0.2 * 0.02 * max(now, GRACE_SECONDS)
        assert seconds <= spent <= max(seconds, granted)
    assert round(records.spent[-1][1] / seconds) == taken


def test_with_a_fixed_number_of_steps_the_budget_is_not_asked(tmp_path, monkeypatch):
    on_host = flight_recorder.on_host
    taken = []
    monkeypatch.setattr(flight_recorder, "on_host", lambda v: taken.append(1) or on_host(v))
    recorded(tmp_path, every=1)
    assert len(taken) >= 20


def test_the_ring_keeps_to_its_bounds():
    def fill(count, n_bytes):
        ring = Ring()
        for call in range(count):
            array = np.broadcast_to(np.zeros(1, "int8"), (n_bytes,))  # takes no memory
            ring.add(KeptStep(call, call, 0, call, [array]))
            assert sum(kept.batches[0].nbytes for kept in ring.since(0)) <= max(MAX_BYTES, n_bytes)
        return [kept.call for kept in ring.since(0)]

    assert (MAX_STEPS, MAX_BYTES) == (512, 256 * 2**20)
    assert fill(600, 1) == list(range(88, 600))
    assert fill(10, MAX_BYTES // 4) == [6, 7, 8, 9]
    assert fill(10, MAX_BYTES // 4 + 1) == [7, 8, 9]
    assert fill(3, 2 * MAX_BYTES) == [2]
