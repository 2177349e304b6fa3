"""Loops of unusual kinds: measured, or what is missing is named; and never changed."""

import contextlib

import keras
import numpy as np
import pytest

import keras_babysit as kb
from tests.callbacks.loops import BACKEND, X, Y, batches, network, plainly

STEPS = 6


def scanned(call, model):
    """Three steps of plain gradient descent in one call, by `jax.lax.scan`."""
    import jax
    import jax.numpy as jnp

    def loss_of(trainable, other, x, y):
        y_pred, other = model.stateless_call(trainable, other, x, training=True)
        return jnp.mean((y_pred - y) ** 2), other

    def one(state, batch):
        differentiate = jax.value_and_grad(loss_of, has_aux=True)
        (loss, other), gradients = differentiate(*state, *batch)
        trainable = [w - 0.01 * g for w, g in zip(state[0], gradients, strict=True)]
        return (trainable, other), loss

    @jax.jit
    def three(state, x, y):
        split = (3, -1)
        parts = (x.reshape(*split, x.shape[1]), y.reshape(*split, y.shape[1]))
        state, losses = jax.lax.scan(one, state, parts)
        return state, losses.mean()

    state = tuple(
        [v.value for v in group]
        for group in (model.trainable_variables, model.non_trainable_variables)
    )
    for x, y in batches(STEPS):
        state, _ = call(three, state, x[:48], y[:48])
    return [np.array(value) for group in state for value in group]


def mapped(call, model):
    """Gradients of each example by `jax.vmap`, and an update rule of one's own, as of Optax."""
    import jax
    import jax.numpy as jnp

    def loss_of(trainable, other, x, y):
        y_pred, _ = model.stateless_call(trainable, other, x[None], training=False)
        return jnp.mean((y_pred[0] - y) ** 2)

    @jax.jit
    def train_step(params, momentum, x, y):
        each = jax.vmap(jax.value_and_grad(loss_of), in_axes=(None, None, 0, 0))
        losses, gradients = each(params["trainable"], params["other"], x, y)
        momentum = jax.tree.map(lambda m, g: 0.9 * m + g.mean(0), momentum, gradients)
        trainable = jax.tree.map(lambda w, m: w - 0.01 * m, params["trainable"], momentum)
        return params | {"trainable": trainable}, momentum, losses.mean()

    params = {
        "trainable": [v.value for v in model.trainable_variables],
        "other": [v.value for v in model.non_trainable_variables],
    }
    momentum = [0 * value for value in params["trainable"]]
    for batch in batches(STEPS):
        params, momentum, _ = call(train_step, params, momentum, *batch)
    return [np.array(value) for value in params["trainable"]]


def replicated(call, model):
    """A `tf.function` that runs the step on two devices by `MirroredStrategy`."""
    import tensorflow as tf

    strategy = tf.distribute.get_strategy()
    optimizer = keras.optimizers.SGD(0.01)

    def one(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x, training=True) - y))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    @tf.function
    def train_step(x, y):
        return strategy.reduce("MEAN", strategy.run(one, args=(x, y)), axis=None)

    for batch in batches(STEPS):
        call(train_step, *map(tf.constant, batch))
    return [np.array(v.numpy()) for v in model.trainable_variables]


def accumulated(call, model):
    """Gradients of two backward passes in each step."""
    import torch

    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def train_step(x, y):
        optimizer.zero_grad()
        for half in (slice(0, 32), slice(32, 64)):
            loss = torch.mean((model(x[half], training=True) - y[half]) ** 2)
            (loss / 2).backward()
        optimizer.step()
        return {"loss": loss.detach(), "half": 2}

    for batch in batches(STEPS):
        call(train_step, *map(torch.tensor, batch))
    return [v.value.detach().numpy().copy() for v in model.trainable_variables]


LOOPS = {
    "jax": {"scanned": scanned, "mapped": mapped},
    "tensorflow": {"replicated": replicated},
    "torch": {"accumulated": accumulated},
}[BACKEND]


def devices():
    """Let TensorFlow train on the two logical devices that a worker of the suite has."""
    if BACKEND != "tensorflow":
        return contextlib.nullcontext()
    import tensorflow as tf

    found = tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([one.name for one in found][:2]).scope()


@pytest.mark.parametrize("name", LOOPS)
def test_it_is_measured_or_the_rest_is_named_and_nothing_is_changed(name):
    keras.utils.clear_session()
    with devices():
        alone = LOOPS[name](plainly, network())
    with devices():
        model = network()
        with kb.watch(model, loss="mse", steps=STEPS, every=2, verbose=0) as sitter:
            watched = LOOPS[name](sitter.step, model)
            sitter.validate(X[:64], Y[:64])
    for found, expected in zip(watched, alone, strict=True):
        np.testing.assert_array_equal(found, expected)
    facts, history = sitter.history.facts, sitter.history
    assert facts.broke_off is None
    notes = [one.message for one in sitter.verdict.not_checked if one.rule == "not_watched"]
    assert history.targets("activations/std") or notes
    assert history.targets("gradients/norm") or sitter.verdict.not_checked
    assert history.series("weights/norm", "hidden/kernel").steps.tolist()[:3] == [0, 2, 4]
    if name != "replicated":
        assert history.last("score/loss", "validation") > 0
        assert "hidden" in history.targets("activations/std")


@pytest.mark.skipif(BACKEND != "tensorflow", reason="PyTorch refuses it; JAX compiles for long")
def test_several_steps_in_one_call_of_an_own_step_are_measured():
    from tests.probes.test_step_score import Scored

    data, left = X[:, :4], []
    for callbacks in ([], [kb.Babysitter(every=2, verbose=0)]):
        keras.utils.clear_session()
        keras.utils.set_random_seed(0)
        model = Scored()
        model(X[:1, :4])
        model.compile(keras.optimizers.SGD(0.1), steps_per_execution=2)
        model.fit(data, batch_size=32, epochs=2, verbose=0, shuffle=False, callbacks=callbacks)
        left.append([np.array(keras.ops.convert_to_numpy(v)) for v in model.variables])
    for found, expected in zip(*left, strict=True):
        np.testing.assert_array_equal(found, expected)
    history = callbacks[0].history
    assert history.facts.broke_off is None
    assert history.series("losses/total_loss").steps.tolist()[:4] == [0, 2, 4, 6]
