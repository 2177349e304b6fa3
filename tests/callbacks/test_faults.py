"""A beginner's faults are found with the right rule, layer and remedy; their cure is silent."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits, make_circles

import keras_babysit as kb
from keras_babysit.findings import Severity

layers = keras.layers

pytestmark = pytest.mark.any_backend


def digits(count=600):
    data = load_digits()
    x, y = (data.data / 16 - 0.5).astype("float32"), data.target
    return (x[:count], y[:count]), (x[1200:], y[1200:])


def circles():
    x, y = make_circles(800, noise=0.05, factor=0.5, random_state=1)
    x = x.astype("float32")
    return (x[:600], y[:600]), (x[600:], y[600:])


def with_nan():
    (x, y), validation = digits()
    x = x.copy()
    x[500, 3] = np.nan
    return (x, y), validation


def mlp(activation="relu", spread=None, bias=0.0):
    kernel = "glorot_uniform" if spread is None else keras.initializers.RandomNormal(stddev=spread)
    hidden = {
        "activation": activation,
        "kernel_initializer": kernel,
        "bias_initializer": keras.initializers.Constant(bias),
    }
    return keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(64, name="first", **hidden),
            layers.Dense(64, name="second", **hidden),
            layers.Dense(10, "softmax", name="last"),
        ]
    )


def binary(*hidden):
    return keras.Sequential([keras.Input((2,)), *hidden, layers.Dense(1, "sigmoid")])


FAULTS = {
    "dead": {
        "sick": lambda: mlp(bias=-10.0),
        "well": mlp,
        "rule": "dead_units",
        "target": "first",
        "remedy": "bias_initializer",
    },
    "saturated": {  # it learns all the same
        "severity": Severity.NOTE,
        "sick": lambda: mlp("tanh", spread=5.0),
        "well": lambda: mlp("tanh"),
        "rule": "saturated_units",
        "target": "first",
        "remedy": "Normalization",
    },
    "exploding": {
        "sick": mlp,
        "well": mlp,
        "optimizer": lambda: keras.optimizers.SGD(1e3),
        "cure": lambda: keras.optimizers.SGD(0.1),
        "rule": "learning_rate_too_high",
        "target": "",
        "remedy": "learning_rate",
    },
    "nan-in-a-row": {
        "sick": mlp,
        "well": mlp,
        "data": with_nan,
        "cured_data": digits,
        "rule": "non_finite_inputs",
        "target": "inputs[0]",
        "remedy": "isfinite",
    },
    "overfitting": {
        "sick": mlp,
        "well": mlp,
        "data": lambda: digits(40),
        "cured_data": lambda: digits(1200),
        "epochs": (30, 6),
        "rule": "overfitting",
        "target": "",
        "remedy": "Dropout",
    },
    "underfitting": {
        "sick": binary,
        "well": lambda: binary(layers.Dense(32, "relu"), layers.Dense(32, "relu")),
        "data": circles,
        "cured_data": circles,
        "loss": "binary_crossentropy",
        "epochs": (10, 30),
        "rule": "underfitting",
        "target": "",
        "remedy": "Dense(",
    },
}


def watch(model, data, optimizer, loss, epochs, severity=Severity.WARNING):
    train, validation = data
    model.compile(optimizer, loss)
    sitter = kb.Babysitter(every=10, verbose=0)
    model.fit(
        *train,
        validation_data=validation,
        epochs=epochs,
        batch_size=20,
        verbose=0,
        callbacks=[sitter],
    )
    return [a for a in sitter.findings if a.severity >= severity]


def settings(case, is_sick):
    epochs = case.get("epochs", (4, 4))
    data = case.get("data", digits) if is_sick else case.get("cured_data", digits)
    optimizer = case.get("optimizer" if is_sick else "cure", lambda: keras.optimizers.Adam(0.003))
    loss = case.get("loss", "sparse_categorical_crossentropy")
    return data(), optimizer(), loss, epochs[0 if is_sick else 1]


CASES = [pytest.param(name, marks=[pytest.mark.each_backend] * (name == "dead")) for name in FAULTS]


@pytest.mark.parametrize("name", CASES)
def test_a_seeded_fault_is_found(name):
    case = FAULTS[name]
    severity = case.get("severity", Severity.WARNING)
    found = watch(case["sick"](), *settings(case, is_sick=True), severity)
    (finding,) = [a for a in found[:2] if (a.rule, a.target) == (case["rule"], case["target"])]
    assert any(case["remedy"] in remedy.code for remedy in finding.remedies)
    assert finding.evidence
    assert finding.reference


@pytest.mark.parametrize("name", CASES)
def test_the_repaired_twin_is_silent(name):
    case = FAULTS[name]
    assert watch(case["well"](), *settings(case, is_sick=False)) == []


def test_a_single_watch_is_the_same_machine():
    (x, y), _ = digits()
    model = mlp(bias=-10.0)
    model.compile("adam", "sparse_categorical_crossentropy")
    watcher = kb.callbacks.DeadUnits(every=10, verbose=0, threshold=0.9)
    model.fit(x, y, epochs=4, batch_size=20, verbose=0, callbacks=[watcher])
    assert {finding.rule for finding in watcher.findings} == {"dead_units"}
