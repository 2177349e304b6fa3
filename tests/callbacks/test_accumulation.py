"""Where gradients are accumulated, updates are measured at the steps that move the weights."""

import keras
import numpy as np
import pytest

import keras_babysit as kb

RNG = np.random.default_rng(0)
X = RNG.normal(size=(320, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("int32")


def fit(model, **options):
    sitter = kb.Babysitter(verbose=0, **options)
    model.fit(X, Y, batch_size=32, epochs=4, verbose=0, shuffle=False, callbacks=[sitter])
    assert sitter.history.facts.broke_off is None
    return sitter


def compiled(**options):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, "relu"), keras.layers.Dense(2, "softmax")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    optimizer = keras.optimizers.Adam(0.01, gradient_accumulation_steps=4)
    model.compile(optimizer, "sparse_categorical_crossentropy", **options)
    return model


def measured(sitter):
    name = sitter.history.targets("updates/ratio")[0]
    return sitter.history.series("updates/ratio", name)


@pytest.mark.parametrize("every", ["auto", 1, 6])
def test_updates_are_measured_where_they_happen(every):
    series = measured(fit(compiled(), every=every))
    assert len(series) >= 3
    assert {step % 4 for step in series.steps.tolist()} == {3}
    assert np.all(np.asarray(series.values) > 0)


def test_a_second_run_goes_on_counting():
    model = compiled()
    fit(model)  # 40 steps
    model.fit(X[:64], Y[:64], batch_size=32, verbose=0)  # two steps more
    assert {step % 4 for step in measured(fit(model)).steps.tolist()} == {1}


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="it executes one step at a time")
def test_of_several_executions_that_with_an_update_is_measured():
    series = measured(fit(compiled(steps_per_execution=2)))
    assert {step % 4 for step in series.steps.tolist()} == {2}
    assert np.all(np.asarray(series.values) > 0)
