"""What heads look at, beside the weights that Keras returns where it is asked for them."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_babysit.backends import backend
from keras_babysit.probes import Probe
from keras_babysit.probes.attention import attention_layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 5, 8)).astype("float32")


def attending(layer, **options):
    inputs = keras.Input((5, 8))
    model = keras.Model(inputs, layer(inputs, inputs, **options))
    model.compile("sgd", "mse")
    return model


def probed(model, x=X):
    readings = Probe(model, is_compiled=False)(backend.state(model, None), (x, x, None))
    return {key[0]: value for key, value in readings.items() if key[0].startswith("attention/")}


def entropies(weights, seen):
    """Return the mean entropy of each head, relative to that of equal weights."""
    weights = np.asarray(weights, "float64")
    entropy = -(weights * np.log(np.maximum(weights, 1e-300))).sum(-1)
    has_choice = np.broadcast_to(seen > 1, entropy.shape)
    relative = entropy / np.log(np.maximum(seen, 2))
    return (relative * has_choice).sum((0, 2)) / has_choice.sum((0, 2))


@pytest.mark.parametrize("is_causal", [False, True])
def test_the_entropy_is_that_of_the_weights_that_keras_returns(is_causal):
    layer = layers.MultiHeadAttention(3, 4)
    model = attending(layer, use_causal_mask=is_causal)
    _, weights = layer(X, X, return_attention_scores=True, use_causal_mask=is_causal)
    seen = np.arange(1, 6) if is_causal else np.full(5, 5)
    expected = entropies(backend.to_numpy(weights), seen)
    assert probed(model)["attention/entropy"] == pytest.approx(expected, abs=1e-4)


def test_masked_positions_are_left_out():
    layer = layers.MultiHeadAttention(2, 4)
    inputs = keras.Input((5, 8))
    masked = layers.Masking()(inputs)
    model = keras.Model(inputs, layer(masked, masked))
    model.compile("sgd", "mse")
    x = X.copy()
    x[:, 3:] = 0
    found = probed(model, x)
    assert (found["attention/entropy"] <= 1 + 1e-5).all()
    _, short = layer(X[:, :3], X[:, :3], return_attention_scores=True)
    logits = np.log(np.asarray(backend.to_numpy(short), "float64"))
    assert np.isfinite(logits).all()
    assert found["attention/logit_max"] > 0


def test_equal_keys_are_weighted_alike_and_large_ones_alone():
    layer = layers.MultiHeadAttention(2, 4)
    model = attending(layer)
    assert probed(model, np.ones_like(X))["attention/entropy"] == pytest.approx(1, abs=1e-5)
    layer.query_dense.kernel.assign(1e4 * layer.query_dense.kernel)
    found = probed(model)
    assert found["attention/entropy"].max() < 0.05
    assert found["attention/logit_max"] > 1e3


def test_grouped_queries_are_measured_as_well():
    found = probed(attending(layers.GroupQueryAttention(4, 4, 2)))
    assert found["attention/entropy"].shape == (4,)


def test_the_output_stays_as_it_is():
    layer = layers.MultiHeadAttention(3, 4)
    model = attending(layer)
    before = model.predict(X, verbose=0)
    probed(model)
    assert "_compute_attention" not in vars(layer)
    assert np.array_equal(before, model.predict(X, verbose=0))


class Own(layers.MultiHeadAttention):
    def _compute_attention(self, *args, **kwargs):
        return super()._compute_attention(*args, **kwargs)


def test_attention_of_ones_own_is_not_measured():
    assert attention_layers(attending(Own(2, 4))) == []
