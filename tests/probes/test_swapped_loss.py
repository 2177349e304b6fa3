"""A crossentropy with exchanged arguments shows by its values, and no other loss does."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_babysit as kb


def swapped_binary(y_true, y_pred):
    return keras.losses.binary_crossentropy(y_pred, y_true)


def swapped_sum(y_true, y_pred):
    return ops.sum(ops.binary_crossentropy(y_pred, y_true), axis=-1)


def swapped_categorical(y_true, y_pred):
    return keras.losses.categorical_crossentropy(y_pred, y_true)


def right_binary(y_true, y_pred):
    return keras.losses.binary_crossentropy(y_true, y_pred)


def right_categorical(y_true, y_pred):
    return keras.losses.categorical_crossentropy(y_true, y_pred)


def absolute(y_true, y_pred):
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


def squared(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


def divergence(y_true, y_pred):
    return keras.losses.kl_divergence(y_pred, y_true)


def run(loss, targets, activation):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 6)).astype("float32")
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(targets.shape[1], activation=activation)]
    )
    model.compile("sgd", loss)
    sitter = kb.Babysitter(every=1, verbose=0)
    model.fit(x, targets, epochs=1, verbose=0, callbacks=[sitter])
    return {one.rule for one in sitter.findings}


def soft(columns):
    return np.random.default_rng(1).uniform(size=(64, columns)).astype("float32")


def labels(columns):
    return (soft(columns) > 0.5).astype("float32")


def one_hot(columns):
    return np.eye(columns, dtype="float32")[np.arange(64) % columns]


@pytest.mark.parametrize(
    ("loss", "targets", "activation", "is_swapped"),
    [
        (swapped_binary, soft(3), "sigmoid", True),
        (swapped_binary, labels(3), "sigmoid", True),
        (swapped_binary, labels(1), "sigmoid", True),
        (swapped_sum, soft(3), "sigmoid", True),
        (swapped_categorical, one_hot(4), "softmax", True),
        (right_binary, soft(3), "sigmoid", False),
        (right_binary, labels(3), "sigmoid", False),
        (right_categorical, one_hot(4), "softmax", False),
        (absolute, labels(3), "sigmoid", False),
        (squared, soft(3), "sigmoid", False),
        (divergence, one_hot(4), "softmax", False),
    ],
)
def test_a_swapped_crossentropy_is_told_from_others(loss, targets, activation, is_swapped):
    assert ("swapped_loss_arguments" in run(loss, targets, activation)) == is_swapped
