"""A gradient that a probe cannot measure is unknown, not zero."""

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.history import Measurement
from keras_babysit.probes.unknown_gradients import UnknownGradients
from tests.probes.parts import network

layers = keras.layers
BACKEND = keras.backend.backend()
RNG = np.random.default_rng(0)
X = RNG.normal(size=(320, 8)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


def moved(ratio, gradient=0.0, model=None):
    """Return which weights count after a probe and a step of "hidden/kernel"."""
    found = UnknownGradients(model or network())
    found.note({("gradients/norm", "hidden/kernel"): gradient})
    return found.moved_without([Measurement(0, 0, "updates/ratio", "hidden/kernel", ratio)])


def with_decay():
    model = network(compiled=False)
    decaying = keras.optimizers.AdamW(0.01, weight_decay=0.5)
    model.compile(decaying, "sparse_categorical_crossentropy")
    return model


def with_constraint():
    model = network()
    model.get_layer("hidden").kernel.constraint = keras.constraints.UnitNorm()
    return model


@pytest.mark.parametrize(
    ("ratio", "gradient", "make", "is_unknown"),
    [
        pytest.param(1e-3, 0.0, network, True, id="moved-without"),
        pytest.param(1e-3, 1e-9, network, False, id="moved-by-a-gradient"),
        pytest.param(0.0, 0.0, network, False, id="not-moved"),
        pytest.param(1e-7, 0.0, network, False, id="rounding"),
        pytest.param(5e-3, 0.0, with_decay, False, id="moved-by-decay"),
        pytest.param(2e-2, 0.0, with_decay, True, id="moved-beyond-decay"),
        pytest.param(1e-3, 0.0, with_constraint, False, id="moved-by-a-constraint"),
    ],
)
def test_a_weight_that_moves_without_a_gradient(ratio, gradient, make, is_unknown):
    assert moved(ratio, gradient, make()) == (["hidden/kernel"] if is_unknown else [])


def test_a_gradient_that_was_measured_before_is_zero_and_not_unknown():
    """Adam goes on moving the weights of a network that has blown up and gets no gradient."""
    found = UnknownGradients(network())
    found.note({("gradients/norm", "hidden/kernel"): 0.3})
    found.note({("gradients/norm", "hidden/kernel"): 0.0})
    assert found.moved_without([Measurement(1, 0, "updates/ratio", "hidden/kernel", 0.5)]) == []


def test_a_gradient_that_was_measured_in_an_earlier_run_is_zero_and_not_unknown():
    model = network()
    UnknownGradients(model).note({("gradients/norm", "hidden/kernel"): 0.3})
    assert moved(1e-3, 0.0, model) == []


def fitted(*body):
    model = keras.Sequential([keras.Input((8,)), *body, layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    sitter = kb.Babysitter(verbose=0)
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[sitter])
    return model, sitter


class Recomputed(layers.Layer):
    """Is computed again in the backward pass."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(16, "relu")

    def build(self, shape):
        self.dense.build(shape)

    def call(self, x):
        return keras.remat(self.dense)(x)


def test_a_recomputed_layer_is_not_said_to_get_no_gradient():
    _, sitter = fitted(Recomputed())
    assert "no_gradient" not in {finding.rule for finding in sitter.findings}


@pytest.mark.skipif(BACKEND == "tensorflow", reason="Keras cannot train that in a graph")
def test_a_remat_scope_is_not_said_to_get_no_gradient():
    with keras.RematScope(mode="full"):
        body = [layers.Dense(16, "relu"), layers.Dense(16, "relu")]
    _, sitter = fitted(*body)
    assert "no_gradient" not in {finding.rule for finding in sitter.findings}


class Unused(layers.Layer):
    """Has a kernel that nothing uses."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 4))

    def call(self, x):
        return x


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_a_kernel_that_nothing_uses_is_still_reported():
    model, sitter = fitted(Unused(name="unused"))
    assert [f.target for f in sitter.findings if f.rule == "no_gradient"] == ["unused"]
    assert kb.check(model, X, Y, checks=["gradient_flow"], verbose=0).findings


@pytest.mark.skipif(BACKEND != "torch", reason="wraps a module of PyTorch")
def test_the_gradients_of_a_module_of_pytorch_are_those_of_the_step():
    import torch

    module = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU())
    model, sitter = fitted(layers.TorchModuleWrapper(module, output_shape=(None, 16)))
    assert "no_gradient" not in {finding.rule for finding in sitter.findings}
    norms = [sitter.history.last("gradients/norm", n) for n in sitter.history.facts.weights]
    assert min(norms) > 0
    assert "Gradients of" not in str([f.message for f in sitter.verdict.not_checked])
    before = [np.array(value) for value in model.get_weights()]
    assert kb.check(model, X, Y, checks=["gradient_flow"], verbose=0).findings == []
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
