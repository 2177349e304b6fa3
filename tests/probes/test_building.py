"""What Keras would build in its first step is built before it."""

import keras
import numpy as np
import pytest

from keras_babysit.probes.building import build, build_optimizer

layers = keras.layers
X = np.ones((8, 4), "float32")


def two_outputs():
    inputs = keras.Input((4,))
    hidden = layers.Dense(3, "relu")(inputs)
    outputs = {"kind": layers.Dense(2, "softmax")(hidden), "size": layers.Dense(1)(hidden)}
    model = keras.Model(inputs, outputs)
    losses = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
    model.compile("adam", losses, metrics={"kind": ["accuracy"], "size": ["mae", "mse"]})
    return model, {"kind": np.zeros(8, "int32"), "size": np.ones((8, 1), "float32")}


def sequence():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model, np.ones((8, 1), "float32")


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, inputs):
        return self.dense(inputs)


def subclassed():
    model = Subclassed()
    model.compile("adam", "mse", metrics=["mae"])
    return model, np.ones((8, 1), "float32")


def variables(model):
    state = [*model.metrics_variables, *model.optimizer.variables]
    return [(variable.path, tuple(variable.shape), variable.dtype) for variable in state]


@pytest.mark.parametrize("make", [two_outputs, sequence, subclassed])
def test_it_builds_what_keras_builds(make):
    keras.utils.clear_session()
    model, y = make()
    build(model, (X, y, None))
    keras.utils.clear_session()
    other, _ = make()
    other._symbolic_build(data_batch=(X, y, None))
    assert variables(model) == variables(other)
    assert model.optimizer.built
    assert "call" not in vars(model)
    assert model.get_metrics_result().keys() == other.get_metrics_result().keys()


@pytest.mark.parametrize(("make", "is_walked"), [(two_outputs, False), (subclassed, True)])
def test_layers_are_called_only_where_the_outputs_are_not_known(make, is_walked, monkeypatch):
    calls = []
    call = layers.Dense.call
    model, y = make()
    monkeypatch.setattr(layers.Dense, "call", lambda self, x: calls.append(1) or call(self, x))
    build(model, (X, y, None))
    assert bool(calls) == is_walked


def test_an_output_of_unknown_length_is_asked_of_the_layers():
    inputs = keras.Input((None, 4))
    model = keras.Model(inputs, layers.Dense(2)(inputs))
    model.compile("adam", "mse", metrics=["mae"])
    build(model, (np.ones((8, 5, 4), "float32"), np.ones((8, 5, 2), "float32"), None))
    assert model.optimizer.built
    assert model.evaluate(np.ones((8, 3, 4)), np.ones((8, 3, 2)), verbose=0)


def test_an_optimizer_is_built_only_for_a_model_of_keras_own_making():
    model, _ = sequence()
    build_optimizer(model)
    assert model.optimizer.built
    model, _ = subclassed()
    build_optimizer(model)
    assert not model.optimizer.built
