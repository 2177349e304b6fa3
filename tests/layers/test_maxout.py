import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from keras_babysit.initializers import VariancePreserving
from keras_babysit.layers import Maxout, MaxoutConv1D, MaxoutConv2D, MaxPieces
from tests.layers.backprop import backprop

SIZES = st.integers(1, 4)
EXAMPLES = 5 if keras.backend.backend() == "jax" else 25  # JAX compiles for each shape


def normal(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(SIZES, min_size=1, max_size=3), SIZES, SIZES, st.integers(2, 4), st.booleans())
def test_maxout_equals_the_formula_for_any_shape(batch, inputs, units, pieces, use_bias):
    x = normal((*batch, inputs))
    layer = Maxout(units, pieces, use_bias=use_bias, bias_initializer="random_normal")
    outputs = ops.convert_to_numpy(layer(x))
    kernel, *bias = layer.get_weights()
    z = (x @ kernel + sum(bias)).reshape(*batch, units, pieces)
    np.testing.assert_allclose(outputs, z.max(axis=-1), rtol=1e-4, atol=1e-5)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(SIZES, min_size=2, max_size=4), st.data(), st.integers(2, 4))
def test_max_pieces_equals_the_formula_on_any_axis(shape, data, pieces):
    axis = data.draw(st.integers(1, len(shape) - 1))
    units = shape[axis]
    shape[axis] = units * pieces
    x = normal(shape)
    outputs = ops.convert_to_numpy(MaxPieces(pieces, axis=axis)(x))
    split = x.reshape(*shape[:axis], units, pieces, *shape[axis + 1 :])
    np.testing.assert_array_equal(outputs, split.max(axis=axis + 1))


def test_max_pieces_refuses_channels_that_do_not_divide():
    with pytest.raises(ValueError, match="multiple of pieces=3"):
        MaxPieces(3).build((None, 8))


def test_the_gradient_goes_to_the_winner_alone():
    x = np.array([[1.0, 4.0, 3.0, 2.0]], "float32")
    _, (dx,) = backprop(MaxPieces(2), x, np.array([[5.0, 7.0]]))
    np.testing.assert_array_equal(dx, [[0.0, 5.0, 7.0, 0.0]])


OPTIONS = [
    {"strides": 2},
    {"padding": "same"},
    {"padding": "same", "dilation_rate": 2},
    {"groups": 2, "use_bias": False},
    {"groups": 2, "padding": "same", "strides": 2},
    {"activation": "tanh"},
]
CONVOLUTIONS = [
    *((2, options) for options in OPTIONS),
    (1, {"groups": 2, "padding": "same", "strides": 2}),
    (1, {"padding": "causal", "dilation_rate": 2}),
]


@pytest.mark.parametrize(("dimensions", "options"), CONVOLUTIONS)
def test_maxout_convolution_equals_a_convolution_and_a_maximum(dimensions, options):
    filters, pieces = 4, 3
    ours_class, peer_class = {
        1: (MaxoutConv1D, keras.layers.Conv1D),
        2: (MaxoutConv2D, keras.layers.Conv2D),
    }[dimensions]
    x = normal((2, *(9, 8)[:dimensions], 6))
    options = {**options, "bias_initializer": "random_normal"}
    ours = ours_class(filters, 3, pieces, **options)
    activation = keras.activations.get(options.pop("activation", None))
    peer = peer_class(filters * pieces, 3, **options)
    outputs = ours(x)
    peer.build(x.shape)
    peer.set_weights(ours.get_weights())
    z = peer(x)
    expected = activation(ops.max(ops.reshape(z, (*z.shape[:-1], filters, pieces)), axis=-1))
    np.testing.assert_allclose(
        ops.convert_to_numpy(outputs), ops.convert_to_numpy(expected), rtol=1e-4, atol=1e-5
    )
    assert ours.compute_output_shape(x.shape) == tuple(outputs.shape)
    assert ours.filters == filters


def test_maxout_convolution_takes_channels_first():
    if keras.backend.backend() == "tensorflow":
        pytest.skip("TensorFlow has no channels-first convolution on CPUs")
    x = normal((2, 4, 6, 5))
    first = MaxoutConv2D(3, 3, data_format="channels_first")
    last = MaxoutConv2D(3, 3)
    outputs = ops.convert_to_numpy(first(x))
    last.build((2, 6, 5, 4))
    last.set_weights(first.get_weights())
    expected = ops.convert_to_numpy(last(np.moveaxis(x, 1, -1)))
    np.testing.assert_allclose(outputs, np.moveaxis(expected, -1, 1), rtol=1e-4, atol=1e-5)
    assert first.compute_output_shape(x.shape) == outputs.shape


def test_maxout_convolution_takes_lora_as_keras_does():
    layer = MaxoutConv2D(3, 3, lora_rank=2)
    layer.build((None, 6, 6, 4))
    assert layer.lora_kernel_b.shape == (2, 6)
    assert layer(normal((1, 6, 6, 4))).shape[-1] == 3


@pytest.mark.parametrize("pieces", [2, 3, 5])
def test_default_weights_keep_the_second_moment(pieces):
    keras.utils.set_random_seed(0)
    outputs = ops.convert_to_numpy(Maxout(1000, pieces)(normal((500, 400))))
    assert np.square(outputs).mean() == pytest.approx(1.0, abs=0.12)


def test_default_weights_of_a_convolution_depend_on_its_activation():
    layer = MaxoutConv2D(2, 3, pieces=3, activation="tanh")
    assert layer.kernel_initializer.gain == VariancePreserving("tanh", pieces=3).gain


def test_winners_are_fractions_of_positions():
    z = np.array([[[3.0, 1.0], [0.0, 2.0]], [[5.0, 4.0], [1.0, 1.0]]], "float32")
    fractions = Maxout(2).winners(ops.convert_to_tensor(z))
    np.testing.assert_array_equal(ops.convert_to_numpy(fractions), [[1.0, 0.0], [0.5, 0.5]])


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Maxout(4, 3), (5, 2)),
        (MaxoutConv1D(4, 3, pieces=3), (5, 7, 2)),
        (MaxoutConv2D(4, 3, pieces=3), (5, 7, 6, 2)),
        (MaxPieces(3), (5, 12)),
    ],
)
def test_the_reduction_can_be_observed(layer, shape):
    """`reduce_pieces` gets `(..., units, pieces)`, and its result is the output of the layer."""
    fractions = []

    def watched(z):
        fractions.append(layer.winners(z))
        return type(layer).reduce_pieces(layer, z)

    x = normal(shape)
    expected = ops.convert_to_numpy(layer(x))
    object.__setattr__(layer, "reduce_pieces", watched)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(x)), expected)
    assert tuple(fractions[0].shape) == (4, layer.pieces) == (4, 3)
    np.testing.assert_allclose(ops.convert_to_numpy(fractions[0]).sum(axis=-1), 1.0, rtol=1e-6)


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX makes float32 of float64")
@pytest.mark.parametrize(
    "make", [lambda **k: Maxout(3, **k), lambda **k: MaxPieces(2, **k)], ids=["Maxout", "MaxPieces"]
)
def test_double_precision_is_kept(make):
    x = np.random.default_rng(0).normal(size=(4, 6))
    layer = make(dtype="float64")
    y = layer(ops.convert_to_tensor(x, dtype="float64"))
    assert keras.backend.standardize_dtype(y.dtype) == "float64"
    if isinstance(layer, MaxPieces):
        expected = x.reshape(4, 3, 2).max(axis=-1)
        np.testing.assert_array_equal(ops.convert_to_numpy(y), expected)
