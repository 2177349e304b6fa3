"""An optimizer that is compiled again and again is seen across runs of one model."""

import keras
import numpy as np
import pytest

import keras_babysit as kb


def train(rounds, optimizer, *, compiles=True, model=None):
    """Train in rounds of one epoch, and return what the last one reports."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 4)).astype("float32")
    y = x[:, :1] + x[:, 1:2]
    if model is None:
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    for index in range(rounds):
        if compiles or not index:
            model.compile(optimizer(index), "mse")
        sitter = kb.Babysitter(verbose=0)
        model.fit(x, y, epochs=1, batch_size=16, verbose=0, callbacks=[sitter])
    return {one.rule for one in sitter.findings}


def adam(index):
    return keras.optimizers.Adam(1e-3)


@pytest.mark.parametrize(
    ("optimizer", "compiles", "is_reported"),
    [
        (adam, True, True),
        (adam, False, False),
        (lambda index: keras.optimizers.Adam(1e-3 / (1 + index)), True, False),
        (lambda index: keras.optimizers.SGD(1e-2), True, False),
        (lambda index: keras.optimizers.SGD(1e-2, momentum=0.9), True, True),
        (
            lambda index: keras.optimizers.SGD(
                keras.optimizers.schedules.PolynomialDecay(1e-2, 100)
            ),
            True,
            True,
        ),
    ],
    ids=["adam", "compiled-once", "stages", "sgd", "momentum", "schedule"],
)
def test_a_reset_in_each_round_is_reported(optimizer, compiles, is_reported):
    assert ("optimizer_reset" in train(3, optimizer, compiles=compiles)) == is_reported


def test_a_single_reset_is_not_reported():
    assert "optimizer_reset" not in train(2, adam)


def test_folds_that_begin_with_new_weights_are_not_reported():
    rng = np.random.default_rng(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    for _ in range(4):
        model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
        found = train(1, adam, model=model)
    assert "optimizer_reset" not in found
