"""Training loops of one's own, one of each kind, as the tests of `kb.watch` share them."""

import functools

import keras
import numpy as np
from keras import layers

BACKEND = keras.backend.backend()
RNG = np.random.default_rng(0)
X = RNG.normal(size=(256, 6)).astype("float32")
Y = (X[:, :1] + X[:, 1:2] ** 2).astype("float32")
SIZE = 64


def made():
    keras.utils.clear_session()
    return network()


def network():
    """The network in whatever scope is open, which `clear_session` would drop on TensorFlow."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, "relu", name="hidden"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.2),
            layers.Dense(1, name="head"),
        ]
    )


def batches(steps):
    for step in range(steps):
        start = SIZE * step % len(X)
        yield X[start : start + SIZE], Y[start : start + SIZE]


def plainly(function, *args, **kwargs):
    return function(*args, **kwargs)


def gradient_tape(steps, call, model, optimizer, *, in_graph=False):
    import tensorflow as tf

    def train_step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x, training=True) - y))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return {"loss": loss}

    step = tf.function(train_step) if in_graph else train_step
    return [float(call(step, *map(tf.constant, batch))["loss"]) for batch in batches(steps)]


def backward(steps, call, model, optimizer):
    import torch

    def train_step(x, y):
        model.zero_grad()
        loss = torch.mean((model(x, training=True) - y) ** 2)
        loss.backward()
        with torch.no_grad():
            gradients = [v.value.grad for v in model.trainable_variables]
            optimizer.apply(gradients, model.trainable_variables)
        return loss.detach()

    return [float(call(train_step, *map(torch.tensor, batch))) for batch in batches(steps)]


def torch_optimizer(steps, call, model, optimizer):
    import torch

    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def train_step(x, y):
        optimizer.zero_grad()
        loss = torch.mean((model(x, training=True) - y) ** 2)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return [float(call(train_step, *map(torch.tensor, batch))) for batch in batches(steps)]


def explicit_state(steps, call, model, optimizer, *, compiled=True):
    import jax
    import jax.numpy as jnp

    optimizer.build(model.trainable_variables)

    def loss_of(trainable, other, x, y):
        y_pred, other = model.stateless_call(trainable, other, x, training=True)
        return jnp.mean((y_pred - y) ** 2), other

    def train_step(state, x, y):
        trainable, other, slots = state
        differentiate = jax.value_and_grad(loss_of, has_aux=True)
        (loss, other), gradients = differentiate(trainable, other, x, y)
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        return (trainable, other, slots), loss

    step = jax.jit(train_step) if compiled else train_step
    variables = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
    state = tuple([v.value for v in group] for group in variables)
    losses = []
    for batch in batches(steps):
        state, loss = call(step, state, *batch)
        losses.append(float(loss))
    for group, values in zip(variables, state, strict=True):
        for variable, value in zip(group, values, strict=True):
            variable.assign(value)
    return losses


def train_on_batch(steps, call, model, optimizer):
    model.compile(optimizer, "mse")
    step = functools.partial(call, model.train_on_batch, return_dict=True)
    return [step(x, y)["loss"] for x, y in batches(steps)]


LOOPS = {
    "tensorflow": {
        "tape": gradient_tape,
        "tape-in-graph": functools.partial(gradient_tape, in_graph=True),
        "train-on-batch": train_on_batch,
    },
    "torch": {
        "backward": backward,
        "torch-optimizer": torch_optimizer,
        "train-on-batch": train_on_batch,
    },
    "jax": {
        "explicit-state": explicit_state,
        "explicit-state-eager": functools.partial(explicit_state, compiled=False),
        "train-on-batch": train_on_batch,
    },
}[BACKEND]
"""The kinds of loop on this backend, by name: `loop(steps, call, model, optimizer)`."""
