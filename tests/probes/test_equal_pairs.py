"""Pairs whose labels mean the opposite of what the loss takes them for, in `fit` and before it."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from sklearn import datasets

import keras_babysit as kb

LOADED = {
    "digits": datasets.load_digits,
    "cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
}


def pairs_of(name, count=600):
    """Return pairs of examples, half of them of one class, and whether both are of one class."""
    rng = np.random.default_rng(0)
    x, y = LOADED[name](return_X_y=True)
    x = ((x - x.mean(axis=0)) / (x.std(axis=0) + 1e-3)).astype("float32")
    first, second = rng.integers(0, len(x), (2, count))
    for i in range(0, count, 2):
        second[i] = rng.choice(np.flatnonzero(y == y[first[i]]))
    return [x[first], x[second]], (y[first] == y[second]).astype("float32")[:, None]


def distance(both):
    squared = ops.sum(ops.square(both[0] - both[1]), axis=1, keepdims=True)
    return ops.sqrt(ops.maximum(squared, 1e-7))


def contrastive(y, far):
    return ops.mean(y * ops.square(far) + (1 - y) * ops.square(ops.maximum(1 - far, 0)))


def by_cosine(y, near):
    return ops.mean(y * (1 - near) + (1 - y) * ops.maximum(near - 0.2, 0))


def siamese(width, kind):
    inputs = [keras.Input((width,)), keras.Input((width,))]
    code = keras.Sequential([layers.Dense(32, activation="relu"), layers.Dense(8)])
    codes = [code(one) for one in inputs]
    loss = contrastive
    if kind == "distance":
        output = layers.Lambda(distance, output_shape=(1,))(codes)
    elif kind == "cosine":
        output, loss = layers.Dot(1, normalize=True)(codes), by_cosine
    else:
        apart = layers.Lambda(lambda z: ops.abs(z[0] - z[1]), output_shape=(8,))(codes)
        output = layers.Dense(1, activation="sigmoid")(apart)
        loss = "binary_crossentropy"
    model = keras.Model(inputs, output)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    return model


def is_reported(report):
    return any("labels of the pairs are reversed" in one.message for one in report.findings)


@pytest.mark.parametrize("is_reversed", [True, False])
@pytest.mark.parametrize(
    ("name", "kind"), [("digits", "distance"), ("cancer", "cosine"), ("wine", "distance")]
)
def test_reversed_labels_of_a_distance_are_reported(name, kind, is_reversed):
    x, alike = pairs_of(name)
    y = 1 - alike if is_reversed else alike
    model = siamese(x[0].shape[1], kind)
    assert is_reported(kb.check(model, x, y, verbose=0)) is is_reversed
    sitter = kb.Babysitter(verbose=0)
    model.fit(x, y, epochs=2, batch_size=32, verbose=0, callbacks=[sitter])
    assert is_reported(sitter) is is_reversed


@pytest.mark.any_backend
@pytest.mark.parametrize("is_reversed", [True, False])
def test_a_layer_after_the_comparison_may_learn_either_meaning(is_reversed):
    x, alike = pairs_of("digits")
    y = 1 - alike if is_reversed else alike
    assert not is_reported(kb.check(siamese(64, "head"), x, y, verbose=0))


@pytest.mark.any_backend
def test_words_have_no_distance():
    x, alike = pairs_of("digits")
    words = [np.round(one) for one in x]
    assert not is_reported(kb.check(siamese(64, "distance"), words, 1 - alike, verbose=0))
