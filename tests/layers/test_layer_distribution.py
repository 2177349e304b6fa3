"""Under `tf.distribute`, with two replicas on one CPU.

In a separate process, because the number of devices must be set before TensorFlow is used.
"""

import subprocess
import sys
import textwrap

import keras
import pytest

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tf.distribute is TensorFlow's"
)

SCRIPT = textwrap.dedent(
    """
    import keras
    import numpy as np
    import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    from keras_babysit.layers import ManualBatchNormalization
    from tests.layers.cases import CASES

    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    assert strategy.num_replicas_in_sync == 2
    for name, case in CASES.items():
        with strategy.scope():
            model = case.training_model()
            model.compile("sgd", "mse", jit_compile=False)
        x = np.concatenate([case.batch()] * 2)
        history = model.fit(x, np.ones((len(x), 1)), batch_size=len(x), verbose=0)
        assert np.isfinite(history.history["loss"]).all(), name

    # Two replicas with different means: synchronized statistics are those of all examples.
    with strategy.scope():
        norm = ManualBatchNormalization(synchronized=True, momentum=0.0)
        model = keras.Sequential([keras.Input((1,)), norm])
        model.compile("sgd", "mse", jit_compile=False)
    x = np.random.default_rng(0).normal(1e4, 1e-2, (64, 1)).astype("float32")
    x[32:] += 1
    model.fit(x, np.zeros_like(x), batch_size=64, shuffle=False, verbose=0)
    mean, variance = (np.array(w) for w in norm.non_trainable_weights)
    np.testing.assert_allclose(mean, x.mean(dtype="float64"), rtol=1e-6)
    np.testing.assert_allclose(variance, x.var(dtype="float64"), rtol=1e-3)
    """
)


def test_layers_train_under_a_mirrored_strategy():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
