"""Layers are measured too where their calls are rematerialized or quantized."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_babysit as kb
from keras_babysit.backends import to_array

X = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


def rematerialized():
    with keras.RematScope(mode="full"):
        hidden = [layers.Dense(8, "relu", name=name) for name in ("first", "second")]
    return keras.Sequential([keras.Input((6,)), *hidden, layers.Dense(1, name="last")])


def with_remat_activations():
    with keras.RematScope(mode="activations"):
        hidden = [layers.Dense(8, "relu", name=name) for name in ("first", "second")]
        return keras.Sequential([keras.Input((6,)), *hidden, layers.Dense(1, name="last")])


def quantized():
    names = ("first", "second")
    hidden = [layers.Dense(8, "relu", name=name) for name in names]
    model = keras.Sequential([keras.Input((6,)), *hidden, layers.Dense(1, name="last")])
    for name in names:
        layer = model.get_layer(name)
        layer.enable_lora(2)
        layer.quantize("int8")
    return model


def with_lora():
    names = ("first", "second")
    hidden = [layers.Dense(8, "relu", name=name) for name in names]
    model = keras.Sequential([keras.Input((6,)), *hidden, layers.Dense(1, name="last")])
    for name in names:
        model.get_layer(name).enable_lora(2)
    return model


PROGRAMS = [with_remat_activations, quantized, with_lora]
if keras.backend.backend() != "tensorflow":  # Keras cannot train it there
    PROGRAMS.append(rematerialized)


def train(make, *callbacks):
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    model = make()
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    model.fit(X, Y, batch_size=16, epochs=2, verbose=0, callbacks=list(callbacks))
    return model


@pytest.mark.parametrize("make", PROGRAMS)
def test_every_layer_is_measured_and_nothing_is_changed(make):
    sitter = kb.Babysitter(every=2, verbose=0)
    watched, alone = train(make, sitter), train(make)
    for one, other in zip(watched.variables, alone.variables, strict=True):
        np.testing.assert_array_equal(to_array(one.value), to_array(other.value))
    history = sitter.history
    assert history.targets("activations/std") == ["first", "second", "last"]
    assert history.targets("activations/gate_max") == ["first", "second"]
    notices = [one for one in sitter.findings if one.rule == "not_watched"]
    assert [one.message for one in notices if one.target != "scores"] == []  # it has no test step
    names = {one.path for one in watched.trainable_variables}
    assert len(history.targets("gradients/norm")) == len(names)
