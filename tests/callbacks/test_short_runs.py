"""A fault that leaves nothing to doubt is named in a run of few measurements, too."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_babysit as kb
from tests.callbacks.loops import LOOPS, X, Y

STEPS = 150


def with_a_layer(bias):
    """Return a network without batch normalization, whose hidden units start at that bias."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    start = keras.initializers.Constant(bias)
    hidden = layers.Dense(16, "relu", bias_initializer=start, name="hidden")
    return keras.Sequential([keras.Input((6,)), hidden, layers.Dense(1, name="head")])


def in_loop(name, model, steps, rate=1e-3):
    optimizer = keras.optimizers.Adam(rate)
    with kb.watch(model, optimizer, steps=steps, verbose=0) as sitter:
        LOOPS[name](steps, sitter.step, model, optimizer)
    return sitter


def in_fit(model, steps):
    model.compile("adam", "mse")
    sitter = kb.Babysitter(verbose=0)
    x, y = (np.resize(one, (32 * steps, one.shape[1])) for one in (X, Y))
    model.fit(x, y, batch_size=32, epochs=1, verbose=0, callbacks=[sitter])
    return sitter


def found(sitter):
    rules = {"dead_units", "no_gradient", "not_learning"}
    return [(one.rule, one.target) for one in sitter.findings if one.rule in rules]


@pytest.mark.parametrize("name", LOOPS)
def test_a_network_that_is_dead_from_the_start_is_named_in_a_loop(name):
    sitter = in_loop(name, with_a_layer(-100.0), STEPS)
    assert found(sitter)[0] == ("dead_units", "hidden")
    assert ("not_learning", "") not in found(sitter)
    assert found(in_loop(name, with_a_layer(0.0), STEPS, rate=1e-2)) == []


@pytest.mark.parametrize("steps", [3, STEPS])
def test_a_network_that_is_dead_from_the_start_is_named_in_one_epoch(steps):
    sitter = in_fit(with_a_layer(-100.0), steps)
    assert found(sitter)[0] == ("dead_units", "hidden")
    healthy = found(in_fit(with_a_layer(0.0), steps))
    assert not {"dead_units", "no_gradient"} & {rule for rule, _ in healthy}
