"""Readings of single kinds of layers: lag of a batch norm, slopes of a PReLU, pieces of maxout."""

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.probes.facts import normalized_together

layers = keras.layers


def watch(hidden, x, epochs=1, **compiled):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(x.shape[1:]), *hidden, layers.Dense(1)])
    model.compile(**({"optimizer": "sgd", "loss": "mse"} | compiled))
    sitter = kb.Babysitter(verbose=0, every=1)
    model.fit(x, np.zeros((len(x), 1)), epochs=epochs, verbose=0, callbacks=[sitter])
    return sitter.history


X = np.random.default_rng(0).normal(3.0, 2.0, (64, 4)).astype("float32")


def test_batch_norm_starts_behind_its_batches_and_catches_up():
    history = watch([layers.BatchNormalization(momentum=0.5, name="bn")], X, epochs=8)
    lags = history.series("normalization/mean_lag", "bn").values
    # The averages start at 0, the batches are at 3 with a deviation of 2; the first step of the
    # average is taken when it is read.
    assert lags[0] == pytest.approx(0.5 * 3 / 2, rel=0.2)
    assert lags[-1] < 0.4


@pytest.mark.parametrize("layer", [layers.PReLU, kb.layers.ChannelPReLU])
def test_slopes_of_a_prelu(layer):
    built = layer(alpha_initializer=keras.initializers.Constant(1.5), name="act")
    history = watch([layers.Dense(3), built], X, optimizer=keras.optimizers.SGD(0.0))
    assert history.first("activations/slope_low", "act") == pytest.approx(1.5)
    assert history.first("activations/slope_high", "act") == pytest.approx(1.5)


def test_a_piece_that_never_wins_is_seen():
    maxout = kb.layers.Maxout(
        2, pieces=2, kernel_initializer="zeros", bias_initializer=_rising, name="maxout"
    )
    history = watch([maxout], X, optimizer=keras.optimizers.SGD(0.0))
    np.testing.assert_allclose(history.first("activations/piece_share", "maxout"), [0, 1, 0, 1])
    assert history.last("activations/dead_piece_fraction", "maxout") == 0.5


def _rising(shape, dtype=None):
    return keras.ops.convert_to_tensor(np.arange(shape[0]), dtype)


def test_units_that_began_equal_are_measured():
    history = watch([layers.Dense(3, kernel_initializer="ones", name="same"), layers.Dense(3)], X)
    assert history.targets("weights/unit_spread") == ["same/kernel"]
    assert history.first("weights/unit_spread", "same/kernel") == pytest.approx(0, abs=1e-6)


def test_spread_is_over_the_examples_and_not_over_the_units():
    bias = layers.Dense(2, kernel_initializer="zeros", bias_initializer=_rising, name="flat")
    history = watch([bias], X, optimizer=keras.optimizers.SGD(0.0))
    assert history.first("activations/spread", "flat") == 0
    assert history.first("activations/std", "flat") == pytest.approx(0.5)


def test_a_unit_that_one_call_of_a_shared_layer_opens_is_not_dead():
    keras.utils.set_random_seed(0)
    first, second = keras.Input((4,)), keras.Input((4,))
    shared = layers.Dense(3, "relu", bias_initializer="zeros", name="shared")
    both = layers.concatenate([shared(first), shared(second)])
    model = keras.Model([first, second], layers.Dense(1, name="last")(both))
    model.compile(keras.optimizers.SGD(0.0), "mse")
    weights = np.zeros((4, 3), "float32")
    weights[0] = [1, -1, 0]  # open to positive inputs, to negative ones, and to none
    shared.set_weights([weights, np.float32([0, 0, -1])])
    x = np.abs(np.random.default_rng(0).normal(size=(64, 4))).astype("float32") + 0.1
    sitter = kb.Babysitter(verbose=0, every=1)
    model.fit([x, -x], np.ones((64, 1)), epochs=3, verbose=0, callbacks=[sitter])
    history = sitter.history
    assert history.targets("activations/std")[:2] == ["shared", "shared#2"]
    assert history.targets("activations/dead_fraction") == ["shared"]
    assert history.last("activations/dead_fraction", "shared") == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("layer", "shape", "together"),
    [
        (layers.LayerNormalization(), (500, 1), 1),
        (layers.LayerNormalization(center=False), (8, 64), 64),
        (layers.LayerNormalization(axis=(1, 2)), (8, 4), 32),
        (layers.LayerNormalization(center=False, scale=False), (500, 1), None),
        (layers.RMSNormalization(), (5, 1), 1),
        (layers.GroupNormalization(groups=-1), (8,), 1),
        (layers.GroupNormalization(groups=2), (8,), 4),
        (layers.GroupNormalization(groups=-1), (6, 6, 8), None),
        (layers.BatchNormalization(), (8,), None),
        (layers.Normalization(axis=None, mean=0.0, variance=1.0), (5,), 5),
        (layers.Normalization(axis=-1), (5,), None),
        (layers.Normalization(axis=None, mean=0.0, variance=1.0), (8, 8, 3), None),
    ],
)
def test_values_that_are_normalized_together(layer, shape, together):
    layer.build((None, *shape))
    assert normalized_together(layer) == together
