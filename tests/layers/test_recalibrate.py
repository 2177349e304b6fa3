"""`recalibrate`: the statistics of batch normalizations of any kind, layer by layer."""

import sys

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_babysit.layers import ManualBatchNormalization, recalibrate

module = sys.modules["keras_babysit.layers.recalibrate"]

X = np.random.default_rng(0).normal(5.0, 2.0, (300, 6)).astype("float32")
KINDS = [layers.BatchNormalization, ManualBatchNormalization]


def outputs_of(model, x):
    return ops.convert_to_numpy(model(x, training=False))


def two_norms(kind):
    """Return a model and its two batch normalizations."""
    first, second = kind(), kind()
    hidden = layers.Dense(4, activation="relu")
    return keras.Sequential([keras.Input((6,)), first, hidden, second]), first, second


@pytest.mark.parametrize("kind", KINDS)
def test_each_layer_gets_the_statistics_of_its_inputs(kind):
    model, first, second = two_norms(kind)
    assert recalibrate(model, X, batch_size=64) == [first, second]
    for norm, inputs in ((first, X), (second, outputs_of(keras.Sequential(model.layers[:2]), X))):
        found = [ops.convert_to_numpy(v) for v in (norm.moving_mean, norm.moving_variance)]
        np.testing.assert_allclose(found[0], inputs.mean(axis=0), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found[1], inputs.var(axis=0), rtol=1e-4, atol=1e-5)


def test_the_size_of_the_batches_does_not_matter():
    model, *_ = two_norms(layers.BatchNormalization)
    recalibrate(model, X, batch_size=300)
    whole = outputs_of(model, X)
    recalibrate(model, X, batch_size=7)
    np.testing.assert_allclose(outputs_of(model, X), whole, rtol=1e-4, atol=1e-4)


def test_a_batch_of_large_outputs_is_passed_in_parts(monkeypatch):
    sizes = []

    class Spy(layers.Layer):
        def call(self, inputs):
            sizes.append(inputs.shape[0])
            return inputs

    parts, *_ = two_norms(layers.BatchNormalization)
    model = keras.Sequential([keras.Input((6,)), Spy(), *parts.layers])
    sizes.clear()  # of Keras' own calls that find the shapes
    recalibrate(model, X, batch_size=150)
    whole = outputs_of(model, X)
    assert sizes[1:-1] == [150] * 4  # the first is the look, the last the prediction
    sizes.clear()
    # One example has 6 + 6 + 4 + 4 outputs.
    monkeypatch.setattr(module, "MAX_OUTPUTS", 20 * 60)
    recalibrate(model, X, batch_size=150)
    assert sizes[1:] == [60, 60, 30] * 4
    np.testing.assert_allclose(outputs_of(model, X), whole, rtol=1e-4, atol=1e-4)


def test_norms_in_nested_models_and_along_other_axes_are_found():
    inner = keras.Sequential([keras.Input((3, 4)), layers.BatchNormalization(axis=1)])
    inputs = keras.Input((3, 4))
    model = keras.Model(inputs, layers.Flatten()(inner(inputs)))
    x = np.random.default_rng(1).normal(3.0, 1.0, (50, 3, 4)).astype("float32")
    [norm] = recalibrate(model, x)
    mean = ops.convert_to_numpy(norm.moving_mean)
    np.testing.assert_allclose(mean, x.mean(axis=(0, 2)), rtol=1e-4)


def test_several_inputs_come_as_the_model_takes_them():
    one, other = keras.Input((2,), name="one"), keras.Input((3,), name="other")
    joined = layers.Concatenate()([layers.BatchNormalization()(one), other])
    model = keras.Model({"one": one, "other": other}, joined)
    x = {"one": X[:, :2], "other": X[:, 2:5]}
    [norm] = recalibrate(model, x)
    mean = ops.convert_to_numpy(norm.moving_mean)
    np.testing.assert_allclose(mean, X[:, :2].mean(axis=0), rtol=1e-4)


