"""A loss that leaves out what is not finite falls to 0 when the weights are lost."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_babysit as kb
from keras_babysit.backends import to_array


def ignoring(y_true, y_pred):
    """Return the mean squared error of the predictions that are finite."""
    error = ops.square(y_true - y_pred)
    return ops.mean(ops.where(ops.isfinite(error), error, 0.0))


@pytest.mark.parametrize("is_eager", [True, False])
def test_lost_weights_are_named_although_the_loss_is_0(is_eager):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(8), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.SGD(1e25), ignoring, run_eagerly=is_eager)
    watch = kb.Babysitter(verbose=0)
    shown = model.fit(x, x[:, :1], epochs=3, batch_size=16, verbose=0, callbacks=[watch])
    assert shown.history["loss"][-1] == 0
    assert not np.isfinite(to_array(model.layers[0].kernel)).any()
    assert "non_finite_values" in {finding.rule for finding in watch.findings}
