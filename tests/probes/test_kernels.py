"""What a kernel is, of Keras' layers and of one's own."""

import keras
import numpy as np
import pytest

from keras_babysit import layers as own
from keras_babysit.probes.facts import describe_weights
from keras_babysit.probes.kernels import kernel_ids
from keras_babysit.probes.probe import weight_names

layers = keras.layers
SEQUENCE = np.zeros((2, 6, 8), "float32")


class Own(layers.Layer):
    """Keeps its weights under names of its own, one in a list."""

    def build(self, shape):
        size = shape[-1]
        self.w = self.add_weight(shape=(size, size), name="w")
        self.more = [self.add_weight(shape=(size, size), name="more")]
        self.head_bias = self.add_weight(shape=(2, size), name="head_bias")
        self.position_embeddings = self.add_weight(shape=(6, size), name="position")

    def call(self, x):
        return x @ self.w @ self.more[0] + self.head_bias[0] + self.position_embeddings


def lora():
    dense = layers.Dense(3)
    dense.build((None, 6, 8))
    dense.enable_lora(2)
    return dense


@pytest.mark.parametrize(
    ("layer", "kernels"),
    [
        (layers.Dense(3), {"kernel"}),
        (lora(), {"lora_kernel_a", "lora_kernel_b"}),
        (layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de"), {"kernel"}),
        (layers.Conv1DTranspose(4, 3), {"kernel"}),
        (layers.DepthwiseConv1D(3), {"kernel"}),
        (layers.SeparableConv1D(4, 3), {"depthwise_kernel", "pointwise_kernel"}),
        (layers.GRU(3), {"kernel", "recurrent_kernel"}),
        (layers.Bidirectional(layers.LSTM(3)), {"kernel", "recurrent_kernel"}),
        (layers.TimeDistributed(layers.Dense(3)), {"kernel"}),
        (layers.SpectralNormalization(layers.Dense(3)), {"kernel"}),
        (layers.LayerNormalization(axis=[1, 2]), set()),
        (layers.PReLU(), set()),
        (own.Maxout(3), {"kernel"}),
        (Own(), {"w", "more"}),
    ],
    ids=lambda one: one.name if isinstance(one, keras.Layer) else "",
)
def test_the_layer_tells_its_kernels(layer, kernels):
    layer(SEQUENCE)
    ids = kernel_ids(layer)
    assert {v.path.split("/")[-1] for v in layer.trainable_variables if id(v) in ids} == kernels


@pytest.mark.parametrize(
    "attention", [layers.MultiHeadAttention(2, 4), layers.GroupQueryAttention(8, 4, 2)], ids=str
)
def test_a_bias_with_an_axis_per_head_is_no_kernel(attention):
    inputs = keras.Input((6, 8))
    model = keras.Model(inputs, attention(inputs, inputs))
    found = describe_weights(model, weight_names(model), {})
    assert {name.split("/")[-1] for name, facts in found.items() if facts.is_kernel} == {"kernel"}
    assert sum(facts.is_kernel for facts in found.values()) == 4


def test_an_embedding_is_looked_up_and_mixes_nothing():
    embedding = layers.Embedding(5, 3)
    embedding(np.zeros((2, 3), int))
    assert kernel_ids(embedding) == set()
