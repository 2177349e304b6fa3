"""What kind of activation a function is, and its gates, against numpy."""

import keras
import numpy as np
import pytest

from keras_babysit.backends import backend
from keras_babysit.probes import gates
from keras_babysit.probes.gate_window import GateWindow

A = keras.activations
KINDS = {
    "rectifier": [A.relu, A.relu6, A.elu, A.selu, A.gelu, A.silu, A.softplus, A.mish, A.celu],
    "squashing": [A.sigmoid, A.tanh, A.softsign, A.hard_sigmoid, A.hard_tanh],
    "open": [A.leaky_relu, A.tanh_shrink, lambda z: z * 2],
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_is_read_off_the_values(kind):
    found = {f.__name__: gates.evaluated_profile(f).kind for f in KINDS[kind]}
    assert set(found.values()) == {kind}, found


def test_known_profiles_are_what_evaluation_gives():
    for function, known in gates.KNOWN.items():
        evaluated = gates.evaluated_profile(function)
        if known is None:
            assert evaluated is None
        else:
            assert evaluated.kind == known.kind
            assert evaluated.peak == pytest.approx(known.peak, rel=1e-3)


def test_known_reaches_are_what_evaluation_gives():
    for function, known in gates.KNOWN_REACH.items():
        assert gates.evaluated_reach(function) == known


@pytest.mark.parametrize("function", [A.softmax, A.log_softmax, A.glu])
def test_functions_that_mix_their_inputs_have_no_gate(function):
    assert gates.profile(function) is None


def test_an_activation_of_ones_own_is_judged_like_a_built_in_one():
    assert gates.profile(lambda z: keras.ops.maximum(z, 0)).kind == "rectifier"


Z = np.linspace(-4, 4, 41).astype("float32")[1:-1]
SLOPES = {
    "relu": (A.relu, (Z > 0).astype("float64")),
    "tanh": (A.tanh, 1 - np.tanh(Z) ** 2),
    "sigmoid": (A.sigmoid, 4 / (1 + np.exp(-Z)) * (1 - 1 / (1 + np.exp(-Z)))),
}


@pytest.mark.parametrize("name", SLOPES)
def test_gates_from_input_and_from_output_agree_with_numpy(name):
    function, expected = SLOPES[name]
    z = backend.to_tensor(Z)
    slope = backend.to_numpy(backend.derivative(function, z)) / gates.profile(function).peak
    from_output = backend.to_numpy(gates.from_output(function, function(z)))
    where = np.abs(Z) > 1e-6  # the slope of ReLU at 0 is a matter of convention
    np.testing.assert_allclose(slope[where], expected[where], atol=2e-4)
    np.testing.assert_allclose(from_output[where], expected[where], atol=2e-4)


def test_a_window_forgets_what_is_older_than_it_needs():
    window = GateWindow(examples=4)
    window.add("dense", 4, np.array([1.0, 0.0]))
    assert window.dead_fraction("dense") == 0.5
    window.add("dense", 4, np.array([0.0, 0.0]))
    assert window.dead_fraction("dense") == 1.0
    window.add("dense", 2, np.array([0.0, 1.0]))
    assert window.dead_fraction("dense") == 0.5
    assert window.dead_fraction("other") is None
