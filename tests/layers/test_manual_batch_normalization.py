import inspect

import keras
import numpy as np
import pytest
from keras import ops

from keras_babysit.layers import ManualBatchNormalization
from tests.layers.backprop import backprop

Peer = keras.layers.BatchNormalization

CONFIGURATIONS = {
    "default": {},
    "channels-first": {"axis": 1},
    "no-center": {"center": False},
    "no-scale": {"scale": False},
    "bare": {"center": False, "scale": False},
    "momentum-epsilon": {"momentum": 0.5, "epsilon": 0.1},
    "initializers": {
        "beta_initializer": "ones",
        "gamma_initializer": keras.initializers.Constant(2.0),
        "moving_mean_initializer": keras.initializers.Constant(-1.0),
        "moving_variance_initializer": keras.initializers.Constant(3.0),
    },
    "renorm": {"renorm": True, "renorm_momentum": 0.7},
    "renorm-clipped": {
        "renorm": True,
        "renorm_clipping": {"rmin": 0.9, "rmax": 1.2, "dmax": 0.1},
    },
    "renorm-bare": {"renorm": True, "center": False, "scale": False},
}
SEQUENCES = (6, 4, 5)
CASES = {
    **{name: (arguments, SEQUENCES) for name, arguments in CONFIGURATIONS.items()},
    "vectors": ({}, (8, 5)),
    "images": ({}, (4, 5, 3, 5)),
    "images-channels-first": ({"axis": 1}, (4, 5, 3, 2)),
    "images-renorm": (CONFIGURATIONS["renorm"], (4, 5, 3, 5)),
}


def data(shape, seed=0):
    return np.random.default_rng(seed).normal(1.5, 3.0, shape).astype("float32")


def arrays(tensors):
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


def assert_close(ours, theirs, tolerance=2e-5):
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, rtol=tolerance, atol=tolerance)


HAS_RENORM = "renorm" in inspect.signature(Peer).parameters


@pytest.mark.parametrize(("arguments", "shape"), CASES.values(), ids=CASES)
def test_equals_keras(arguments, shape):
    """Outputs, gradients and moving averages of two training steps, then inference."""
    if "renorm" in arguments and not HAS_RENORM:
        pytest.skip("this version of Keras has no renormalization")
    ours, theirs = ManualBatchNormalization(**arguments), Peer(**arguments)
    for step in range(2):
        x, upstream = data(shape, step), data(shape, step + 10)
        our_outputs, our_gradients = backprop(ours, x, upstream, training=True)
        their_outputs, their_gradients = backprop(theirs, x, upstream, training=True)
        assert_close([our_outputs, *our_gradients], [their_outputs, *their_gradients], 2e-4)
        ours(x, training=True)  # JAX's stateless call above moved no average
        theirs(x, training=True)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    assert_close(arrays(ours.weights), arrays(theirs.weights))
    assert_close(arrays([ours(data(shape, 5))]), arrays([theirs(data(shape, 5))]))


def test_equals_keras_with_regularizers_and_constraints():
    arguments = {
        "beta_regularizer": keras.regularizers.L2(0.1),
        "gamma_regularizer": keras.regularizers.L1(0.1),
        "gamma_constraint": keras.constraints.MaxNorm(1.0),
        "beta_constraint": "non_neg",
    }
    models = []
    for cls in (ManualBatchNormalization, Peer):
        model = keras.Sequential([keras.Input((5,)), cls(**arguments)])
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
        losses = [model.train_on_batch(data((16, 5)), data((16, 5), 1)) for _ in range(3)]
        models.append([np.array(losses), *model.get_weights()])
    assert_close(*models)


@pytest.mark.parametrize("shape", [(6, 4, 5), (3, 4, 2, 5)])
def test_equals_keras_with_a_mask(shape):
    x = data(shape)
    mask = np.random.default_rng(1).random(shape[:-1]) < 0.6
    ours, theirs = ManualBatchNormalization(), Peer()
    assert_close(
        arrays([ours(x, training=True, mask=mask)]), arrays([theirs(x, training=True, mask=mask)])
    )
    assert_close(arrays(ours.weights), arrays(theirs.weights))


def test_masked_positions_do_not_count():
    x = data((6, 4, 5))
    mask = np.random.default_rng(1).random((6, 4)) < 0.6
    poisoned = np.where(mask[..., None], x, np.nan).astype("float32")
    outputs = [ManualBatchNormalization()(v, training=True, mask=mask) for v in (x, poisoned)]
    ours, theirs = (ops.convert_to_numpy(output)[mask] for output in outputs)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    expected = (x[mask] - x[mask].mean(axis=0)) / np.sqrt(x[mask].var(axis=0) + 1e-3)
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_refuses_a_mask_of_another_rank():
    with pytest.raises(ValueError, match="one axis less"):
        ManualBatchNormalization()(data((6, 4, 5)), training=True, mask=np.ones(6, bool))


