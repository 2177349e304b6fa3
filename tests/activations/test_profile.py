import builtins
import math

import keras
import numpy as np
import pytest

from keras_babysit import activations
from keras_babysit.activations import plot, profile
from keras_babysit.layers import ChannelPReLU

INF = math.inf
FLAT = 0.02
# sigmoid' = y (1 - y) is 0.02 of its peak of 1/4 where y = 0.005025; tanh' = 1 - y² is 0.02 at:
SIGMOID_EDGE = math.log(0.994975 / 0.005025)
TANH_EDGE = math.atanh(math.sqrt(1 - FLAT))

#             range, mean output, saturated, dead
EXPECTED = {
    "sigmoid": ((0, 1), 0.5, [(-INF, -SIGMOID_EDGE), (SIGMOID_EDGE, INF)], []),
    "tanh": ((-1, 1), 0.0, [(-INF, -TANH_EDGE), (TANH_EDGE, INF)], []),
    "relu": ((0, INF), 1 / math.sqrt(2 * math.pi), [(-INF, 0)], [(-INF, 0)]),
    "leaky_relu": ((-INF, INF), 0.8 / math.sqrt(2 * math.pi), [], []),
    "elu": ((-1, INF), 0.1605, [(-INF, math.log(FLAT))], []),
    "selu": ((-1.758, INF), 0.0, [(-INF, math.log(FLAT * 1.0 / 1.0))], []),
    "relu6": ((0, 6), 1 / math.sqrt(2 * math.pi), [(-INF, 0), (6, INF)], [(-INF, 0), (6, INF)]),
    "hard_sigmoid": ((0, 1), 0.5, [(-INF, -3), (3, INF)], [(-INF, -3), (3, INF)]),
    "linear": ((-INF, INF), 0.0, [], []),
}


def assert_intervals(actual, expected):
    assert len(actual) == len(expected)
    for one, other in zip(actual, expected, strict=True):
        assert one == pytest.approx(other, abs=0.02)


@pytest.mark.parametrize("name", EXPECTED)
def test_profile(name):
    output_range, mean, saturated, dead = EXPECTED[name]
    (result,) = profile(name, with_cost=False)
    assert result.name == name
    assert result.output_range == pytest.approx(output_range, abs=1e-3)
    assert result.mean_output == pytest.approx(mean, abs=1e-3)
    assert result.is_zero_centered == (abs(mean) < 0.01)
    assert_intervals(result.saturated, saturated)
    assert_intervals(result.dead, dead)
    assert result.relative_cost is None


def test_any_callable_and_elementwise_layer():
    cube, prelu = profile(lambda z: z**3, ChannelPReLU(), with_cost=False)
    assert cube.output_range == prelu.output_range == (-INF, INF)
    assert cube.is_zero_centered
    assert prelu.slope.min() == pytest.approx(0.25)
    assert not prelu.dead


def test_default_activations():
    results = profile()
    assert [r.name for r in results] == ["sigmoid", "tanh", "relu", "leaky_relu", "elu"]
    assert all(r.relative_cost > 0 for r in results)


def test_slope_is_the_derivative():
    (result,) = profile("tanh", with_cost=False)
    np.testing.assert_allclose(result.slope, 1 - np.tanh(result.z) ** 2, atol=1e-5)


def test_functions_that_mix_their_inputs_are_refused():
    with pytest.raises(ValueError, match="on each element separately"):
        profile("softmax")


def test_plot_draws_a_function_and_its_slope_each():
    figure = plot(profile("relu", keras.ops.tanh, "elu", "sigmoid", with_cost=False))
    assert [axes.get_title() for axes in figure.axes] == ["relu", "tanh", "elu", "sigmoid"]
    assert all(len(axes.lines) == 2 for axes in figure.axes)


def test_plot_needs_a_profile():
    with pytest.raises(ValueError, match="at least one"):
        plot([])


def test_plot_names_the_missing_package(monkeypatch):
    original = builtins.__import__

    def without_matplotlib(name, *rest, **options):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return original(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        plot(profile("relu", with_cost=False))


def test_public_names_are_sorted():
    assert activations.__all__ == sorted(activations.__all__)
