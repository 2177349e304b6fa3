"""Gains agree with closed forms, and with quadrature that knows the kinks."""

import math

import keras
import numpy as np
import pytest

from keras_babysit.initializers import VariancePreserving
from keras_babysit.initializers._gain import _quadrature
from keras_babysit.layers import ChannelPReLU

SELU = {"scale": 1.0507009873554805, "alpha": 1.6732632423543772}


def phi(z):
    return math.erfc(-z / math.sqrt(2)) / 2


# E[f(z)²] for z ~ N(0, 1), derived by hand.
ELU_SECOND_MOMENT = 0.5 + math.exp(2) * phi(-2) - 2 * math.exp(0.5) * phi(-1) + 0.5
# Jones (1948) gives the second moments of the maximum of k normal variables.
MAX_OF_3 = 1 + math.sqrt(3) / (2 * math.pi)
MAX_OF_4 = 1 + math.sqrt(3) / math.pi

FORWARD = {
    "linear": ("linear", 1, 1.0),
    "relu": ("relu", 1, math.sqrt(2)),
    "leaky-relu-0.1": (keras.layers.LeakyReLU(0.1), 1, math.sqrt(2 / (1 + 0.1**2))),
    "prelu-0.25": (ChannelPReLU(), 1, math.sqrt(2 / (1 + 0.25**2))),
    "elu": ("elu", 1, 1 / math.sqrt(ELU_SECOND_MOMENT)),
    "selu": ("selu", 1, 1.0),
    "tanh": ("tanh", 1, 1.5925374197228312),
    "maxout-2": ("linear", 2, 1.0),
    "maxout-3": ("linear", 3, 1 / math.sqrt(MAX_OF_3)),
    "maxout-4": ("linear", 4, 1 / math.sqrt(MAX_OF_4)),
    "exponential": ("exponential", 1, math.exp(-1)),
    "square": (keras.ops.square, 1, 1 / math.sqrt(3)),
}
BACKWARD = {
    "linear": ("linear", 1, 1.0),
    "relu": ("relu", 1, math.sqrt(2)),
    "prelu-0.25": (ChannelPReLU(), 1, math.sqrt(2 / (1 + 0.25**2))),
    "elu": ("elu", 1, 1 / math.sqrt(0.5 + math.exp(2) * phi(-2))),
    "maxout-3": ("linear", 3, math.sqrt(3)),
    "hard-tanh": (lambda z: keras.ops.clip(z, -1.0, 1.0), 1, 1 / math.sqrt(1 - 2 * phi(-1))),
}


@pytest.mark.parametrize(("activation", "pieces", "gain"), FORWARD.values(), ids=FORWARD)
def test_forward_gain(activation, pieces, gain):
    assert VariancePreserving(activation, pieces=pieces).gain == pytest.approx(gain, rel=1e-6)


@pytest.mark.parametrize(("activation", "pieces", "gain"), BACKWARD.values(), ids=BACKWARD)
def test_backward_gain(activation, pieces, gain):
    initializer = VariancePreserving(activation, pieces=pieces, mode="backward")
    assert initializer.gain == pytest.approx(gain, rel=1e-6)


def selu_slope(z):
    return SELU["scale"] * np.where(z > 0, 1.0, SELU["alpha"] * np.exp(np.minimum(z, 0)))


SELU_SLOPE_SQUARED = SELU["scale"] ** 2 * (0.5 + SELU["alpha"] ** 2 * math.exp(2) * phi(-2))


def test_panels_are_accurate_at_kinks_where_gauss_hermite_is_not():
    """The errors in the docstring of `_gain.py`, for a step at 0 and one elsewhere."""
    hermite = np.polynomial.hermite_e.hermegauss(256)
    hermite = hermite[0], hermite[1] / math.sqrt(2 * math.pi)
    within_one = 1 - 2 * phi(-1)
    for nodes, selu_error, hard_tanh_error in (
        (hermite, (3e-3, 4e-3), (1e-2, 2e-2)),
        (_quadrature(1), (0.0, 1e-12), (0.0, 1e-12)),
    ):
        z, weights = nodes
        selu = abs(weights @ selu_slope(z) ** 2 / SELU_SLOPE_SQUARED - 1)
        hard_tanh = abs(weights @ (np.abs(z) < 1) / within_one - 1)
        assert selu_error[0] <= selu <= selu_error[1]
        assert hard_tanh_error[0] <= hard_tanh <= hard_tanh_error[1]


def test_a_measured_layer_is_not_changed():
    layer = ChannelPReLU()
    VariancePreserving(layer)
    assert not layer.built


def next_preactivation(z, activation):
    kernel = VariancePreserving(activation)((z.shape[-1], 400))
    return keras.ops.matmul(keras.activations.get(activation)(z), kernel)


def second_moment(z):
    return np.square(keras.ops.convert_to_numpy(z)).mean()


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu", "silu", "selu", "elu", "sigmoid"])
def test_one_layer_preserves_the_second_moment(activation):
    keras.utils.set_random_seed(0)
    z = np.random.default_rng(0).normal(size=(300, 1000)).astype("float32")
    assert second_moment(next_preactivation(z, activation)) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("activation", ["tanh", "selu", "elu"])
def test_the_second_moment_is_stable_over_twenty_layers(activation):
    """It returns to 1 even from 9."""
    keras.utils.set_random_seed(0)
    z = 3 * np.random.default_rng(0).normal(size=(300, 400)).astype("float32")
    for _ in range(20):
        z = next_preactivation(z, activation)
    assert 0.7 < second_moment(z) < 1.4


@pytest.mark.parametrize("activation", ["gelu", "silu"])
@pytest.mark.parametrize("start", [0.5, 2.0])
def test_for_gelu_and_silu_it_is_unstable(activation, start):
    """The warning in the docstring of `VariancePreserving`."""
    keras.utils.set_random_seed(0)
    z = start * np.random.default_rng(0).normal(size=(300, 400)).astype("float32")
    for _ in range(20):
        z = next_preactivation(z, activation)
    assert second_moment(z) < 0.1 if start < 1 else second_moment(z) > 10
