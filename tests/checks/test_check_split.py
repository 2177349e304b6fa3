"""What `check` says of training and validation data together."""

import keras
import numpy as np
import pytest

from keras_babysit.checks import check
from tests.checks import pairs


def reported(x, y, x_val, y_val, model=None, **data):
    model = model or pairs.mlp(64, 10, loss=pairs.sparse_logits())
    report = check(
        model, x, y, validation_data=(x_val, y_val), checks=["data_quality"], verbose=0, **data
    )
    assert report["data_quality"].verdict != "unknown", report["data_quality"].evidence
    found = {}
    for one in report.findings:
        found[one.target] = f"{found.get(one.target, '')} {one.message}"
    return found


@pytest.fixture
def split():
    (x, y), order = pairs.digits(), np.random.default_rng(0).permutation(1797)
    return x[order[:1200]], y[order[:1200]], x[order[1200:]], y[order[1200:]]


def test_an_ordinary_split_is_not_reported(split):
    assert reported(*split) == {}


def test_validation_inputs_prepared_in_another_way(split):
    x, y, x_val, y_val = split
    (message,) = [reported(x, y, 255 * x_val, y_val)["validation x"]]
    assert "times as large" in message


def test_validation_data_with_training_examples(split):
    x, y, x_val, y_val = split
    found = reported(x, y, np.concatenate([x_val, x[:100]]), np.concatenate([y_val, y[:100]]))
    assert "14 % of the validation examples are also training examples" in found["validation_data"]


def test_windows_of_a_series_that_are_split_at_random():
    series = np.cumsum(np.random.default_rng(0).normal(size=600)).astype("float32")
    x, y = np.lib.stride_tricks.sliding_window_view(series, 12)[:-1], series[12:, None]
    order = np.random.default_rng(1).permutation(len(x))
    model = pairs.mlp(12, 1, loss="mse")
    found = reported(x[order[:400]], y[order[:400]], x[order[400:]], y[order[400:]], model)
    assert "overlap with training windows" in found["validation_data"]
    assert "validation_data" not in reported(x[:400], y[:400], x[400:], y[400:], model)


def texts(first, second, seed):
    """Return texts of 8 words with their classes; each class has words of its own."""
    draws = np.random.default_rng(seed)
    y = draws.integers(0, 2, 400)
    words = draws.integers(30, 200, (400, 8))
    words[:, 3] = np.where(y, first, second)[draws.integers(0, 10, 400), np.arange(400)]
    return words, y


def test_words_with_other_numbers():
    first, second = np.tile(np.arange(10)[:, None], 400), np.tile(np.arange(10, 20)[:, None], 400)
    x, y = texts(first, second, 0)
    layers = keras.layers.Embedding(200, 4), keras.layers.Flatten()
    last = keras.layers.Dense(1, activation="sigmoid")
    model = pairs.model((8,), *layers, last, loss="binary_crossentropy")
    assert reported(x, y, *texts(first, second, 1), model) == {}
    x_val, y_val = texts(first, second, 1)
    other = np.random.default_rng(2).permutation(200)  # the number of each word
    found = reported(x, y, other[x_val], y_val, model)
    assert "stand for other words" in found["validation x"]


def test_validation_data_of_one_class(split):
    x, y, x_val, y_val = split
    found = reported(x, y, x_val[y_val == 3], y_val[y_val == 3])
    assert "classes that are missing" in found["validation y"]


def test_a_column_that_is_the_target():
    x, y = pairs.raw("breast_cancer")
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    model = pairs.mlp(31, 1, "sigmoid", loss="binary_crossentropy")
    found = reported(np.column_stack([x, 1 - y])[:400], y[:400], x[400:, :1], y[400:], model)
    assert "Column 30" in found["x"]


def test_weights_that_are_all_equal(split):
    x, y, x_val, y_val = split
    rare = (y == 3) & (np.arange(len(y)) % 4 == 0)
    model = pairs.mlp(64, 1, "sigmoid", loss="binary_crossentropy")
    weights = np.ones(len(x), "float32")
    found = reported(x, rare.astype(int), x_val, y_val * 0, model, sample_weight=weights)
    assert "no effect" in found["y"]


def test_a_split_is_that_of_fit(split):
    x, y, *_ = split
    order = np.argsort(y, kind="stable")
    model = pairs.mlp(64, 10, loss=pairs.sparse_logits())
    report = check(
        model, x[order], y[order], validation_split=0.2, checks=["data_quality"], verbose=0
    )
    found = [one.message for one in report.findings]
    assert any("missing or rare in the training data" in message for message in found), found
    report = check(model, x, y, validation_split=0.2, checks=["data_quality"], verbose=0)
    assert report.is_well


@pytest.mark.parametrize("fraction", [1.0, -0.5, 1e-20])
def test_a_split_that_leaves_a_part_empty_is_refused(split, fraction):
    x, y, *_ = split
    model = pairs.mlp(64, 10, loss=pairs.sparse_logits())
    with pytest.raises(ValueError, match="Argument `validation_split` must"):
        check(model, x, y, validation_split=fraction, verbose=0)


def test_a_split_of_a_stream_is_refused():
    model = pairs.mlp(64, 10, loss=pairs.sparse_logits())
    with pytest.raises(ValueError, match="`validation_split` is only for arrays"):
        check(model, iter([pairs.digits()]), validation_split=0.2, verbose=0)
