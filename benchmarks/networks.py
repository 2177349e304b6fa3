"""The networks that overheads are measured on, each with suitable data."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
from keras import layers

CLASSES = 10
WORDS = 1000


def mlp(units=64, depth=2):
    hidden = [layers.Dense(units, "relu", kernel_initializer="he_normal") for _ in range(depth)]
    return keras.Sequential([keras.Input((20,)), *hidden, layers.Dense(CLASSES, "softmax")])


def cnn():
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, "relu"),
            layers.Dense(CLASSES, "softmax"),
        ]
    )


def resnet50():
    return keras.applications.ResNet50(
        weights=None, input_shape=(32, 32, 3), classes=CLASSES, name="resnet50"
    )


def efficientnet():
    return keras.applications.EfficientNetB0(
        weights=None, input_shape=(32, 32, 3), classes=CLASSES, name="efficientnetb0"
    )


def transformer(depth=4, width=64, heads=4, length=32):
    tokens = keras.Input((length,), dtype="int32")
    x = layers.Embedding(WORDS, width)(tokens)
    for _ in range(depth):
        seen = layers.LayerNormalization()(x)
        x = layers.add([x, layers.MultiHeadAttention(heads, width // heads)(seen, seen)])
        inner = layers.Dense(4 * width, "gelu")(layers.LayerNormalization()(x))
        x = layers.add([x, layers.Dense(width)(inner)])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return keras.Model(tokens, layers.Dense(CLASSES, "softmax")(x))


def lstm(units=64, length=32):
    return keras.Sequential(
        [
            keras.Input((length,), dtype="int32"),
            layers.Embedding(WORDS, 32),
            layers.LSTM(units, return_sequences=True),
            layers.LSTM(units),
            layers.Dense(CLASSES, "softmax"),
        ]
    )


def vectors(rng, examples):
    x = rng.normal(size=(examples, 20)).astype("float32")
    return x, np.argmax(x[:, :CLASSES], axis=1)


def images(rng, examples):
    y = rng.integers(0, CLASSES, examples)
    x = rng.normal(size=(examples, 32, 32, 3)).astype("float32")
    x[np.arange(examples), y] += 1.0  # the position of the bright row is the class
    return x, y


def sentences(rng, examples):
    y = rng.integers(0, CLASSES, examples)
    x = rng.integers(0, WORDS, (examples, 32)).astype("int32")
    x[:, ::4] = y[:, None] + CLASSES * rng.integers(0, 3, (examples, 8))
    return x, y


@dataclasses.dataclass(frozen=True)
class Network:
    """A network, its data and its batch size.

    Args:
        make: Returns the model, not compiled.
        data: Returns x and y with a given number of examples.
        batch_size: Examples per step.
    """

    make: Callable
    data: Callable
    batch_size: int = 32

    def compiled(self):
        """Return the compiled model, from a fixed seed."""
        keras.utils.set_random_seed(0)
        model = self.make()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model


NETWORKS = {
    "mlp": Network(mlp, vectors),
    "cnn": Network(cnn, images),
    "resnet50": Network(resnet50, images),
    "transformer": Network(transformer, sentences),
    "lstm": Network(lstm, sentences),
}
"""The networks of the overhead table; docs/cost.md describes them."""
