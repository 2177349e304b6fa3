"""How a loss behaves is found out once per model, and not in each of many short runs."""

import keras
import numpy as np
from keras import ops

import keras_babysit as kb
from keras_babysit.probes import description
from keras_babysit.probes.loss_behaviour import describe_behaviour

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 4)).astype("float32")
Y = X[:, :1].copy()


def trained(model, y=Y):
    sitter = kb.Babysitter(verbose=0)
    model.fit(X, y, batch_size=32, verbose=0, callbacks=[sitter])
    return sitter.history.facts


def test_a_further_run_knows_the_loss_and_a_compiled_one_asks_again(monkeypatch):
    asked = []  # what a loss of the user's counts is put back

    def describe(*arguments):
        asked.append(1)
        return describe_behaviour(*arguments)

    monkeypatch.setattr(description, "describe_behaviour", describe)

    def distance(y_true, y_pred):
        return ops.mean(ops.square(y_true - y_pred), axis=-1)

    def total(y_true, y_pred):
        return ops.sum(ops.square(y_true - y_pred))

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", distance)
    model.optimizer.build(model.trainable_variables)
    first = trained(model)
    second = trained(model)
    assert (second.outputs, second.loss_reduction) == (first.outputs, first.loss_reduction)
    assert second.loss_reduction == "mean"
    assert len(asked) == 1
    model.compile("sgd", total)
    assert trained(model).loss_reduction == "sum"
    assert len(asked) == 2


def test_what_the_targets_left_open_is_asked_again():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert trained(model, np.zeros_like(Y)).outputs[0].mixes_examples is None
    assert trained(model).outputs[0].mixes_examples is False