@pytest.mark.parametrize("first", [1e4, 0.0], ids=["ordinary-first-example", "outlier-first"])
def test_is_accurate_if_the_mean_is_far_above_the_deviation(first):
    """Mean 1e4 and standard deviation 1e-2 in float32, compared with float64."""
    x = np.random.default_rng(0).normal(1e4, 1e-2, (512, 3)).astype("float32")
    x[0] = first if first != 1e4 else x[0]
    upstream = data(x.shape)
    layer = ManualBatchNormalization(epsilon=1e-6)
    outputs, (dx, *_) = backprop(layer, x, upstream, training=True)

    centered = x.astype("float64") - x.mean(axis=0, dtype="float64")
    stddev = np.sqrt(np.square(centered).mean(axis=0) + 1e-6)
    x_hat = centered / stddev
    expected_dx = (upstream - upstream.mean(0) - x_hat * (upstream * x_hat).mean(0)) / stddev
    np.testing.assert_allclose(outputs, x_hat, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(dx, expected_dx, rtol=1e-3, atol=1e-3 * np.abs(expected_dx).max())


def test_inference_is_accurate_too():
    x = np.random.default_rng(0).normal(1e4, 1e-2, (512, 1)).astype("float32")
    layer = ManualBatchNormalization(epsilon=1e-6).recalibrate(x)
    stored_mean, stored_variance = (ops.convert_to_numpy(w) for w in layer.non_trainable_weights)
    expected = (x.astype("float64") - stored_mean) / np.sqrt(stored_variance + 1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, rtol=1e-5, atol=1e-5)


def test_frozen_means_inference_mode():
    layer = ManualBatchNormalization()
    layer.build((None, 5))
    layer.trainable = False
    x = data((8, 5))
    outputs = layer(x, training=True)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(outputs), ops.convert_to_numpy(layer(x, training=False))
    )
    assert float(ops.max(ops.abs(layer.moving_mean))) == 0.0


def test_statistics_are_float32_in_half_precision():
    """The sum of 2048 values of 300 overflows float16, and so do their squares."""
    x = np.random.default_rng(0).normal(300.0, 10.0, (2048, 2)).astype("float16")
    layer = ManualBatchNormalization(dtype="mixed_float16", momentum=0.0)
    layer(x, training=True)
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer.moving_variance), x.astype("float64").var(axis=0), rtol=1e-4
    )


def test_only_tensorflow_synchronizes():
    if keras.backend.backend() == "tensorflow":
        assert ManualBatchNormalization(synchronized=True)(data((8, 5)), training=True) is not None
    else:
        with pytest.raises(ValueError, match="`synchronized` must be False"):
            ManualBatchNormalization(synchronized=True)


def batches_of(x, kind):
    if kind == "array":
        return x
    return [(x[:100], np.zeros(100)), (x[100:], np.zeros(len(x) - 100))]


@pytest.mark.parametrize("kind", ["array", "batches"])
@pytest.mark.parametrize("arguments", [{}, {"renorm": True}], ids=["plain", "renorm"])
def test_recalibrate_uses_the_statistics_of_all_data(arguments, kind):
    x = data((300, 4, 3))
    layer = ManualBatchNormalization(**arguments)
    assert layer.recalibrate(batches_of(x, kind)) is layer
    x64 = x.astype("float64")
    assert_close(
        arrays([layer.moving_mean, layer.moving_variance]), [x64.mean((0, 1)), x64.var((0, 1))]
    )
    if arguments:
        assert_close(arrays([layer.moving_stddev]), [np.sqrt(x64.var((0, 1)) + 1e-3)])


def test_recalibrate_inside_a_model_in_order():
    first, second = ManualBatchNormalization(), ManualBatchNormalization()
    between = keras.layers.Dense(4, activation="relu")
    model = keras.Sequential([keras.Input((3,)), first, between, second, keras.layers.Dense(1)])
    x = data((500, 3))
    for layer in (first, second):
        layer.recalibrate(x, model)
    hidden = ops.convert_to_numpy(between(first(x)))
    assert_close(
        arrays([second.moving_mean, second.moving_variance]), [hidden.mean(0), hidden.var(0)], 1e-4
    )
    assert "call" not in vars(first)


def test_recalibrate_ignores_masked_positions():
    x = data((6, 4, 3))
    x[2:4, 1:] = 0.0
    layer = ManualBatchNormalization()
    model = keras.Sequential([keras.Input((4, 3)), keras.layers.Masking(), layer])
    layer.recalibrate(x, model)
    kept = x[(x != 0).any(axis=-1)]
    assert_close(arrays([layer.moving_mean, layer.moving_variance]), [kept.mean(0), kept.var(0)])


def test_recalibrate_needs_an_example():
    layer = ManualBatchNormalization()
    layer.build((None, 3))
    with pytest.raises(ValueError, match="that reach the layer"):
        layer.recalibrate([])
