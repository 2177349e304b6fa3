"""What a recorder keeps of the data of a run."""

import keras
import numpy as np
import pytest

from keras_babysit.backends import backend
from keras_babysit.recorder.batch_keeper import BatchKeeper
from keras_babysit.recorder.ring import Ring
from keras_babysit.recorder.snapshot import Position
from tests.recorder import faulty
from tests.recorder.driver import Drive, arguments_of


class Halve(keras.callbacks.Callback):
    """Halves the learning rate from one epoch to the next."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate = 0.5 / 2**epoch


def kept_of(folder, **options):
    """Return the steps that are kept of a run of two epochs, and its data."""
    kept = []

    class BeforeTheEnd(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            kept[:] = drive.recorder.batches.ring.since(0)

    drive = Drive(folder, **options)
    model, x, y = faulty.nan_input()
    x = np.nan_to_num(x)
    faulty.fit(lambda: (model, x, y, Halve()), drive, callbacks=[BeforeTheEnd()])
    return kept, x, y


def test_each_step_is_kept_with_its_batch_and_its_learning_rate(tmp_path):
    kept, x, y = kept_of(tmp_path)
    assert [one.call for one in kept] == [one.step for one in kept] == list(range(20))
    assert [one.batch_index for one in kept] == [*range(10), *range(10)]
    assert [one.epoch for one in kept] == [0] * 10 + [1] * 10
    rates = [float(backend.to_numpy(one.rate)) for one in kept]
    assert rates == [0.5] * 10 + [0.25] * 10
    for one in kept:
        rows = slice(one.batch_index * faulty.BATCH, (one.batch_index + 1) * faulty.BATCH)
        ((x_batch, y_batch, *_),) = one.batches
        np.testing.assert_array_equal(backend.to_numpy(x_batch), x[rows])
        np.testing.assert_array_equal(np.ravel(backend.to_numpy(y_batch)), y[rows])


def test_the_ring_can_be_another_one(tmp_path):
    kept, _, _ = kept_of(tmp_path, ring=Ring(max_steps=3))
    assert [one.call for one in kept] == [17, 18, 19]


def test_without_a_folder_and_a_rescue_that_continues_nothing_is_kept():
    kept, _, _ = kept_of(None)
    assert kept == []


def test_one_that_is_off_takes_no_batch_and_has_no_sandbox():
    model, _, _ = faulty.nan_input()
    keeper = BatchKeeper(model, is_on=False)
    arguments = (iter([1]),)
    batches, handed_on = keeper.take(arguments)
    keeper.keep(Position(), 0, batches, arguments)
    assert batches == []
    assert handed_on is arguments
    assert len(keeper.ring) == 0
    with keeper.sandbox(model.train_step, None) as box:
        assert box is None


@pytest.mark.parametrize("batches", [[], ["a batch"]], ids=["no-batch", "one-batch"])
def test_a_step_that_raised_is_forgotten(batches):
    model, _, _ = faulty.nan_input()
    model.optimizer.build(model.trainable_variables)
    keeper = BatchKeeper(model)
    keeper.keep(Position(), 0, [np.zeros(2)], arguments_of(model))
    keeper.keep(Position(1, 1, 0), 1, batches, arguments_of(model))
    keeper.cancel(batches)
    assert [one.call for one in keeper.ring.since(0)] == [0]
