"""Checks and range test leave no trace: not in the model, the optimizer, the seeds or the data."""

import random

import keras
import numpy as np
import pytest

from keras_babysit.checks import check, lr_range_test


def trained_model():
    """Return a model with something in every kind of state, after three steps."""
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, kernel_regularizer="l2"),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(1),
        ]
    )
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-2, 10, 0.9)
    model.compile(keras.optimizers.Adam(schedule), "mse", metrics=["mae"])
    model.fit(*data(), epochs=1, batch_size=32, verbose=0)
    return model


def data():
    x = np.random.default_rng(0).normal(size=(96, 8)).astype("float32")
    return x, x.sum(axis=1)


def state(model):
    """Return all that a run depends on: variables, and the state of every random stream."""
    variables = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
    arrays = [np.array(keras.ops.convert_to_numpy(v.value)) for v in variables]
    shared = np.array(keras.random.uniform((3,)))  # moves on, the same on both sides
    streams = [repr(random.getstate()), repr(np.random.get_state())]
    return arrays, shared, streams, [v.path for v in variables], policies(model)


def policies(model):
    return keras.config.floatx(), [layer.dtype_policy.name for layer in model._flatten_layers()]


def assert_same(before, after):
    for one, other in zip(before[0], after[0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert before[2:] == after[2:]


def look(model):
    x, y = data()
    check(model, x, y, validation_data=(x[:10], y[:10]), seconds=60, verbose=0)


def sweep(model):
    lr_range_test(model, *data(), steps=20)


@pytest.mark.parametrize("use", [look, sweep])
def test_state_is_the_same_bit_by_bit(use):
    model = trained_model()
    before = state(model)
    use(model)
    assert_same(before, state(model))


@pytest.mark.parametrize("use", [look, sweep])
def test_the_run_that_follows_is_the_same(use):
    losses = []
    for action in (lambda model: None, use):
        keras.utils.set_random_seed(3)
        model = trained_model()
        action(model)
        shared = keras.ops.convert_to_numpy(keras.random.normal((4,)))
        history = model.fit(*data(), epochs=2, batch_size=16, verbose=0).history
        losses.append((history, shared.tolist(), [w.tolist() for w in model.get_weights()]))
    assert losses[0] == losses[1]


def test_arrays_are_not_written_to():
    x, y = data()
    x.setflags(write=False)
    y.setflags(write=False)
    model = trained_model()
    check(model, x, y, seconds=60, verbose=0)
    lr_range_test(model, x, y, steps=10)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_state_is_put_back_when_a_check_breaks_off(error):
    model = trained_model()
    before = state(model)

    def spoil(case):
        for variable in [*model.variables, *model.optimizer.variables]:
            variable.assign(keras.ops.zeros_like(variable.value))
        random.random()
        np.random.rand()
        raise error

    if error is KeyboardInterrupt:
        with pytest.raises(KeyboardInterrupt):
            check(model, *data(), checks=[spoil], verbose=0)
    else:
        assert check(model, *data(), checks=[spoil], verbose=0)["spoil"].verdict == "unknown"
    assert_same(before, state(model))


def test_the_sweep_puts_all_back_when_the_data_raise():
    model = trained_model()
    x, y = data()

    def batches():
        yield x[:32], y[:32]
        yield x[:32], y[:32]
        raise KeyboardInterrupt

    before = state(model)
    with pytest.raises(KeyboardInterrupt):
        lr_range_test(model, batches(), steps=10)
    assert_same(before, state(model))


@pytest.mark.parametrize("is_built", [False, True], ids=["unbuilt", "built"])
@pytest.mark.parametrize("use", [look, sweep])
def test_a_model_that_was_never_trained_trains_as_it_would_have(use, is_built):
    runs = []
    for action in (lambda model: None, use):
        keras.utils.set_random_seed(5)
        body = [keras.layers.Dense(4, "relu"), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
        model = keras.Sequential([keras.Input((8,)), *body] if is_built else body)
        model.compile("adam", "mse", metrics=["mae"], weighted_metrics=[])
        action(model)
        history = model.fit(*data(), epochs=2, verbose=0).history
        runs.append((history, [w.tolist() for w in model.get_weights()]))
    assert runs[0] == runs[1]


def test_a_model_with_several_outputs_trains_as_it_would_have():
    runs = []
    x, y = data()
    for action in (lambda model, y: None, check):
        keras.utils.set_random_seed(5)
        inputs = keras.Input((8,))
        hidden = keras.layers.Dense(4, "relu")(inputs)
        outputs = [keras.layers.Dense(1, name=name)(hidden) for name in "ab"]
        model = keras.Model(inputs, outputs)
        model.compile("adam", {"a": "mse", "b": "mae"}, metrics={"a": ["mae"]})
        targets = {"a": y, "b": y}
        if action is check:
            check(model, x, targets, checks=["initial_loss", "gradient_flow"], verbose=0)
        history = model.fit(x, targets, epochs=2, verbose=0).history
        runs.append((history, [w.tolist() for w in model.get_weights()]))
    assert runs[0] == runs[1]
