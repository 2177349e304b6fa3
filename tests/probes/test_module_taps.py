"""Modules of PyTorch inside a Keras model are measured each."""

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.backends import to_array

torch = pytest.importorskip("torch")
if keras.backend.backend() != "torch":
    pytest.skip("wraps modules of PyTorch", allow_module_level=True)

X = np.random.default_rng(0).normal(size=(64, 3, 8, 8)).astype("float32")
Y = np.arange(64) % 2


def train(*callbacks, bias=0.0):
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(144, 6),
        torch.nn.Tanh(),
    )
    with torch.no_grad():
        module[1].bias.fill_(bias)
    wrapped = keras.layers.TorchModuleWrapper(module, name="wrapped")
    model = keras.Sequential([wrapped, keras.layers.Dense(2, "softmax", name="last")])
    model.build((None, 3, 8, 8))
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    model.fit(X, Y, batch_size=16, epochs=3, verbose=0, callbacks=list(callbacks))
    return model, module


def test_each_module_is_a_layer_and_nothing_is_changed():
    sitter = kb.Babysitter(every=2, verbose=0)
    (watched, module), (alone, other) = train(sitter), train()
    for one, two in zip(watched.variables, alone.variables, strict=True):
        np.testing.assert_array_equal(to_array(one.value), to_array(two.value))
    for one, two in zip(module.buffers(), other.buffers(), strict=True):
        np.testing.assert_array_equal(to_array(one), to_array(two))
    history = sitter.history
    assert history.targets("activations/std")[:4] == [f"wrapped/{n}" for n in (0, 1, 2, 4)]
    assert history.last("activations/gate_max", "wrapped/2").shape == (4,)
    assert history.layer("wrapped/0").class_name == "Conv2d"
    assert len(history.targets("gradients/norm")) == len(watched.trainable_variables)
    assert all(history.last("gradients/norm", n) > 0 for n in history.targets("gradients/norm"))
    assert history.last("score/loss", "train") > 0


def test_dead_units_of_a_module_are_named():
    sitter = kb.Babysitter(every=1, verbose=0)
    train(sitter, bias=-100.0)
    targets = {one.target for one in sitter.findings if one.rule == "dead_units"}
    assert "wrapped/2" in targets
