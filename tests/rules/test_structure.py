"""Remedies for what of a network's structure keeps it from fitting."""

import keras
import pytest
from keras import layers, ops

from keras_babysit.history import History
from keras_babysit.probes import facts
from keras_babysit.rules._structure import structural_remedies


def known_of(*hidden, made_of_layers=True):
    """Return the history of a run of a `Sequential` model that ends in the last of `hidden`."""
    model = keras.Sequential([keras.Input((4,)), *hidden])
    names = {layer.name: layer for layer in model.layers}
    last = max(index for index, layer in enumerate(model.layers) if layer.weights)
    history = History()
    weights = [variable.path for variable in model.trainable_variables]
    history.note(
        is_made_of_layers=facts.is_made_of_layers(model) and made_of_layers,
        layers={
            name: facts.describe_layer(layer, None, index >= last)
            for index, (name, layer) in enumerate(names.items())
        },
        weights=facts.describe_weights(model, weights, names),
    )
    return history


def texts(history):
    return [remedy.text for remedy in structural_remedies(history)]


def test_layers_without_an_activation_are_one():
    hidden = [layers.Dense(8), layers.BatchNormalization(), layers.Dense(1, "sigmoid")]
    assert "a single linear layer" in texts(known_of(*hidden))[0]
    assert texts(known_of(*hidden, made_of_layers=False)) == []


@pytest.mark.parametrize(
    "hidden",
    [
        [layers.Dense(1)],
        [layers.Dense(8, "tanh"), layers.Dense(1)],
        [layers.Dense(8), layers.ReLU(), layers.Dense(1)],
        [layers.Dense(8), layers.Activation("gelu"), layers.Dense(1)],
        [layers.Reshape((2, 2)), layers.LSTM(3), layers.Dense(1)],
        [layers.Dense(8, "relu"), layers.Dense(3, "softmax")],
        [layers.Dense(8, "relu"), layers.Dense(3), layers.Softmax()],
    ],
)
def test_what_is_built_as_usual_is_left_alone(hidden):
    assert texts(known_of(*hidden)) == []


def test_softmax_belongs_to_the_output():
    hidden = layers.Dense(8, "softmax", name="squeezed")
    found = texts(known_of(hidden, layers.Dense(3, "softmax")))
    assert found[0].startswith('Replace the softmax in "squeezed"')


@pytest.mark.parametrize("rectifier", [lambda: layers.Activation("relu"), layers.ReLU])
def test_logits_are_not_rectified(rectifier):
    ends = [layers.Dense(8, "tanh"), layers.Dense(3), rectifier(), layers.Activation("softmax")]
    assert "sets negative logits to 0" in texts(known_of(*ends))[0]
    ends = [layers.Dense(8, "tanh"), layers.Dense(3, "relu"), layers.Softmax()]
    assert "sets negative logits to 0" in texts(known_of(*ends))[0]


def test_what_is_no_layer_is_seen():
    x = keras.Input((4,))
    made = keras.Model(x, layers.Dense(1)(ops.relu(layers.Dense(8)(x))))
    assert not facts.is_made_of_layers(made)
    made = keras.Model(x, layers.Dense(1)(layers.Dense(8)(x)))
    assert facts.is_made_of_layers(made)
    assert facts.is_made_of_layers(keras.Sequential([made, layers.Dense(2)]))

    class Own(layers.Layer):
        def call(self, x):
            return ops.relu(x)

    assert not facts.is_made_of_layers(keras.Sequential([keras.Input((4,)), Own()]))
