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

    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    y = np.arange(64) % 2

    def train(callbacks):
        keras.utils.set_random_seed(3)
        with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
            layers = [keras.layers.Dense(4, "relu"), keras.layers.Dropout(0.5)]
            model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(2, "softmax")])
            model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=callbacks)
        return model.get_weights()

    bare = train([])
    blind, given = kb.Babysitter(every=1, verbose=0), kb.Babysitter((x, y), every=1, verbose=0)
    for sitter in (blind, given):
        assert all(np.array_equal(a, b) for a, b in zip(bare, train([sitter])))
        assert "broke_off" not in sitter.history.facts, sitter.history.facts
    assert [advice.rule for advice in blind.advice] == ["not_watched"], blind.advice
    assert {advice.rule for advice in given.advice} <= {"uninformative_inputs"}  # random labels
    assert given.history.last("loss/batch") > 0 and given.history.targets("updates/ratio")
"""


def test_mirrored_replicas_train_as_if_alone():
    script = textwrap.dedent(SCRIPT)
    subprocess.run([sys.executable, "-c", script], check=True, timeout=300)