def test_batches_with_targets_and_functions_are_read():
    model, first, _ = two_norms(layers.BatchNormalization)
    batches = [(X[:100], None), (X[100:], None)]
    for data in (batches, lambda: iter(batches)):
        first.moving_mean.assign(np.zeros(6))
        recalibrate(model, data)
        mean = ops.convert_to_numpy(first.moving_mean)
        np.testing.assert_allclose(mean, X.mean(axis=0), rtol=1e-4)


def test_frozen_layers_and_all_else_stay_as_they_are():
    model, first, second = two_norms(layers.BatchNormalization)
    first.trainable = False
    kernel = ops.convert_to_numpy(model.layers[1].kernel)
    assert recalibrate(model, X) == [second]
    np.testing.assert_array_equal(ops.convert_to_numpy(first.moving_mean), np.zeros(6))
    np.testing.assert_array_equal(ops.convert_to_numpy(model.layers[1].kernel), kernel)
    assert "call" not in vars(second)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="only PyTorch keeps gradients")
def test_no_gradients_are_kept():
    import torch

    model, *_ = two_norms(layers.BatchNormalization)
    seen = []

    class Spy(layers.Layer):
        def call(self, inputs):
            seen.append(torch.is_grad_enabled())
            return inputs

    recalibrate(keras.Sequential([keras.Input((6,)), Spy(), *model.layers]), X)
    assert seen[-1] is False


@pytest.mark.parametrize("arguments", [{"x": []}, {"x": X, "batch_size": 0}])
def test_arguments_are_checked(arguments):
    model, *_ = two_norms(layers.BatchNormalization)
    with pytest.raises(ValueError, match=r"must (hold|be) at least"):
        recalibrate(model, **arguments)


def averages_of(norm):
    return [np.array(ops.convert_to_numpy(v)) for v in (norm.moving_mean, norm.moving_variance)]


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30], ids=["nan", "infinity", "huge"])
@pytest.mark.parametrize("kind", KINDS)
def test_inputs_that_are_not_finite_change_nothing(kind, bad):
    model, first, second = two_norms(kind)
    before = [averages_of(norm) for norm in (first, second)]
    x = X.copy()
    x[7, 3] = bad
    with pytest.raises(ValueError, match="must be finite"):
        recalibrate(model, x)
    np.testing.assert_equal([averages_of(norm) for norm in (first, second)], before)


def test_an_error_in_a_later_layer_changes_no_earlier_one():
    model, first, second = two_norms(layers.BatchNormalization)
    before = averages_of(first)
    model.layers[1].kernel.assign(np.full((6, 4), 1e30))
    with pytest.raises(ValueError, match=second.name):
        recalibrate(model, X)
    np.testing.assert_equal(averages_of(first), before)


def test_an_iterator_is_refused_before_it_is_read():
    model, *_ = two_norms(layers.BatchNormalization)
    data = iter([(X, None)])
    with pytest.raises(TypeError, match="only once"):
        recalibrate(model, data)
    assert next(data)[0] is X


def masked():
    inputs = keras.Input((6, 4))
    norm = layers.BatchNormalization()
    return keras.Model(inputs, norm(layers.Masking()(inputs))), norm


def test_masked_steps_do_not_count():
    model, norm = masked()
    x = np.random.default_rng(2).normal(3.0, 1.0, (50, 6, 4)).astype("float32")
    x[:, 4:] = 0.0
    assert recalibrate(model, x) == [norm]
    mean, variance = averages_of(norm)
    np.testing.assert_allclose(mean, x[:, :4].mean(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_allclose(variance, x[:, :4].var(axis=(0, 1)), rtol=1e-5)


def test_nan_in_a_step_that_is_not_masked_is_no_mask():
    model, _ = masked()
    x = np.ones((5, 6, 4), "float32")
    x[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="must be finite"):
        recalibrate(model, x)


def test_a_layer_whose_inputs_are_all_masked_keeps_its_averages():
    model, norm = masked()
    before = averages_of(norm)
    assert recalibrate(model, np.zeros((5, 6, 4), "float32")) == []
    np.testing.assert_equal(averages_of(norm), before)
