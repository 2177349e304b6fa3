"""Our initializers in every Keras layer that takes one for a kernel."""

import inspect

import keras
import numpy as np
import pytest
from keras import ops

from keras_babysit.initializers import He, SmallRandom, VariancePreserving, Xavier

KERNELS = ("kernel_initializer", "depthwise_initializer", "embeddings_initializer")

SEQUENCE, IMAGE, VOLUME = (8, 6), (9, 9, 4), (5, 5, 5, 3)
MOVIE = (3, *IMAGE)
LAYERS = {
    "Conv1D": ((5, 3), SEQUENCE),
    "Conv1DTranspose": ((5, 3), SEQUENCE),
    "Conv2D": ((5, 3), IMAGE),
    "Conv2DTranspose": ((5, 3), IMAGE),
    "Conv3D": ((5, 3), VOLUME),
    "Conv3DTranspose": ((5, 3), VOLUME),
    "ConvLSTM1D": ((5, 3), (3, *SEQUENCE)),
    "ConvLSTM2D": ((5, 3), MOVIE),
    "ConvLSTM3D": ((5, 3), (3, *VOLUME)),
    "Dense": ((5,), SEQUENCE),
    "DepthwiseConv1D": ((3,), SEQUENCE),
    "DepthwiseConv2D": ((3,), IMAGE),
    "EinsumDense": (("abc,cde->abde", (None, 2, 3)), SEQUENCE),
    "Embedding": ((10, 5), (8,)),
    "GRU": ((5,), SEQUENCE),
    "GroupQueryAttention": ((4, 2, 2), SEQUENCE),
    "LSTM": ((5,), SEQUENCE),
    "MultiHeadAttention": ((2, 4), SEQUENCE),
    "ReversibleEmbedding": ((10, 5), (8,)),
    "SeparableConv1D": ((5, 3), SEQUENCE),
    "SeparableConv2D": ((5, 3), IMAGE),
    "SimpleRNN": ((5,), SEQUENCE),
}
"""The layers by name: their arguments and the shape of one example."""

ATTENTION = ("MultiHeadAttention", "GroupQueryAttention")


def kernel_argument(layer_class):
    parameters = inspect.signature(layer_class.__init__).parameters
    return next((name for name in KERNELS if name in parameters), None)


def make(name, initializer):
    layer_class = getattr(keras.layers, name)
    layer = layer_class(*LAYERS[name][0], **{kernel_argument(layer_class): initializer})
    shape = (2, *LAYERS[name][1])
    layer.build(shape, shape) if name in ATTENTION else layer.build(shape)
    return layer


def weights_of(layer):
    return [ops.convert_to_numpy(weight) for weight in layer.trainable_variables]


def test_the_table_covers_every_keras_layer_that_takes_an_initializer_of_its_kernel():
    known = {getattr(keras.layers, name, None) for name in LAYERS}
    found = [
        layer
        for name, layer in inspect.getmembers(keras.layers, inspect.isclass)
        if kernel_argument(layer) and not name.endswith("Cell")
    ]
    assert found
    assert [layer for layer in found if layer not in known] == []


@pytest.mark.parametrize("name", [name for name in LAYERS if hasattr(keras.layers, name)])
@pytest.mark.parametrize("initializer", [He, Xavier, VariancePreserving, SmallRandom])
def test_a_layer_takes_the_initializer_and_its_configuration(name, initializer):
    layer = make(name, initializer(seed=1))
    assert all(np.isfinite(weight).all() for weight in weights_of(layer))
    copy = type(layer).from_config(layer.get_config())
    shape = (2, *LAYERS[name][1])
    copy.build(shape, shape) if name in ATTENTION else copy.build(shape)
    first, second = weights_of(layer)[0], weights_of(copy)[0]
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", [name for name in LAYERS if hasattr(keras.layers, name)])
def test_a_model_with_the_layer_is_saved_and_loaded(name, tmp_path):
    layer = make(name, He(seed=1))
    dtype = "int32" if "Embedding" in name else "float32"
    inputs = keras.Input(LAYERS[name][1], dtype=dtype)
    outputs = layer(inputs, inputs) if name in ATTENTION else layer(inputs)
    model = keras.Model(inputs, outputs)
    x = np.random.default_rng(0).integers(0, 10, (2, *LAYERS[name][1])).astype(dtype)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    argument = kernel_argument(type(layer))
    kept = loaded.layers[-1].get_config()[argument]
    assert kept["registered_name"] == "keras_babysit>He"
    before, after = (ops.convert_to_numpy(one(x)) for one in (model, loaded))
    np.testing.assert_allclose(after, before, rtol=1e-6, atol=1e-6)


@pytest.mark.skipif(
    "input_axes" not in inspect.signature(keras.initializers.VarianceScaling).parameters,
    reason="this version of Keras does not know the axes of a kernel",
)
@pytest.mark.parametrize(
    ("shape", "input_axes", "output_axes", "fan_in"),
    [
        ((3, 3, 200, 4), (0, 1), (0, 1, 3), 9),  # depthwise: one channel feeds an output
        ((5, 5, 60, 40), (0, 1, 3), (0, 1, 2), 1000),  # transposed: the channels come last
        ((300, 80), (), (1,), 1),  # embedding: a token selects one row
    ],
)
def test_axes_determine_the_fans(shape, input_axes, output_axes, fan_in):
    initializer = He(seed=0, input_axes=input_axes, output_axes=output_axes)
    values = ops.convert_to_numpy(initializer(shape))
    assert values.var() == pytest.approx(2 / fan_in, rel=0.05)
    assert He.from_config(initializer.get_config()).get_config() == initializer.get_config()


@pytest.mark.parametrize("initializer", [He, Xavier, VariancePreserving])
def test_axes_come_in_pairs(initializer):
    with pytest.raises(ValueError, match="belong together"):
        initializer(input_axes=(0,))
