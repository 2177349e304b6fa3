"""Training is not changed either where layers hold state that Keras does not track."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_babysit as kb

BACKEND = keras.backend.backend()
X = np.random.default_rng(0).normal(size=(48, 4)).astype("float32")
Y = X[:, :1].astype("float32")


class Counting(layers.Layer):
    """Scales its inputs by how often it was called: an annealing of one's own."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def call(self, inputs):
        self.calls += 1
        return inputs * (1 + 0.01 * self.calls)


class Remembering(layers.Layer):
    """Adds what it returned last, kept as an attribute."""

    def __init__(self):
        super().__init__()
        self.last = np.float32(0.0) * np.ones(4, "float32")

    def call(self, inputs):
        outputs = inputs + 0.1 * ops.convert_to_tensor(self.last)
        self.last = ops.convert_to_numpy(ops.mean(outputs, axis=0))
        return outputs


def tensorflow_variable():
    import tensorflow as tf

    class Variable(layers.Layer):
        def __init__(self):
            super().__init__()
            self.calls = [tf.Variable(0.0, trainable=False)]

        def call(self, inputs):
            return inputs * (1 + 0.01 * self.calls[0].assign_add(1.0))

    return Variable()


def tensorflow_generator():
    import tensorflow as tf

    class Noise(layers.Layer):
        def __init__(self):
            super().__init__()
            self.generator = tf.random.Generator.from_seed(1)

        def call(self, inputs):
            return inputs + self.generator.normal((4,))

    return Noise()


def tensorflow_global_generator():
    import tensorflow as tf

    tf.random.set_global_generator(tf.random.Generator.from_seed(2))

    class Noise(layers.Layer):
        def call(self, inputs):
            return inputs + tf.random.get_global_generator().normal((4,))

    return Noise()


def tensorflow_operation():
    import tensorflow as tf

    class Noise(layers.Layer):
        def call(self, inputs):
            return inputs + tf.random.normal((4,))

    return Noise()


def torch_buffers():
    import torch

    return layers.TorchModuleWrapper(torch.nn.BatchNorm1d(4))


CASES = {
    "counter": ("", Counting, {"run_eagerly": True}),
    "array": ("torch", Remembering, {}),
    "tf-variable": ("tensorflow", tensorflow_variable, {}),
    "tf-variable-eager": ("tensorflow", tensorflow_variable, {"run_eagerly": True}),
    "tf-generator": ("tensorflow", tensorflow_generator, {}),
    "tf-generator-eager": ("tensorflow", tensorflow_generator, {"run_eagerly": True}),
    "tf-global-generator": ("tensorflow", tensorflow_global_generator, {}),
    "tf-random-eager": ("tensorflow", tensorflow_operation, {"run_eagerly": True}),
    "torch-buffers": ("torch", torch_buffers, {}),
}
"""State by name: the backend that has it, a layer, and arguments of `compile`."""


def train(make, options, *callbacks):
    keras.utils.set_random_seed(0)
    layer = make()
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4), layer, layers.Dense(1)])
    model.compile("sgd", "mse", **options)
    data = {"x": X, "y": Y, "validation_data": (X, Y), "batch_size": 16}
    history = model.fit(epochs=2, verbose=0, callbacks=list(callbacks), **data)
    buffers = [np.array(b) for b in layer.buffers()] if BACKEND == "torch" else []
    return history.history["loss"], model.get_weights(), buffers


@pytest.mark.parametrize("name", CASES)
def test_a_run_with_hidden_state_trains_as_if_alone(name):
    needs, make, options = CASES[name]
    if needs and needs != BACKEND:
        pytest.skip(f"needs {needs}")
    bare = train(make, options)
    sitter = kb.Babysitter(every=1, rescue=True, verbose=0)
    loss, weights, buffers = train(make, options, sitter)
    assert loss == bare[0]
    for found, expected in zip((*weights, *buffers), (*bare[1], *bare[2]), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert len(sitter.history.series("loss/batch")) > 3
