"""Rematerialised layers have a gradient that a check cannot see: unknown, not zero."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_babysit as kb

X = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
Y = X[:, :1].copy()


class Rematerialised(layers.Layer):
    """A dense layer that is computed again in the backward pass."""

    def __init__(self, stops=False):
        super().__init__()
        self.dense = layers.Dense(8, activation="tanh", name="again")
        self.stops = stops

    def build(self, shape):
        self.dense.build(shape)

    def call(self, x):
        y = keras.remat(self.dense)(x)
        return keras.ops.stop_gradient(y) if self.stops else y


def check(layer):
    model = keras.Sequential([keras.Input((8,)), layer, layers.Dense(1)])
    model.compile("adam", "mse")
    return kb.check(model, X, Y, checks=["gradient_flow"], seconds=60, verbose=0)


def test_a_rematerialised_layer_is_not_said_to_get_no_gradient():
    report = check(Rematerialised())
    assert report.findings == []
    if keras.backend.backend() == "tensorflow":
        assert "gradients of 2 of 4 weight tensors not measured" in " ".join(str(report).split())


@pytest.mark.skipif(
    keras.backend.backend() == "jax",
    reason="the check raises UnexpectedTracerError, so says nothing",
)
def test_a_blocked_gradient_is_still_found():
    report = check(Rematerialised(stops=True))
    assert {one.target for one in report.findings} == {"again/kernel", "again/bias"}
