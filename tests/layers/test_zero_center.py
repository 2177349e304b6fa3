import keras
import numpy as np
import pytest
from keras import ops

from keras_babysit.layers import ZeroCenter

X = np.random.default_rng(0).normal(1e4, 1e-2, (64, 4, 5, 3)).astype("float32")


@pytest.mark.parametrize(
    ("axis", "reduced"),
    [(-1, (0, 1, 2)), (3, (0, 1, 2)), (1, (0, 2, 3)), (None, (0,))],
    ids=["channels-last", "the-same", "channels-first", "mean-image"],
)
def test_subtracts_the_exact_mean(axis, reduced):
    mean = X.mean(axis=reduced, keepdims=True, dtype="float64")
    outputs = ops.convert_to_numpy(ZeroCenter(axis).adapt(X)(X))
    # One rounding of the mean to float32 would be 5e-4 at 1e4.
    np.testing.assert_allclose(outputs, X - mean, rtol=1e-5, atol=1e-9)


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX makes float32 of float64")
@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_timestamps_keep_their_seconds(dtype):
    stamps = 1.7e9 + np.arange(1000, dtype="float64")[:, None]
    layer = ZeroCenter().adapt(stamps)
    outputs = ops.convert_to_numpy(layer(ops.convert_to_tensor(stamps.astype(dtype))))
    np.testing.assert_allclose(outputs[:, 0], np.arange(1000) - 499.5, rtol=1e-6)


def test_a_mean_that_float32_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="range of float32"):
        ZeroCenter().adapt(np.full((3, 2), 1e300))


def test_images_may_differ_in_size():
    layer = ZeroCenter().adapt([X, X[:, :2, :3]])
    sums = X.sum((0, 1, 2), dtype="float64") + X[:, :2, :3].sum((0, 1, 2), dtype="float64")
    mean = sums / (64 * 4 * 5 + 64 * 2 * 3)
    np.testing.assert_allclose(layer.statistics.mean, mean, rtol=1e-13)


def test_agrees_with_keras_normalization():
    """`Normalization` divides by the standard deviation too; multiplied by it, both agree."""
    x = np.random.default_rng(0).normal(3.0, 2.0, (64, 3)).astype("float32")
    peer = keras.layers.Normalization()
    peer.adapt(x)
    scaled_back = ops.convert_to_numpy(peer(x)) * x.std(axis=0)
    ours = ops.convert_to_numpy(ZeroCenter().adapt(x)(x))
    np.testing.assert_allclose(ours, scaled_back, atol=1e-5)
