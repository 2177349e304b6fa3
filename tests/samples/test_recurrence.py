"""Augmented training data differ from those that repeat unchanged."""

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.samples import batches
from keras_babysit.samples.recurrence import Recurrence

pytestmark = pytest.mark.any_backend


def rows(start, stop):
    return np.repeat(np.arange(start, stop, dtype="float32"), 3).reshape(-1, 3)


def test_a_part_of_the_data_is_enough():
    known = batches.rows((rows(0, 250), None, None))  # of 1,000
    same = Recurrence()
    shuffled = np.random.default_rng(0).permutation(rows(0, 1000))
    for start in range(0, 1000, 32):
        same.note((shuffled[start : start + 32], None, None), known, 1000)
    assert same.fraction > 0.7


def test_nothing_is_reported_before_enough_repeats_are_expected():
    known = batches.rows((rows(0, 10), None, None))
    few = Recurrence()
    few.note((rows(500, 532), None, None), known, 1000)
    assert few.fraction is None


class Noisy(keras.utils.PyDataset):
    """Training data that are other ones in each epoch, and much harder than they are."""

    def __init__(self, x, y, noise):
        super().__init__()
        self.x, self.y, self.noise = x, y, noise
        self.rng = np.random.default_rng(0)

    def __len__(self):
        return len(self.x) // 32

    def __getitem__(self, index):
        part = slice(32 * index, 32 * index + 32)
        noise = self.noise * self.rng.normal(size=self.x[part].shape)
        return (self.x[part] + noise).astype("float32"), self.y[part]


@pytest.mark.parametrize(("noise", "fraction"), [(0.0, 1.0), (3.0, 0.0)])
def test_a_run_knows_whether_its_data_are_augmented(noise, fraction):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(640, 8)).astype("float32")
    y = (x.sum(axis=1) > 0).astype("float32")
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(0.03), "binary_crossentropy", metrics=["accuracy"])
    sitter = kb.Babysitter(every=7, verbose=0)
    data = Noisy(x, y, noise)
    model.fit(data, epochs=8, validation_data=(x, y), verbose=0, callbacks=[sitter])
    assert sitter.history.facts.recurring_fraction == fraction
    assert not [one for one in sitter.findings if one.rule == "validation_better_than_train"]
