"""Healthy programs with losses other than squared errors and crossentropies of classes."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training
from benchmarks.foreign.healthy import data
from benchmarks.foreign.healthy.program import healthy


def pinball(*levels: float) -> Any:
    """Return the loss of one quantile per output column."""

    def pinball(y_true: Any, y_pred: Any) -> Any:
        shares = ops.convert_to_tensor(levels, dtype="float32")
        off = y_true - y_pred
        return ops.mean(ops.maximum(shares * off, (shares - 1) * off), axis=-1)

    return pinball


def skewed(rng: np.random.Generator, n: int = 1600) -> parts.Data:
    """Return numbers whose noise grows with an input."""
    x = rng.uniform(-1, 1, (n, 6))
    noise = rng.exponential(1.0, n) * (0.2 + 0.2 * (x[:, 0] + 1))
    return data.split(x, (2 * x[:, 1] + np.sin(3 * x[:, 2]) + noise)[:, None])


@healthy()
def three_quantiles(rng: np.random.Generator) -> Training:
    of = skewed(rng)
    model = parts.mlp(6, 48, 48, last=3)
    model.compile(keras.optimizers.Adam(3e-3), pinball(0.1, 0.5, 0.9))
    fit = parts.arguments(of, epochs=15)

    def score(logs: Any) -> float:
        low, _, high = parts.predicted(model, of.x_val).T
        inside = (of.y_val[:, 0] > low) & (of.y_val[:, 0] < high)
        return 1 - abs(0.8 - inside.mean())

    return Training(model, fit, score)


@healthy()
def a_high_quantile(rng: np.random.Generator) -> Training:
    of = skewed(rng)
    model = parts.mlp(6, 64, 32, last=1)
    model.compile(keras.optimizers.Adam(3e-3), pinball(0.9))
    fit = parts.arguments(of, epochs=15)

    def score(logs: Any) -> float:
        return 1 - abs(0.9 - (of.y_val < parts.predicted(model, of.x_val)).mean())

    return Training(model, fit, score)


@healthy()
def a_quantile_of_a_curve(rng: np.random.Generator) -> Training:
    x = rng.uniform(-1, 1, (1500, 1))
    of = data.split(x, np.sin(4 * x) + 0.3 * (1 + x) * rng.normal(size=x.shape))
    model = parts.mlp(1, 64, 64, last=1)
    model.compile(keras.optimizers.Adam(1e-2), pinball(0.9))
    fit = parts.arguments(of, epochs=15)

    def score(logs: Any) -> float:
        return 1 - abs(0.9 - (of.y_val < parts.predicted(model, of.x_val)).mean())

    return Training(model, fit, score)


@healthy()
def counts_of_poisson(rng: np.random.Generator) -> Training:
    x = rng.normal(size=(1500, 5))
    rate = np.exp(1 + 0.6 * x[:, 0] - 0.4 * x[:, 1] * x[:, 2])
    of = data.split(x, rng.poisson(np.minimum(rate, 30))[:, None].astype(float))
    model = parts.mlp(5, 32, 32, last=1, activation="exponential")
    model.compile(keras.optimizers.Adam(2e-3), "poisson", metrics=["mae"])
    fit = parts.arguments(of, epochs=15)
    return Training(model, fit, parts.r_squared(model, of.x_val, of.y_val))


@healthy()
def directions(rng: np.random.Generator) -> Training:
    x = rng.normal(size=(1200, 12))
    y = np.tanh(x @ rng.normal(size=(12, 16)) / 2) @ rng.normal(size=(16, 8))
    of = data.split(x, y)
    model = parts.mlp(12, 64, last=8)
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.CosineSimilarity())
    fit = parts.arguments(of, epochs=15)
    return Training(model, fit, lambda logs: -logs["val_loss"][-1])


@healthy()
def margin_of_two_classes(rng: np.random.Generator) -> Training:
    of = parts.cancer(rng)
    of = of._replace(y=2 * of.y - 1, y_val=2 * of.y_val - 1)
    model = parts.mlp(30, 24, last=1, activation="tanh")

    def right(y_true: Any, y_pred: Any) -> Any:
        return ops.cast(ops.equal(ops.sign(y_true), ops.sign(y_pred)), "float32")

    model.compile(keras.optimizers.Adam(2e-3), "squared_hinge", metrics=[right])
    fit = parts.arguments(of, epochs=15)
    return Training(model, fit, lambda logs: logs["val_right"][-1])


@healthy()
def margin_of_ten_classes(rng: np.random.Generator) -> Training:
    of = parts.digits(rng)
    hot = keras.utils.to_categorical
    model = parts.mlp(64, 48, last=10)
    loss = keras.losses.CategoricalHinge()
    model.compile(keras.optimizers.Adam(2e-3), loss, metrics=["categorical_accuracy"])
    fit = parts.arguments(of._replace(y=hot(of.y), y_val=hot(of.y_val)), epochs=12)
    return Training(model, fit, lambda logs: logs["val_categorical_accuracy"][-1])


@healthy()
def focal_loss_of_rare_classes(rng: np.random.Generator) -> Training:
    n = 2400
    y = rng.choice(4, n, p=[0.7, 0.2, 0.07, 0.03])
    x = rng.normal(size=(4, 10))[y] + 0.7 * rng.normal(size=(n, 10))
    of = data.split(x, keras.utils.to_categorical(y, 4))
    model = parts.mlp(10, 32, last=4, activation="softmax")
    loss = keras.losses.CategoricalFocalCrossentropy(gamma=2.0)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    fit = parts.arguments(of, epochs=15)
    return Training(model, fit, lambda logs: logs["val_accuracy"][-1])


@healthy()
def shares_of_a_whole(rng: np.random.Generator) -> Training:
    x = rng.normal(size=(1300, 8))
    logits = 1.5 * np.tanh(x @ rng.normal(size=(8, 5)))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    of = data.split(x, shares)
    model = parts.mlp(8, 48, last=5, activation="softmax")
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.KLDivergence())
    fit = parts.arguments(of, epochs=20)
    return Training(model, fit, parts.r_squared(model, of.x_val, of.y_val))


@healthy()
def mean_and_variance(rng: np.random.Generator) -> Training:
    of = skewed(rng, 2000)
    model = parts.mlp(6, 48, 48, last=2)

    def likelihood(y_true: Any, y_pred: Any) -> Any:
        mean, spread = y_pred[:, :1], y_pred[:, 1:]
        return ops.mean(0.5 * spread + 0.5 * ops.square(y_true - mean) * ops.exp(-spread), axis=-1)

    model.compile(keras.optimizers.Adam(2e-3), likelihood)
    fit = parts.arguments(of, epochs=15)

    def score(logs: Any) -> float:
        return parts.explained(of.y_val, parts.predicted(model, of.x_val)[:, :1])

    return Training(model, fit, score)


@healthy()
def relative_errors(rng: np.random.Generator) -> Training:
    x = rng.uniform(-1, 1, (1400, 6))
    of = data.split(x, np.exp(1 + x[:, 0] + 0.5 * x[:, 1] * x[:, 2])[:, None])
    model = parts.mlp(6, 48, 48, last=1, activation="softplus")
    model.compile(keras.optimizers.Adam(2e-3), "mean_absolute_percentage_error")
    fit = parts.arguments(of, epochs=15)
    return Training(model, fit, parts.r_squared(model, of.x_val, of.y_val))


@healthy()
def overlap_of_masks(rng: np.random.Generator) -> Training:
    n, size = 500, 16
    middle, radius = rng.uniform(4, 12, (n, 2, 1, 1)), rng.uniform(2, 5, (n, 1, 1))
    rows, columns = np.mgrid[:size, :size]
    masks = (rows - middle[:, 0]) ** 2 + (columns - middle[:, 1]) ** 2 < radius**2
    x = 0.6 * masks + 0.3 * rng.normal(size=masks.shape)
    of = data.split(x[..., None], masks[..., None].astype("float32"))
    inputs = keras.Input((size, size, 1))
    h = skip = layers.Conv2D(12, 3, padding="same", activation="relu")(inputs)
    h = layers.Conv2D(24, 3, strides=2, padding="same", activation="relu")(h)
    h = layers.Conv2DTranspose(12, 3, strides=2, padding="same", activation="relu")(h)
    h = layers.Concatenate()([h, skip])
    model = keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(h))
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.Dice(axis=(1, 2, 3)))
    fit = parts.arguments(of, epochs=10)
    return Training(model, fit, lambda logs: 1 - logs["val_loss"][-1])


@healthy()
def letters_of_a_line(rng: np.random.Generator) -> Training:
    n, letters, width, kinds = 500, 3, 4, 5
    shapes = rng.normal(size=(kinds, width, 6))
    labels = rng.integers(1, kinds + 1, (n, letters))
    x = shapes[labels - 1].reshape(n, letters * width, 6)
    of = data.split(x + 0.3 * rng.normal(size=x.shape), labels.astype("int32"))
    inputs = keras.Input((letters * width, 6))
    h = layers.Conv1D(32, 3, padding="same", activation="relu")(inputs)
    h = layers.Bidirectional(layers.GRU(24, return_sequences=True))(h)
    model = keras.Model(inputs, layers.Dense(kinds + 1)(h))
    model.compile(keras.optimizers.Adam(5e-3), keras.losses.CTC())
    fit = parts.arguments(of, epochs=20)
    return Training(model, fit, lambda logs: 1 - logs["val_loss"][-1] / logs["loss"][0])
