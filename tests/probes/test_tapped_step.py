"""A compiled step of a loop is seen inside, and everything is put back."""

import functools

import keras
import numpy as np
from keras import layers, ops

from keras_babysit.backends import backend, to_array
from keras_babysit.probes import TappedStep

BACKEND = keras.backend.backend()
X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")


def make():
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(6, "relu", name="hidden"), layers.Dense(1, name="last")]
    )
    optimizer = keras.optimizers.Adam(0.01)
    optimizer.build(model.trainable_variables)
    return model, optimizer


def step_and_arguments(model, optimizer):
    """Return a compiled training step, its arguments, and nothing of it traced yet."""
    x = backend.to_tensor(X)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        @tf.function
        def step(x):
            with tf.GradientTape() as tape:
                loss = ops.mean(ops.square(model(x)))
            weights = model.trainable_variables
            optimizer.apply(tape.gradient(loss, weights), weights)
            return loss

        return step, (x,)
    if BACKEND == "torch":

        def step(x):
            model.zero_grad()
            loss = ops.mean(ops.square(model(x)))
            loss.backward()
            optimizer.apply([one.value.grad for one in model.trainable_variables])
            return loss.detach()

        return step, (x,)
    import jax

    @functools.partial(jax.jit, donate_argnums=0)
    def step(state, x):
        def loss_of(values):
            outputs, _ = model.stateless_call(values, [], x)
            return ops.mean(ops.square(outputs))

        values, known = state
        loss, gradients = jax.value_and_grad(loss_of)(values)
        return optimizer.stateless_apply(known, gradients, values), loss

    variables = (
        [v.value for v in model.trainable_variables],
        [v.value for v in optimizer.variables],
    )
    return step, (variables, x)


def test_a_compiled_step_is_seen_inside_and_leaves_no_trace():
    model, optimizer = make()
    step, arguments = step_and_arguments(model, optimizer)
    variables = [*model.variables, *optimizer.variables]
    before = [np.array(to_array(one.value)) for one in variables]
    tapped = TappedStep(model)
    for _ in range(2):
        seen = tapped(step, *arguments)
        assert {"hidden", "last"} == set(tapped.layers)
        assert seen.readings["activations/std", "hidden"] > 0
        norms = [v for (quantity, _), v in seen.readings.items() if quantity == "gradients/norm"]
        assert len(norms) == 4
        assert min(norms) > 0
    for one, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(to_array(one.value), value)
    result = step(*arguments)  # the arguments are still there, and the loss is the same one
    loss = result[1] if BACKEND == "jax" else result
    np.testing.assert_allclose(to_array(loss), seen.losses["loss"], rtol=1e-6)
