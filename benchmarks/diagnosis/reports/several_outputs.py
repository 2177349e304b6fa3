"""Reports: several outputs, labels or pixels, some of which are not learnt."""

from typing import Any

import keras
import numpy as np
from keras.layers import Conv2D, Dense

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training, report

KIND = "several outputs"


@report("https://github.com/keras-team/keras/issues/10306", KIND)
def one_head_dominates(repaired: bool, rng: np.random.Generator) -> Training:
    """The loss of one head is hundreds of times that of the other, which is not learnt."""
    n, count = 2000, 1600
    x = rng.normal(size=(n, 10)).astype("float32")
    age = (35 + 12 * np.tanh(x[:, 0]) + 9 * rng.normal(size=n))[:, None].astype("float32")
    mood = (x[:, 1] * x[:, 2] + 0.2 * rng.normal(size=n) > 0)[:, None].astype("float32")
    inputs = keras.Input((10,))
    h = Dense(8, activation="relu")(Dense(12, activation="relu")(inputs))
    heads = {"age": Dense(1, name="age")(h), "mood": Dense(1, "sigmoid", name="mood")(h)}
    model = keras.Model(inputs, heads)
    model.compile(
        keras.optimizers.Adam(3e-3),
        {"age": "mse", "mood": "binary_crossentropy"},
        metrics={"mood": ["accuracy"]},
        loss_weights={"age": 0.003, "mood": 1.0} if repaired else None,
    )
    fit = {
        "x": x[:count],
        "y": {"age": age[:count], "mood": mood[:count]},
        "validation_data": (x[count:], {"age": age[count:], "mood": mood[count:]}),
        "epochs": 20,
        "batch_size": 32,
    }

    def score(logs: Any) -> float:
        answers = model.predict(x[count:], verbose=0)["mood"]
        return parts.accuracy_of(np.asarray(answers), mood[count:])

    return Training(model, fit, score)


@report("https://github.com/tensorflow/tensorflow/issues/22485", KIND)
def head_without_a_loss(repaired: bool, rng: np.random.Generator) -> Training:
    """One of two heads has no loss in the dictionary and stays as it was initialized."""
    n, count = 1600, 1200
    x = rng.normal(size=(n, 8)).astype("float32")
    first = (x[:, 0] + x[:, 1] > 0)[:, None].astype("float32")
    second = (x[:, 2] - x[:, 3] > 0)[:, None].astype("float32")
    inputs = keras.Input((8,))
    h = Dense(24, activation="relu")(inputs)
    names = ("first", "second")
    model = keras.Model(inputs, {n: Dense(1, "sigmoid", name=n)(h) for n in names})
    losses = dict.fromkeys(names if repaired else names[:1], "binary_crossentropy")
    metrics = {name: ["accuracy"] for name in names}
    model.compile(keras.optimizers.Adam(3e-3), losses, metrics=metrics)
    y = {"first": first, "second": second}
    fit = {
        "x": x[:count],
        "y": {name: value[:count] for name, value in y.items()},
        "validation_data": (x[count:], {name: value[count:] for name, value in y.items()}),
        "epochs": 12,
        "batch_size": 32,
    }

    def score(logs: Any) -> float:
        answers = model.predict(x[count:], verbose=0)
        both = [parts.accuracy_of(np.asarray(answers[m]), y[m][count:]) for m in names]
        return float(np.mean(both))

    return Training(model, fit, score)


@report("https://github.com/ellisdg/3DUnetCNN/issues/75", KIND)
def small_targets_on_a_large_background(repaired: bool, rng: np.random.Generator) -> Training:
    """Three pixels of a hundred belong to a target, and every pixel is called background."""
    n = 700
    mask = np.zeros((n, 12, 12, 1))
    for i in range(n):
        row, column = rng.integers(0, 11, 2)
        mask[i, row : row + 2, column : column + 2] = 1
    image = mask + 0.6 * rng.normal(size=mask.shape)
    data = parts.cut(image, mask, 550)

    def overlap(y_true: Any, y_pred: Any) -> Any:
        both = keras.ops.sum(y_true * y_pred)
        total = keras.ops.sum(y_true) + keras.ops.sum(y_pred)
        return 1 - (2 * both + 1) / (total + 1)

    layers = [Conv2D(8, 3, padding="same", activation="relu") for _ in range(2)]
    output = Conv2D(1, 1, activation="sigmoid")
    model = keras.Sequential([keras.Input((12, 12, 1)), *layers, output])
    loss = overlap if repaired else "binary_crossentropy"
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    fit = parts.arguments(data, epochs=15 if repaired else 4)

    def score(logs: Any) -> float:
        answers = parts.predicted(model, data.x_val) > 0.5
        return float(2 * (answers * data.y_val).sum() / (answers.sum() + data.y_val.sum()))

    return Training(model, fit, score)


@report("https://datascience.stackexchange.com/questions/77834", KIND)
def rare_tags_never_given(repaired: bool, rng: np.random.Generator) -> Training:
    """Each of many tags is rare: no tag is ever given, and the accuracy is 96 %."""
    x = rng.normal(size=(2200, 16))
    w = np.random.default_rng(4).normal(size=(16, 20)) / 4
    y = (rng.random((2200, 20)) < 1 / (1 + np.exp(-(1.6 * (x @ w) - 3.6)))).astype(float)
    data = parts.cut(x, y, 1700)
    weight = 20.0 if repaired else 1.0

    def crossentropy(y_true: Any, y_pred: Any) -> Any:
        each = keras.ops.binary_crossentropy(y_true, y_pred)
        return keras.ops.mean(each * (1 + (weight - 1) * y_true), axis=-1)

    model = parts.mlp(16, 32, last=20, activation="sigmoid")
    loss = crossentropy if repaired else "binary_crossentropy"
    model.compile(keras.optimizers.RMSprop(2e-3), loss, metrics=["binary_accuracy"])
    fit = parts.arguments(data, epochs=12)
    return Training(model, fit, parts.balanced(model, data.x_val, data.y_val))
