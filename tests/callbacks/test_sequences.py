"""Faults of sequences in a real `fit`, each beside a program without it."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_babysit as kb

RNG = np.random.default_rng(0)
LENGTHS = RNG.integers(3, 8, (256, 1))
WORDS = RNG.integers(1, 20, (256, 20)) * (np.arange(20) < LENGTHS)
TAGS = np.where(WORDS > 0, 1 + WORDS % 4, 0)
TEXT = (np.cumsum(RNG.integers(1, 3, (256, 13)), axis=1)) % 9
SPARSE = "sparse_categorical_crossentropy"


def fitted(model, x, y, *, loss=SPARSE, epochs=2, **options):
    """Return the severity of each finding of a run by its rule, and the history."""
    model.compile(keras.optimizers.Adam(1e-3), loss)
    sitter = kb.Babysitter(every=4, record=None)
    model.fit(x, y, epochs=epochs, verbose=0, callbacks=[sitter], **options)
    return {one.rule: one.severity.name for one in sitter.findings}, sitter.history


def each_step(*body, words=20, steps=20, mask_zero=False):
    return keras.Sequential(
        [
            keras.Input((steps,), dtype="int32"),
            layers.Embedding(words, 6, mask_zero=mask_zero),
            *body,
            layers.Dense(words, activation="softmax"),
        ]
    )


def gru(both_ways=False):
    layer = layers.GRU(6, return_sequences=True)
    return layers.Bidirectional(layer) if both_ways else layer


@pytest.mark.parametrize("mask_zero", [False, True])
def test_padding_counts_without_a_mask(mask_zero):
    found, history = fitted(each_step(gru(), mask_zero=mask_zero), WORDS, TAGS)
    assert found.get("padding_in_loss") == (None if mask_zero else "WARNING")
    assert history.facts.data.targets[0].on_padding == pytest.approx((WORDS == 0).mean(), abs=1e-6)


@pytest.mark.parametrize("both_ways", [False, True])
def test_the_next_step_is_seen_by_a_layer_that_reads_both_ways(both_ways):
    model = each_step(gru(both_ways), words=9, steps=12)
    found, _ = fitted(model, TEXT[:, :-1], TEXT[:, 1:])
    assert found.get("sees_later_steps") == ("WARNING" if both_ways else None)


@pytest.mark.parametrize(
    ("both_ways", "shift"), [(False, 0), (True, 0), (False, 1)], ids=["copy", "tagger", "next"]
)
def test_a_target_that_is_the_input_of_its_step_is_reported(both_ways, shift):
    model = each_step(gru(both_ways), words=9, steps=12)
    found, _ = fitted(model, TEXT[:, :12], TEXT[:, shift : 12 + shift])
    assert ("sees_later_steps" in found) is (not both_ways and shift == 0)


def test_the_input_of_a_decoder_that_is_not_shifted_is_reported():
    inputs = [keras.Input((12,), dtype="int32") for _ in range(2)]
    codes = [layers.Embedding(10, 6)(one) for one in inputs]
    state = layers.GRU(6)(codes[0])
    h = layers.GRU(6, return_sequences=True)(codes[1], initial_state=state)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(h))
    words = TEXT[:, :12]
    shifted = np.concatenate([np.full_like(words[:, :1], 9), words[:, :-1]], axis=1)
    for decoder, is_reported in ((words, True), (shifted, False)):
        model.compile("adam", "sparse_categorical_crossentropy")
        report = kb.check(model, [words[:, ::-1], decoder], words, verbose=0)
        assert any("not shifted" in one.message for one in report.findings) is is_reported


@pytest.mark.parametrize("first", [0, 1])
def test_a_mask_hides_data_that_begin_at_0(first):
    x = RNG.integers(first, 5, (256, 12))
    model = keras.Sequential(
        [
            keras.Input((12,), dtype="int32"),
            layers.Embedding(6, 4, mask_zero=True),
            layers.GRU(4),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    found, _ = fitted(model, x, x[:, 0] > 2, loss="binary_crossentropy")
    assert found.get("masked_data") == (None if first else "WARNING")


@pytest.mark.parametrize("largest", [1, 19])
def test_an_embedding_that_gets_scaled_tokens_is_named(largest):
    x = (RNG.integers(0, 20, (256, 12)) * (largest / 19)).astype("float32")
    model = keras.Sequential(
        [
            layers.Embedding(20, 4, name="words"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    found, history = fitted(model, x, x[:, 0] > x.mean(), loss="binary_crossentropy")
    assert found.get("fractional_indices") == ("WARNING" if largest == 1 else None)
    cut = history.last("embeddings/cut_fraction", "words", default=None)
    assert cut == pytest.approx((x != np.floor(x)).mean(), abs=0.05)


@pytest.mark.parametrize("padding", ["pre", "post"])
def test_padding_behind_is_read_last(padding):
    x = RNG.normal(size=(256, 30, 2)).astype("float32")
    x[:, 8:] = 0
    x = x[:, ::-1] if padding == "pre" else x
    model = keras.Sequential([keras.Input((30, 2)), layers.GRU(4), layers.Dense(1)])
    found, _ = fitted(model, x, RNG.normal(size=(256, 1)), loss="mse")
    assert ("unmasked_padding" in found) == (padding == "post")


@pytest.mark.parametrize("steps", [1, 4])
def test_a_single_step_is_no_sequence(steps):
    x = RNG.normal(size=(256, steps, 4)).astype("float32")
    model = keras.Sequential([keras.Input((steps, 4)), layers.LSTM(4), layers.Dense(1)])
    found, _ = fitted(model, x, x[:, -1, :1], loss="mse")
    assert found.get("single_time_step") == ("WARNING" if steps == 1 else None)


class Pieces(keras.utils.PyDataset):
    """Pieces of sequences in batches, in their order or shuffled after each epoch."""

    def __init__(self, *, shuffle):
        super().__init__()
        self.x = RNG.normal(size=(256, 6, 1)).astype("float32")
        self.order, self.shuffle = np.arange(256), shuffle

    def __len__(self):
        return 8

    def __getitem__(self, index):
        x = self.x[self.order[32 * index : 32 * index + 32]]
        return x, x[:, 0]

    def on_epoch_end(self):
        if self.shuffle:
            self.order = np.random.default_rng(1).permutation(self.order)


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="Keras cannot train it on PyTorch")
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_stateful_layer_needs_the_order(shuffle):
    model = keras.Sequential(
        [keras.Input(batch_shape=(32, 6, 1)), layers.LSTM(4, stateful=True), layers.Dense(1)]
    )
    data = Pieces(shuffle=shuffle)
    found, history = fitted(model, data, None, loss="mse", epochs=3, shuffle=False)
    assert found.get("shuffled_state") == ("WARNING" if shuffle else None)
    assert history.facts.moved_fraction == pytest.approx(1.0 if shuffle else 0.0, abs=0.2)


@pytest.mark.parametrize("stateful", [False, True])
def test_a_sample_says_nothing_of_a_stateful_layer(stateful):
    recurrent = layers.SimpleRNN(4, stateful=stateful)
    model = keras.Sequential([keras.Input(batch_shape=(32, 6, 1)), recurrent, layers.Dense(1)])
    sitter = kb.Babysitter(verbose=0)
    x = RNG.normal(size=(256, 6, 1)).astype("float32")
    model.compile("adam", "mse")
    model.fit(x, x[:, 0], 32, 2, 0, shuffle=False, callbacks=[sitter])
    assert bool(sitter.history.targets("score/loss")) != stateful
    notes = [one.message for one in sitter.findings if one.target == "scores"]
    assert [one.startswith("Scores not measured: a layer with") for one in notes] == [
        True
    ] * stateful


def test_a_forecast_of_a_walk_is_no_better_than_the_last_value():
    walk = np.cumsum(RNG.normal(size=600)) / 10
    x = np.stack([walk[i : i + 8] for i in range(500)]).astype("float32")
    model = keras.Sequential([keras.Input((8,)), layers.Dense(8, "relu"), layers.Dense(1)])
    found, history = fitted(model, x, walk[8:508, None], loss="mse", epochs=4)
    assert history.last("reference/last_value_error", "train") < 0.2
    assert "no_better_than_last_value" in found


def test_attention_is_measured_at_each_probe():
    inputs = keras.Input((12,), dtype="int32")
    h = layers.Embedding(9, 6)(inputs)
    h = layers.MultiHeadAttention(2, 3, name="attention")(h, h, use_causal_mask=True)
    model = keras.Model(inputs, layers.Dense(9, activation="softmax")(h))
    found, history = fitted(model, TEXT[:, :-1], TEXT[:, 1:])
    assert len(history.series("attention/logit_max", "attention").values) >= 3
    entropies = history.last("attention/entropy", "attention")
    assert entropies.shape == (2,)
    assert ((entropies > 0) & (entropies <= 1.001)).all()
    assert "sees_later_steps" not in found
