"""Reports of the second set: layers of one's own, attention and batch normalization."""

from typing import Any

import keras
import numpy as np
from keras import ops
from keras.layers import BatchNormalization, Conv2D, Dense, Embedding, GlobalAveragePooling2D, ReLU

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training, report

KIND = "own layer"


class Helper:
    """A plain object that holds a layer, which Keras does not look into."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer


class Message(keras.layers.Layer):
    """Mixes its inputs with weights that it may keep in a plain object."""

    def __init__(self, units: int, *, tracks: bool) -> None:
        super().__init__()
        inner = Dense(units, activation="tanh")
        self.helper = Helper(inner)
        self.inner = inner if tracks else None

    def build(self, shape: Any) -> None:
        """Create the weights."""
        self.helper.layer.build(shape)

    def call(self, x: Any) -> Any:
        return self.helper.layer(x)

    def compute_output_shape(self, shape: Any) -> Any:
        """Return the shape with the units last."""
        return self.helper.layer.compute_output_shape(shape)


@report("https://github.com/keiserlab/keras-neural-graph-fingerprint/issues/2", KIND)
def layers_that_nobody_tracks(repaired: bool, rng: np.random.Generator) -> Training:
    """A layer keeps its inner layers where Keras does not find them: they do not learn."""
    data = parts.digits(rng)
    inputs = keras.Input((64,))
    h = Message(6, tracks=repaired)(inputs)
    h = Message(6, tracks=repaired)(h)
    model = keras.Model(inputs, Dense(10, activation="softmax")(h))
    optimizer = keras.optimizers.Adam(1e-2)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=15)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


class Pooling(keras.layers.Layer):
    """Adds up the steps of a sequence with weights from a softmax over one of the axes."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis
        self.score = Dense(1)

    def call(self, x: Any) -> Any:
        weights = ops.softmax(self.score(x), axis=self.axis)
        return ops.sum(weights * x, axis=1)


@report("https://github.com/ssw-nlp-study-group/nlp_study/pull/2", "attention")
def softmax_over_the_batch(repaired: bool, rng: np.random.Generator) -> Training:
    """The softmax of an attention runs over the examples of the batch, not over the steps."""
    n, steps = 1400, 10
    x = rng.normal(size=(n, steps, 4))
    x[:, :, 0] = 0
    marked = rng.integers(0, steps, n)
    x[np.arange(n), marked, 0] = 3
    data = parts.cut(x, x[np.arange(n), marked, 1:2], 1100)
    inputs = keras.Input((steps, 4))
    h = Pooling(1 if repaired else 0)(inputs)
    model = keras.Model(inputs, Dense(1)(Dense(24, activation="relu")(h)))
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    fit = parts.arguments(data, epochs=15)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))


class Attend(keras.layers.Layer):
    """Attention over the words of a text, or over its padding if the mask is inverted."""

    def __init__(self, *, inverted: bool) -> None:
        super().__init__()
        self.inverted = inverted
        self.attention = keras.layers.MultiHeadAttention(2, 8)

    def call(self, both: Any) -> Any:
        x, tokens = both
        seen = ops.equal(tokens, 0) if self.inverted else ops.not_equal(tokens, 0)
        queries = ops.ones_like(x[:, :1])
        return self.attention(queries, x, attention_mask=seen[:, None])[:, 0]


@report("https://github.com/InseeFrLab/torchTextClassifiers/pull/92", "attention")
def attends_to_the_padding(repaired: bool, rng: np.random.Generator) -> Training:
    """The mask of an attention is inverted: it sees the padding and not the words."""
    n, steps = 1500, 12
    tokens = rng.integers(1, 20, (n, steps))
    lengths = rng.integers(4, steps, n)
    tokens[np.arange(steps)[None] >= lengths[:, None]] = 0
    y = ((tokens > 13).sum(axis=1) > 0.3 * lengths).astype(float)[:, None]
    data = parts.cut(tokens, y, 1200)
    inputs = keras.Input((steps,), dtype="int32")
    h = Attend(inverted=not repaired)([Embedding(20, 16)(inputs), inputs])
    output = Dense(1, activation="sigmoid")(Dense(16, activation="relu")(h))
    model = keras.Model(inputs, output)
    model.compile(keras.optimizers.Adam(5e-3), "binary_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=12)
    return Training(model, fit, parts.balanced(model, data.x_val, data.y_val))


def convolutions(momentum: float) -> keras.Model:
    """Return a small network with batch normalization for the digits."""
    inputs = x = keras.Input((8, 8, 1))
    for filters in (12, 16):
        x = Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = ReLU()(BatchNormalization(momentum=momentum)(x))
    output = Dense(10, activation="softmax")(GlobalAveragePooling2D()(x))
    return keras.Model(inputs, output)


@report("https://github.com/affinelayer/pix2pix-tensorflow/issues/126", "batch normalization")
def momentum_of_another_library(repaired: bool, rng: np.random.Generator) -> Training:
    """A momentum of 0.1 is copied from a library in which it means 0.9."""
    data = parts.digits(rng, image=True)
    model = convolutions(0.9 if repaired else 0.1)
    optimizer = keras.optimizers.Adam(5e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=6, batch_size=8)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


@report("https://github.com/Cadene/pretrained-models.pytorch/issues/5", "batch normalization")
def averages_that_never_move(repaired: bool, rng: np.random.Generator) -> Training:
    """The momentum is set so that the averages of batch norms keep their first values."""
    data = parts.digits(rng, image=True)
    model = convolutions(0.9 if repaired else 1.0)
    optimizer = keras.optimizers.Adam(5e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=6)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))
