"""A model that takes all of its examples at once, as one of a graph does."""

import keras
import numpy as np
import pytest

import keras_babysit as kb

NODES = 40


class Neighbours(keras.layers.Layer):
    """Adds to each node of a ring those beside it: its batch is the whole ring."""

    def call(self, nodes):
        ring = np.roll(np.eye(NODES, dtype="float32"), 1, axis=0)
        return nodes + keras.ops.matmul(keras.ops.convert_to_tensor(ring), nodes)

    def compute_output_spec(self, nodes):
        return keras.KerasTensor(nodes.shape, nodes.dtype)


def graph(*, is_told):
    given = keras.Input(batch_shape=(NODES, 5)) if is_told else keras.Input((5,))
    hidden = keras.layers.Dense(16, "relu")(Neighbours()(given))
    model = keras.Model(given, keras.layers.Dense(2, "softmax")(hidden))
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    return model, rng.normal(size=(NODES, 5)).astype("float32"), np.arange(NODES) % 2


def check(model, x, y, train, validation):
    return kb.check(
        model,
        x,
        y,
        sample_weight=train,
        validation_data=(x, y, validation),
        checks=["data_quality", "initial_loss", "gradient_flow"],
        verbose=0,
    )


@pytest.mark.parametrize("is_told", [True, False])
def test_it_is_checked_on_all_of_them(is_told):
    train = (np.arange(NODES) % 3 > 0).astype("float32")
    report = check(*graph(is_told=is_told), train, 1 - train)
    assert {line.verdict for line in report.outcomes} == {"ok"}, report
    assert report.findings == []


def test_nodes_that_count_in_training_and_in_validation_are_a_leak():
    everything = np.ones(NODES, "float32")
    (leak,) = check(*graph(is_told=True), everything, everything).findings
    assert "100% of 40 examples for validation are among the training data" in leak.message
