"""Where the weights are in the state of a loop on JAX, beside moments of their shapes."""

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.callbacks.loop import key_of_values, values_in
from tests.callbacks.loops import BACKEND, X, Y, batches, made

STEPS = 12


def made_state(model):
    weights = [np.asarray(keras.ops.convert_to_numpy(v)) for v in model.trainable_variables]
    return {"moments": [0 * one for one in weights], "weights": weights}


def test_the_weights_are_those_that_the_variables_hold():
    model = made()
    state = made_state(model)
    variables = model.trainable_variables
    key = key_of_values((state, X, Y), variables)
    assert key == "weights"
    for found, expected in zip(values_in((state,), variables, key), state["weights"], strict=True):
        np.testing.assert_array_equal(found, expected)
    assert key_of_values((state["weights"], X), variables) is None  # there is one only
    assert values_in((X,), variables, key) is None


@pytest.mark.skipif(BACKEND != "jax", reason="only JAX takes the state with it")
def test_moments_that_a_step_returns_before_the_weights_are_not_taken_for_them():
    import jax
    import jax.numpy as jnp

    model = made()
    other = [one.value for one in model.non_trainable_variables]

    def loss_of(weights, x, y):
        return jnp.mean((model.stateless_call(weights, other, x)[0] - y) ** 2)

    @jax.jit  # returns dictionaries sorted by their keys
    def train_step(state, x, y):
        loss, gradients = jax.value_and_grad(loss_of)(state["weights"], x, y)
        moments = [0.9 * m + g for m, g in zip(state["moments"], gradients, strict=True)]
        weights = [w - 1e-3 * m for w, m in zip(state["weights"], moments, strict=True)]
        return {"moments": moments, "weights": weights}, loss

    state = made_state(model)
    state = {"weights": state["weights"], "moments": state["moments"]}
    with kb.watch(model, loss="mse", steps=STEPS, every=1, verbose=0) as sitter:
        for x, y in batches(STEPS):
            before = state["weights"]
            state, _ = sitter.step(train_step, state, x, y)
        sitter.validate(X[:64], Y[:64])
    history = sitter.history
    moved = np.linalg.norm(state["weights"][0] - before[0]) / np.linalg.norm(before[0])
    ratios = history.series("updates/ratio", "hidden/kernel")
    assert ratios.values[ratios.steps.tolist().index(STEPS - 1)] == pytest.approx(moved, rel=1e-3)
    norm = np.linalg.norm(state["weights"][0])
    assert history.last("weights/norm", "hidden/kernel") == pytest.approx(norm, rel=1e-3)
    expected = [float(loss_of(state["weights"], x, y)) for x, y in [(X[:64], Y[:64])]]
    assert history.last("score/loss", "validation") == pytest.approx(expected[0], rel=0.05)
