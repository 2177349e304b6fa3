"""What layers add to the loss is measured apart from the weight penalty."""

import keras
import numpy as np
import pytest

import keras_babysit as kb


class Adds(keras.layers.Layer):
    def call(self, x):
        self.add_loss(0.25 + 0 * keras.ops.sum(x))
        return x


def measured(*layers, **options):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(1, **options)])
    model.compile("sgd", "mse")
    sitter = kb.Babysitter(every=1, verbose=0)
    model.fit(x, x[:, :1], epochs=1, verbose=0, callbacks=[sitter])
    return sitter.history


@pytest.mark.parametrize("options", [{}, {"kernel_regularizer": "l2"}], ids=["alone", "with-l2"])
def test_added_losses_are_measured_without_the_weight_penalty(options):
    history = measured(Adds(), Adds(), **options)
    assert history.last("loss/added") == pytest.approx(0.5, abs=1e-4)
    assert (history.last("loss/penalty") > 0) == bool(options)


@pytest.mark.parametrize("options", [{}, {"kernel_regularizer": "l2"}], ids=["alone", "with-l2"])
def test_nothing_is_measured_where_no_layer_adds_a_loss(options):
    assert measured(**options).last("loss/added") is None


def test_an_activity_regularizer_counts():
    history = measured(keras.layers.Dense(4, activity_regularizer="l2"))
    assert history.last("loss/added") > 0


@pytest.mark.parametrize("which", ["none", "all", "some"])
def test_adapters_are_reported_if_none_trains(which):
    dense = [keras.layers.Dense(4), keras.layers.Dense(4)]
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), *dense, keras.layers.Dense(1)])
    for layer in dense:
        layer.enable_lora(2)
    frozen = {"none": [], "all": dense, "some": dense[:1]}[which]
    for layer in frozen:
        layer.trainable = False
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    sitter = kb.Babysitter(every=1, verbose=0)
    model.fit(x, x[:, :1], epochs=1, verbose=0, callbacks=[sitter])
    found = {one.rule for one in sitter.findings}
    assert ("frozen_adapters" in found) == (which == "all")
