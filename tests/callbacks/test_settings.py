"""What a run says of its class weights, its loss on class numbers, and its clipping."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

import keras_babysit as kb

RNG = np.random.default_rng(0)
MEANS = 2 * RNG.normal(size=(4, 6))
Y = RNG.integers(0, 4, 600)
X = (MEANS[Y] + RNG.normal(size=(600, 6))).astype("float32")


def severities(model, x, y, **fit):
    sitter = kb.Babysitter(verbose=0, every=10)
    model.fit(x, y, verbose=0, callbacks=[sitter], **fit)
    return {one.rule: one.severity for one in sitter.findings}


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_a_class_of_weight_0(weight):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    y = (Y == 0).astype("float32")
    rules = severities(model, X, y, sample_weight=np.where(y == 1, weight, 1.0), epochs=4)
    found = rules.get("weights_without_effect")
    assert found is (kb.Severity.WARNING if weight == 0 else None)


@pytest.mark.parametrize("metric", ["accuracy", "mae"])
def test_class_numbers_on_one_of_two_outputs(metric):
    keras.utils.set_random_seed(0)
    given = keras.Input((6,))
    hidden = keras.layers.Dense(16, "relu")(given)
    outputs = [keras.layers.Dense(1, name=name)(hidden) for name in ("kind", "size")]
    model = keras.Model(given, outputs)
    model.compile("adam", ["mse", "mse"], metrics=[[metric], ["mae"]])
    rules = severities(model, X, [Y.astype("float32"), X[:, :1]], epochs=4)
    found = rules.get("classes_as_numbers")
    assert found is (kb.Severity.WARNING if metric == "accuracy" else None)


@pytest.mark.parametrize("limit", [1e-4, 1.0])
def test_clipping_by_which_a_run_ends_too_early(limit):
    keras.utils.set_random_seed(0)
    x, y = load_digits(return_X_y=True)
    layers = [keras.layers.Dense(32, "relu"), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((64,)), *layers])
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9, clipvalue=limit)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    rules = severities(model, x[:800] / 16, y[:800], epochs=16, batch_size=32)
    found = rules.get("clipping_too_tight")
    assert found is (kb.Severity.WARNING if limit < 1 else None)


@pytest.mark.parametrize("is_scaled", [False, True])
def test_rows_that_are_divided_by_one_large_column(is_scaled):
    large = 8000 + 100 * RNG.normal(size=(600, 1))
    x = np.concatenate([np.abs(X), large], axis=1)
    x = x / x.sum(axis=1, keepdims=True)
    if is_scaled:
        x = (x - x.mean(axis=0)) / x.std(axis=0)
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(16, "relu"), keras.layers.Dense(4, "softmax")]
    model = keras.Sequential([keras.Input((7,)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy")
    rules = severities(model, x, Y, epochs=3)
    assert ("unscaled_inputs" in rules) is not is_scaled
