"""Inputs that are the same for many examples, although their targets differ."""

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.samples.equal_inputs import equal_fraction

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 3, 256)
SOURCES = {
    "images": (RNG.normal(size=(256, 6, 6, 1)) + Y[:, None, None, None]).astype("float32"),
    "table": (RNG.normal(size=(256, 10)) + Y[:, None]).astype("float32"),
    "sequences": (RNG.normal(size=(256, 12, 2)) + Y[:, None, None]).astype("float32"),
}


def emptied(x, fraction):
    made = x.copy()
    made[: round(fraction * len(x))] = 0.0
    return made


@pytest.mark.parametrize("name", SOURCES)
def test_examples_that_were_not_filled_are_counted(name):
    x = SOURCES[name]
    assert equal_fraction(emptied(x, 0.75), [Y]) == 0.75
    assert equal_fraction(x, [Y]) is None


def test_empty_examples_may_be_of_one_class():
    x = emptied(SOURCES["images"], 0.5)
    background = np.where(np.arange(256) < 128, 0, 1 + Y)
    assert equal_fraction(x, [background]) is None


def test_codes_that_repeat_are_no_mistake():
    x = np.repeat(RNG.integers(0, 2, (256, 1)), 8, axis=1)
    assert equal_fraction(x, [Y]) is None


@pytest.mark.any_backend
@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("fraction", [0.75, 0.0])
def test_they_are_reported_before_training_and_in_fit(name, fraction):
    x = emptied(SOURCES[name], fraction)
    model = keras.Sequential(
        [keras.Input(x.shape[1:]), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    sitter = kb.Babysitter(verbose=0)
    model.fit(x, Y, epochs=2, verbose=0, callbacks=[sitter])
    for report in (kb.check(model, x, Y, verbose=0), sitter):
        messages = [one.message for one in report.findings]
        assert any("have the same input" in one for one in messages) is (fraction > 0)
