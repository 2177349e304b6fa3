"""The work of a network is read from its weights and shapes."""

import keras
import numpy as np
import pytest

from keras_babysit.backends import backend
from keras_babysit.probes import taps
from keras_babysit.probes.work import count_layers, estimate_cost, multiply_adds

layers = keras.layers


def built(*stack, shape, dtype="float32"):
    return keras.Sequential([keras.Input(shape, dtype=dtype), *stack])


IMAGE, SEQUENCE, TOKENS = (8, 8, 3), (10, 4), (12,)


@pytest.mark.parametrize(
    ("stack", "shape", "dtype", "expected"),
    [
        ([layers.Dense(5)], (4,), "float32", 20),
        ([layers.Dense(5), layers.Dense(2)], (4,), "float32", 30),
        ([layers.Dense(5)], SEQUENCE, "float32", 10 * 20),
        ([layers.Conv2D(4, 3, padding="same")], IMAGE, "float32", 64 * 108),
        ([layers.Conv2D(4, 3, strides=2, padding="same")], IMAGE, "float32", 16 * 108),
        ([layers.BatchNormalization(), layers.ReLU()], IMAGE, "float32", 0),
        ([layers.Embedding(1000, 6), layers.Dense(5)], TOKENS, "int32", 12 * 30),
        ([layers.SimpleRNN(3)], SEQUENCE, "float32", 10 * (4 * 3 + 3 * 3)),
    ],
    ids=["dense", "two", "steps", "conv", "strides", "no-kernel", "tokens", "recurrent"],
)
def test_each_entry_of_a_kernel_counts_once_per_position(stack, shape, dtype, expected):
    model = built(*stack, shape=shape, dtype=dtype)
    x = np.zeros((2, *shape), dtype)
    assert multiply_adds(model, taps.leaves(model), x) == expected


def test_inside_a_subclassed_model_there_are_as_many_positions_as_in_the_input():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(5)

        def call(self, x):
            return self.inner(x)

    model, x = Own(), np.zeros((2, *SEQUENCE), "float32")
    model(x)
    assert multiply_adds(model, taps.leaves(model), x) == 10 * 20


def test_a_recurrent_layer_counts_for_several():
    assert count_layers([layers.Dense(3), layers.LSTM(3)]) == 6


@pytest.mark.parametrize("can_compile", [True, False])
@pytest.mark.parametrize("is_single", [True, False])
def test_what_is_possible_depends_on_the_backend(can_compile, is_single, monkeypatch):
    model = built(layers.Dense(5), shape=(4,))
    batch = (np.zeros((7, 4), "float32"), np.zeros(7), None)
    for compiles_all in (True, False):
        monkeypatch.setattr(backend, "COMPILES_EACH_SIZE", compiles_all)
        estimate = estimate_cost(
            model,
            model.layers,
            batch,
            batch_size=7,
            can_compile=can_compile,
            is_single=is_single,
        )
        must = compiles_all and can_compile
        assert (estimate.compiled_start is None) == (not can_compile or (is_single and not must))
        assert (estimate.uncompiled_start is None) == must
        assert estimate.batch_size == 7
