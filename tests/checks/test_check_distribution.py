"""`tf.distribute`: in a process of its own, because devices are split before TensorFlow starts."""

import subprocess
import sys
import textwrap

import keras
import pytest

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tf.distribute is TensorFlow's"
)

SCRIPT = """
    import numpy as np, tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    import keras, keras_babysit as kb

    x = np.random.default_rng(0).normal(size=(128, 4)).astype("float32")
    y = (x[:, 0] > 0).astype("int32")

    def train(look, last=None):
        keras.utils.set_random_seed(3)
        with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
            hidden = keras.layers.Dense(16, "relu", kernel_regularizer="l2")
            layers = [hidden, keras.layers.BatchNormalization(), keras.layers.Dropout(0.2)]
            model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(2, last)])
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile("adam", loss)
        found = look(model)
        model.fit(x, y, batch_size=16, epochs=1, verbose=0)
        return model.get_weights(), found

    bare, _ = train(lambda model: None)
    checked, report = train(lambda model: kb.check(model, x, y, seconds=60, verbose=0))
    swept, found = train(lambda model: kb.lr_range_test(model, x, y, steps=40))
    for one, other, third in zip(bare, checked, swept):
        assert np.array_equal(one, other) and np.array_equal(one, third)
    assert not report.findings, report
    words = [line.evidence for line in report.outcomes]
    assert not any("Error" in line for line in words), words
    assert 1e-4 < found.suggestion < 10, found
    _, broken = train(lambda model: kb.check(model, x, y, verbose=0), last="softmax")
    assert broken["output_and_loss"].verdict == "warning"
"""


def test_mirrored_replicas_are_checked_as_one():
    script = textwrap.dedent(SCRIPT)
    subprocess.run([sys.executable, "-c", script], check=True, timeout=600)
