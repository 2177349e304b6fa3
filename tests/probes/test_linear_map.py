"""Which layers of a model are one linear map: only where that is certain."""

import keras
import pytest
from keras import layers as L  # noqa: N812

from keras_babysit.probes.linear_map import linear_layers


def stack(*layers, shape=(20,)):
    return keras.Sequential([keras.Input(shape), *layers])


def two_branches():
    inputs = keras.Input((20,))
    left, right = L.Dense(30, name="a")(inputs), L.Dense(30, name="b")(inputs)
    return keras.Model(inputs, L.Dense(3, name="c")(L.Add()([left, right])))


def of_tensors():
    inputs = keras.Input((20,))
    return keras.Model(inputs, L.Dense(3)(keras.ops.abs(L.Dense(30)(inputs))))


def product():
    inputs = keras.Input((20,))
    parts = [L.Dense(30)(inputs), L.Dense(30)(inputs)]
    return keras.Model(inputs, L.Dense(3)(L.Multiply()(parts)))


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = L.Dense(30), L.Dense(3)

    def call(self, x):
        return self.second(self.first(x))


LINEAR = {
    "two-layers": (lambda: stack(L.Dense(30, name="a"), L.Dense(3, name="b")), ("a", "b")),
    "linear-by-name": (
        lambda: stack(L.Dense(30, "linear", name="a"), L.Dense(3, name="b")),
        ("a", "b"),
    ),
    "with-a-link-at-its-end": (
        lambda: stack(L.Dense(30, name="a"), L.Dense(3, "softmax", name="b")),
        ("a", "b"),
    ),
    "with-the-link-as-a-layer": (
        lambda: stack(L.Dense(30, name="a"), L.Dense(3, name="b"), L.Softmax()),
        ("a", "b"),
    ),
    "with-dropout-and-batch-norm": (
        lambda: stack(
            L.Dense(30, name="a"), L.BatchNormalization(), L.Dropout(0.1), L.Dense(3, name="b")
        ),
        ("a", "b"),
    ),
    "convolutions": (
        lambda: stack(L.Conv2D(4, 3, name="a"), L.Flatten(), L.Dense(3, name="b"), shape=(8, 8, 1)),
        ("a", "b"),
    ),
    "a-network-in-a-network": (
        lambda: stack(stack(L.Dense(30, name="a")), L.Dense(3, name="b")),
        ("a", "b"),
    ),
    "two-branches-that-are-added": (two_branches, ("a", "b", "c")),
}
NOT_LINEAR = {
    "one-layer": lambda: stack(L.Dense(3)),
    "relu": lambda: stack(L.Dense(30, "relu"), L.Dense(3)),
    "relu-as-a-layer": lambda: stack(L.Dense(30), L.ReLU(), L.Dense(3)),
    "tanh-as-an-activation-layer": lambda: stack(L.Dense(30), L.Activation("tanh"), L.Dense(3)),
    "softmax-between": lambda: stack(L.Dense(30), L.Softmax(), L.Dense(3)),
    "max-pooling": lambda: stack(L.Conv1D(4, 3), L.GlobalMaxPooling1D(), L.Dense(3), shape=(9, 2)),
    "layer-norm": lambda: stack(L.Dense(30), L.LayerNormalization(), L.Dense(3)),
    "a-low-rank-on-purpose": lambda: stack(L.Dense(2), L.Dense(20)),
    "a-function-of-tensors": of_tensors,
    "a-product": product,
    "a-class-of-ones-own": Own,
}


@pytest.mark.parametrize("name", LINEAR)
def test_a_linear_map_is_found(name):
    make, expected = LINEAR[name]
    assert linear_layers(make()) == expected


@pytest.mark.parametrize("name", NOT_LINEAR)
def test_nothing_is_claimed_where_it_may_not_be_one(name):
    assert linear_layers(NOT_LINEAR[name]()) == ()
