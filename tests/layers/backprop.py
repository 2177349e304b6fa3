"""Forward and backward through one layer, on every backend."""

import keras
from keras import ops


def backprop(layer, x, upstream, **call):
    """Return the outputs and the gradients, of the inputs first and then of each weight."""
    x, upstream = (ops.convert_to_tensor(array, dtype="float32") for array in (x, upstream))
    if not layer.built:
        layer.build(x.shape)
    step = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[keras.backend.backend()]
    outputs, gradients = step(layer, x, upstream, call)
    return ops.convert_to_numpy(outputs), [ops.convert_to_numpy(g) for g in gradients]


def _tensorflow(layer, x, upstream, call):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = layer(x, **call)
    sources = [x, *(w.value for w in layer.trainable_weights)]
    return outputs, tape.gradient(outputs, sources, output_gradients=upstream)


def _jax(layer, x, upstream, call):
    import jax

    fixed = [w.value for w in layer.non_trainable_variables]

    def forward(x, weights):
        outputs, _ = layer.stateless_call(weights, fixed, x, **call)
        return outputs

    outputs, pull_back = jax.vjp(forward, x, [w.value for w in layer.trainable_variables])
    gradient, weight_gradients = pull_back(upstream)
    return outputs, [gradient, *weight_gradients]


def _torch(layer, x, upstream, call):
    import torch

    x = x.detach().requires_grad_(True)
    outputs = layer(x, **call)
    sources = [x, *(w.value for w in layer.trainable_weights)]
    return outputs, torch.autograd.grad(outputs, sources, upstream)
