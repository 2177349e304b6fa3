"""A model that takes all examples at once, as a graph network does."""

import keras
import numpy as np
import pytest

import keras_babysit as kb

NODES = 40


class Neighbours(keras.layers.Layer):
    """Adds the neighbours of each node in a ring; the batch is the whole ring."""

    def call(self, nodes):
        ring = np.roll(np.eye(NODES, dtype="float32"), 1, axis=0)
        return nodes + keras.ops.matmul(keras.ops.convert_to_tensor(ring), nodes)

    def compute_output_spec(self, nodes):
        return keras.KerasTensor(nodes.shape, nodes.dtype)


def graph(*, is_declared):
    given = keras.Input(batch_shape=(NODES, 5)) if is_declared else keras.Input((5,))
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


@pytest.mark.parametrize("is_declared", [True, False])
def test_it_is_checked_on_all_examples(is_declared):
    train = (np.arange(NODES) % 3 > 0).astype("float32")
    report = check(*graph(is_declared=is_declared), train, 1 - train)
    assert {line.verdict for line in report.outcomes} == {"ok"}, report
    assert report.findings == []


def test_nodes_weighted_in_training_and_validation_are_leaked():
    everything = np.ones(NODES, "float32")
    (leak,) = check(*graph(is_declared=True), everything, everything).findings
    assert "100 % of the validation examples are also training examples" in leak.message
