"""The loss of a constant prediction, against numpy."""

import keras
import numpy as np
import pytest

from keras_babysit.backends import backend
from keras_babysit.probes.building import build
from keras_babysit.probes.probe import Probe

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3)).astype("float32")
layers = keras.layers


def measured(model, loss, y, x=X, **options):
    """Return the reading of a probe, and the outputs in training mode; None without a reading."""
    model.compile("sgd", loss, **options)
    build(model, (x, y, None))
    readings = Probe(model)(backend.state(model, None), (x, y, None))
    return readings.get(("loss/constant", "")), model.predict(x, verbose=0)


def dense(units, activation=None):
    return keras.Sequential([keras.Input((3,)), layers.Dense(units, activation)])


def test_of_a_squared_error_it_is_that_of_the_mean_output():
    y = RNG.normal(size=(20, 2)).astype("float32")
    found, outputs = measured(dense(2), "mse", y)
    assert found == pytest.approx(np.square(y - outputs.mean(axis=0)).mean(), rel=1e-5)


def test_of_a_loss_of_ones_own_and_two_outputs_it_adds_up():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, [layers.Dense(1)(inputs), layers.Dense(1)(inputs)])
    y = [RNG.normal(size=(20, 1)).astype("float32") for _ in range(2)]
    fourth = [lambda t, p: keras.ops.mean((t - p) ** 4, axis=-1)] * 2
    found, outputs = measured(model, fourth, y, loss_weights=[1.0, 3.0])
    each = [np.mean((t - p.mean(axis=0)) ** 4) for t, p in zip(y, outputs, strict=True)]
    assert found == pytest.approx(each[0] + 3 * each[1], rel=1e-5)


def test_a_penalty_counts_as_it_does_in_the_loss_of_the_batch():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1, kernel_regularizer="l2")])
    y = np.zeros((20, 1), "float32")
    found, outputs = measured(model, "mse", y)
    penalty = 0.01 * np.square(model.get_weights()[0]).sum()
    assert found == pytest.approx(np.square(outputs.mean()) + penalty, rel=1e-4)


def test_what_a_mask_leaves_out_of_the_loss_is_left_out_here():
    x = np.ones((4, 5, 1), "float32")
    x[:, 3:] = 0
    y = np.ones((4, 5, 1), "float32")
    y[:, 3:] = 1000
    model = keras.Sequential([keras.Input((5, 1)), layers.Masking(), layers.Dense(1)])
    found, outputs = measured(model, "mse", y, x)
    assert found == pytest.approx(np.square(1 - outputs[:, :3]).mean(), rel=1e-5)


class OwnLoss(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return keras.ops.mean(y_pred**2)


def test_it_is_not_known_with_a_compute_loss_of_ones_own():
    model = OwnLoss()
    model(X)
    assert measured(model, None, X[:, :1])[0] is None


class Once:
    """A loss that can be computed once."""

    def __init__(self):
        self.left = 1

    def __call__(self, y, y_pred):
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("The outputs must be those of the model.")
        return keras.ops.mean((y - y_pred) ** 2, axis=-1)


def test_a_loss_that_takes_no_other_outputs_is_left_alone():
    model, loss = dense(1), Once()
    loss.left = 10
    model.compile("sgd", loss)
    batch = (X, X[:, :1], None)
    build(model, batch)
    loss.left = 1
    readings = Probe(model, is_compiled=False)(backend.state(model, None), batch)
    assert loss.left == 1  # as before the probe
    assert ("loss/batch", "") in readings
    assert ("loss/constant", "") not in readings
