"""What outputs depend on: small models whose dependence is known by how they are made."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_babysit.backends import backend
from keras_babysit.probes.behaviour import Behaviour, take_examples
from keras_babysit.samples.batches import unpack

RNG = np.random.default_rng(0)
WORDS = RNG.integers(1, 9, (16, 11))
X = RNG.normal(size=(16, 5)).astype("float32")
EXACT = 1e-4


class Positions(layers.Layer):
    def build(self, shape):
        self.vectors = self.add_weight(shape=shape[1:], initializer="random_normal")

    def call(self, x):
        return x + self.vectors


class Noise(layers.Layer):
    """Adds noise in inference mode as well, as the code of a variational autoencoder does."""

    def __init__(self):
        super().__init__()
        self.seed = keras.random.SeedGenerator(0)

    def call(self, x):
        return x + keras.random.normal(keras.ops.shape(x), seed=self.seed)


def model_of(*inner, shape=(5,), dtype="float32", loss="mse", **options):
    model = keras.Sequential([keras.Input(shape, dtype=dtype), *inner])
    model.compile("sgd", loss, **options)
    return model


def measured(model, x, y=None, sample_weight=None, **options):
    batch = unpack((x, y, sample_weight))
    return Behaviour(model)(backend.state(model, None), batch, **options)


def words_to_words(*between, mask_zero=False, loss="sparse_categorical_crossentropy"):
    embedding = layers.Embedding(9, 6, mask_zero=mask_zero)
    last = layers.Dense(9, activation="softmax")
    return model_of(embedding, *between, last, shape=(10,), dtype="int32", loss=loss)


def attention(causal):
    inputs = keras.Input((10,), dtype="int32")
    h = layers.Embedding(9, 6)(inputs)
    h = layers.MultiHeadAttention(2, 3)(h, h, use_causal_mask=causal)
    model = keras.Model(inputs, layers.Dense(9, activation="softmax")(h))
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize(
    ("inner", "depends"),
    [
        ([layers.Dense(3)], False),
        ([layers.Dense(3), layers.BatchNormalization()], False),
        ([Noise(), layers.Dropout(0.5), layers.Dense(3)], False),
        ([layers.Dense(3), layers.Softmax(axis=0)], True),
        ([layers.Lambda(lambda z: z - keras.ops.mean(z, axis=0))], True),
    ],
    ids=["dense", "batch-norm", "noise", "softmax-over-the-examples", "mean-over-the-examples"],
)
def test_only_what_mixes_examples_depends_on_the_batch(inner, depends):
    change = measured(model_of(*inner), X, X[:, :1])["inference/batch_dependence", "outputs[0]"]
    assert change > 0.01 if depends else change < EXACT


class AlwaysTraining(layers.Layer):
    """Calls a batch normalization in training mode always."""

    def __init__(self):
        super().__init__()
        self.norm = layers.BatchNormalization()

    def build(self, shape):
        self.norm.build(shape)

    def call(self, x):
        return self.norm(x, training=True)


def test_a_batch_norm_in_training_mode_depends_on_the_batch():
    found = measured(model_of(AlwaysTraining()), X, X)
    assert found["inference/batch_dependence", "outputs[0]"] > 0.01


def test_examples_that_belong_together_may_depend_on_each_other():
    model = model_of(layers.Dense(3), layers.Softmax(axis=0))
    assert measured(model, X, X[:, :1], may_mix=True) == {}


def test_a_matrix_of_examples_by_examples_is_not_compared():
    inputs = keras.Input((5,))
    outputs = layers.Lambda(lambda z: keras.ops.matmul(z, keras.ops.transpose(z)))(inputs)
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mse")
    assert measured(model, X) == {}


@pytest.mark.parametrize(
    ("build", "sees"),
    [
        (lambda: words_to_words(layers.GRU(5, return_sequences=True)), False),
        (lambda: words_to_words(layers.Conv1D(5, 3, padding="causal")), False),
        (lambda: attention(True), False),
        (lambda: words_to_words(layers.Conv1D(5, 3, padding="same")), True),
        (lambda: words_to_words(layers.Bidirectional(layers.GRU(5, return_sequences=True))), True),
        (lambda: attention(False), True),
    ],
    ids=["gru", "causal-conv", "causal-attention", "conv", "both-ways", "attention"],
)
def test_only_what_reads_later_steps_sees_them(build, sees):
    change = measured(build(), WORDS[:, :-1], WORDS[:, 1:])["inference/later_inputs", "outputs[0]"]
    assert change > 0.01 if sees else change < EXACT


def test_later_steps_may_be_seen_where_the_target_is_another():
    model = words_to_words(layers.Bidirectional(layers.GRU(5, return_sequences=True)))
    found = measured(model, WORDS[:, :-1], (WORDS[:, :-1] + 1) % 9)
    assert ("inference/later_inputs", "outputs[0]") not in found


def transformer(*first):
    inputs = keras.Input((10, 4))
    h = inputs
    for layer in first:
        h = layer(h)
    h = layers.GlobalAveragePooling1D()(layers.MultiHeadAttention(2, 3)(h, h))
    model = keras.Model(inputs, layers.Dense(1)(h))
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("has_positions", [False, True])
def test_attention_sees_the_order_only_with_positions(has_positions):
    x = RNG.normal(size=(16, 10, 4)).astype("float32")
    model = transformer(*([Positions()] if has_positions else []))
    change = measured(model, x, x[:, 0, :1])["inference/order", "outputs[0]"]
    assert change > 1e-3 if has_positions else change < EXACT


def test_the_order_is_compared_step_by_step_where_each_step_has_an_output():
    found = measured(attention(False), WORDS[:, :-1], (WORDS[:, :-1] + 1) % 9)
    assert found["inference/order", "outputs[0]"] < EXACT


def test_a_bag_of_words_is_not_asked_for_its_order():
    model = model_of(
        layers.Embedding(9, 4), layers.GlobalAveragePooling1D(), shape=(10,), dtype="int32"
    )
    assert ("inference/order", "outputs[0]") not in measured(model, WORDS[:, :-1])


LENGTHS = RNG.integers(3, 8, 16)
IS_DATA = np.arange(10) < LENGTHS[:, None]
PADDED, TAGS = WORDS[:, :-1] * IS_DATA, (WORDS[:, :-1] % 4 + 1) * IS_DATA


def counts(model, sample_weight=None):
    return measured(model, PADDED, TAGS, sample_weight)["padding/loss_change", "outputs[0]"]


def test_padding_counts_unless_something_leaves_it_out():
    def lstm():
        return layers.LSTM(5, return_sequences=True)

    ignoring = keras.losses.SparseCategoricalCrossentropy(ignore_class=0)
    assert counts(words_to_words(lstm())) > 0.01
    assert counts(words_to_words(lstm(), mask_zero=True)) < EXACT
    assert counts(words_to_words(lstm(), loss=ignoring)) < EXACT
    assert counts(words_to_words(lstm()), IS_DATA.astype("float32")) < EXACT


def test_padding_of_numbers_counts_as_well():
    x = RNG.normal(size=(16, 10, 2)).astype("float32") * IS_DATA[..., None]
    model = model_of(layers.Dense(1), shape=(10, 2))
    found = measured(model, x, x[..., :1])
    assert found["padding/loss_change", "outputs[0]"] > 1e-3


def test_nothing_is_touched():
    model = model_of(layers.Dense(3), layers.BatchNormalization(), Noise())
    model.predict(X, verbose=0)
    before = [np.array(v) for v in model.variables]
    state = str(backend.random_state())
    measured(model, X, X[:, :3])
    assert all(np.array_equal(a, np.array(b)) for a, b in zip(before, model.variables, strict=True))
    assert str(backend.random_state()) == state


def test_one_example_alone_says_nothing():
    batch = (X[:1], X[:1], None)
    assert take_examples(batch) is None
    assert len(take_examples((X, X, None), only=4)[0]) == 4
    assert take_examples((X, X, None), only=32) is None
    assert take_examples(None) is None
