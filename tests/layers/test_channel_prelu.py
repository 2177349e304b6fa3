import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from keras import ops

from keras_babysit.layers import ChannelPReLU
from tests.layers.backprop import backprop

ALPHAS = np.array([0.0, 0.25, -0.5], "float32")


def with_alphas(layer, shape):
    layer.build(shape)
    layer.alpha.assign(np.broadcast_to(ALPHAS.reshape(layer.alpha.shape), layer.alpha.shape))
    return layer


@settings(max_examples=12, deadline=None)
@given(
    hnp.arrays(
        "float32",
        st.lists(st.integers(1, 5), min_size=1, max_size=3).map(lambda s: (*s, 3)),
        elements=st.floats(-8, 8, width=32),
    )
)
def test_equals_the_formula_for_any_shape(x):
    layer = with_alphas(ChannelPReLU(), x.shape)
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer(x)), np.where(x > 0, x, ALPHAS * x), rtol=1e-6, atol=1e-6
    )


def test_gradients_equal_the_formula():
    rng = np.random.default_rng(0)
    x, upstream = rng.normal(size=(2, 6, 4, 5, 3)).astype("float32")
    _, (dx, dalpha) = backprop(with_alphas(ChannelPReLU(), x.shape), x, upstream)
    np.testing.assert_allclose(dx, upstream * np.where(x > 0, 1, ALPHAS), rtol=1e-5, atol=1e-6)
    expected = (upstream * np.minimum(x, 0)).sum(axis=(0, 1, 2))
    np.testing.assert_allclose(dalpha, expected, rtol=1e-4, atol=1e-4)


def test_gate_is_the_derivative():
    x = np.random.default_rng(1).normal(size=(7, 3)).astype("float32")
    layer = with_alphas(ChannelPReLU(), x.shape)
    _, (dx, _) = backprop(layer, x, np.ones_like(x))
    np.testing.assert_allclose(ops.convert_to_numpy(layer.gate(ops.convert_to_tensor(x))), dx)


def test_equals_keras_prelu_with_shared_axes():
    x = np.random.default_rng(2).normal(size=(2, 5, 4, 3)).astype("float32")
    peer = keras.layers.PReLU(shared_axes=[1, 2])
    peer.build(x.shape)
    peer.alpha.assign(ALPHAS.reshape(1, 1, 3))
    ours = with_alphas(ChannelPReLU(), x.shape)
    np.testing.assert_allclose(
        ops.convert_to_numpy(ours(x)), ops.convert_to_numpy(peer(x)), rtol=1e-6
    )


def test_channels_may_come_first():
    x = np.random.default_rng(3).normal(size=(2, 3, 4, 5)).astype("float32")
    first = with_alphas(ChannelPReLU(axis=1), x.shape)
    last = with_alphas(ChannelPReLU(), (2, 4, 5, 3))
    expected = ops.convert_to_numpy(last(np.moveaxis(x, 1, -1)))
    np.testing.assert_array_equal(ops.convert_to_numpy(first(x)), np.moveaxis(expected, -1, 1))


@pytest.mark.parametrize(
    ("shared", "count"), [("channel", 32), ("layer", 1), ("element", 28 * 28 * 32)]
)
def test_number_of_slopes(shared, count):
    layer = ChannelPReLU(shared)
    layer.build((None, 28, 28, 32))
    assert layer.count_params() == count


def test_starts_at_a_quarter():
    outputs = ops.convert_to_numpy(ChannelPReLU("layer")(np.array([[-4.0]])))
    assert outputs.item() == -1.0


def test_infinite_inputs_stay_infinite():
    outputs = ops.convert_to_numpy(ChannelPReLU()(np.array([[-np.inf, np.inf]], "float32")))
    np.testing.assert_array_equal(outputs, [[-np.inf, np.inf]])


def test_bounded_slopes_stay_in_the_unit_interval():
    model = keras.Sequential([keras.Input((1,)), ChannelPReLU(bounded=True)])
    model.compile(keras.optimizers.SGD(10.0), "mse", jit_compile=False)
    for target, bound in ((100.0, 0.0), (-100.0, 1.0)):
        model.train_on_batch(np.array([[-1.0]]), np.array([[target]]))
        assert ops.convert_to_numpy(model.layers[0].alpha).item() == bound


def test_sizes_must_be_known_where_each_element_has_a_slope():
    with pytest.raises(ValueError, match="must have a known size"):
        ChannelPReLU("element").build((None, None, 3))


def test_an_optimizer_can_leave_the_slopes_out_of_its_decay():
    """The line that the docstring gives."""
    prelu = ChannelPReLU()
    model = keras.Sequential([keras.Input((1,)), prelu, keras.layers.Dense(1)])
    optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["alpha"])
    model.compile(optimizer, "mse", jit_compile=False)
    model.train_on_batch(np.array([[1.0]]), np.array([[0.0]]))
    assert (
        ops.convert_to_numpy(prelu.alpha).item() == 0.25
    )  # the input is positive: decay alone would move it
