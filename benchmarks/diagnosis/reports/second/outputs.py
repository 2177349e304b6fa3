"""Reports of the second set: outputs that cannot be what the targets are."""

from typing import Any

import keras
import numpy as np
from keras.layers import Conv2D, Dense

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training, report

KIND = "output and loss"


@report("https://community.deeplearning.ai/t/loss-values-do-not-change/324182", KIND)
def relu_output_of_negative_targets(repaired: bool, rng: np.random.Generator) -> Training:
    """The output layer is a ReLU, and half of the values to predict are negative."""
    data = parts.friedman(rng, 1400, 1000)
    model = parts.mlp(10, 24, 24, last=1, activation=None if repaired else "relu")
    model.compile(keras.optimizers.Adam(3e-3), "mse")
    fit = parts.arguments(data, epochs=15)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))


@report("https://stackoverflow.com/questions/44601367", KIND)
def sigmoid_rebuilds_larger_values(repaired: bool, rng: np.random.Generator) -> Training:
    """An autoencoder ends with a sigmoid, and its inputs are counts of 1, 2, 3 and more."""
    mixed = rng.normal(size=(1300, 4)) @ rng.normal(size=(4, 12))
    x = np.clip(np.round(4 + 2 * mixed), 0, None)
    data = parts.cut(x, x, 1000)
    model = parts.mlp(12, 24, 6, 24, last=12, activation=None if repaired else "sigmoid")
    model.compile(keras.optimizers.Adam(3e-3), "mse")
    fit = parts.arguments(data, epochs=20)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))


@report("https://github.com/keras-team/keras/issues/2908", KIND)
def percentage_of_targets_that_are_zero(repaired: bool, rng: np.random.Generator) -> Training:
    """Errors count as a percentage of the targets, some of which are 0."""
    x = rng.normal(size=(1500, 8))
    demand = np.maximum(0, 3 + 2 * x[:, 0] - x[:, 1] + 0.3 * rng.normal(size=1500))
    data = parts.cut(x, demand[:, None], 1200)
    model = parts.mlp(8, 24, 24, last=1)
    loss = "mean_absolute_error" if repaired else "mean_absolute_percentage_error"
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["mae"])
    fit = parts.arguments(data, epochs=12)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))


@report("https://github.com/jakeret/tf_unet/issues/15", KIND)
def overlap_of_logits(repaired: bool, rng: np.random.Generator) -> Training:
    """The overlap of a segmentation is computed from logits, as if they were probabilities."""
    n = 600
    mask = np.zeros((n, 12, 12, 1))
    for i in range(n):
        row, column = rng.integers(0, 8, 2)
        mask[i, row : row + 4, column : column + 5] = 1
    data = parts.cut(mask + 0.5 * rng.normal(size=mask.shape), mask, 450)

    def overlap(y_true: Any, y_pred: Any) -> Any:
        both = keras.ops.sum(y_true * y_pred)
        return 1 - 2 * both / (keras.ops.sum(y_true) + keras.ops.sum(y_pred) + 1e-3)

    layers = [Conv2D(8, 3, padding="same", activation="relu") for _ in range(2)]
    output = Conv2D(1, 1, activation="sigmoid" if repaired else None)
    model = keras.Sequential([keras.Input((12, 12, 1)), *layers, output])
    model.compile(keras.optimizers.Adam(3e-3), overlap)
    fit = parts.arguments(data, epochs=8)

    def score(logs: Any) -> float:
        answers = parts.predicted(model, data.x_val)
        if not np.isfinite(answers).all():
            return 0.0
        answers = answers > (0.5 if repaired else 0.0)
        return float(2 * (answers * data.y_val).sum() / (answers.sum() + data.y_val.sum()))

    return Training(model, fit, score)


@report("https://github.com/keras-team/keras/issues/9549", "several outputs")
def missing_labels_as_nan(repaired: bool, rng: np.random.Generator) -> Training:
    """Of several labels some were never determined, and these are NaN in the targets."""
    x = rng.normal(size=(1500, 10))
    y = np.stack([x[:, k] + x[:, k + 1] > 0 for k in range(4)], axis=1).astype(float)
    known = rng.random(y.shape) > 0.1
    data = parts.cut(x, np.where(known, y, np.nan), 1200)

    def of_known(y_true: Any, y_pred: Any) -> Any:
        given = keras.ops.logical_not(keras.ops.isnan(y_true))
        each = keras.ops.square(keras.ops.where(given, y_true, 0.0) - y_pred)
        return keras.ops.mean(each * keras.ops.cast(given, "float32"), axis=-1)

    model = parts.mlp(10, 24, last=4)
    model.compile(keras.optimizers.Adam(3e-3), of_known if repaired else "mse")
    fit = parts.arguments(data, epochs=10)

    def score(logs: Any) -> float:
        found = parts.predicted(model, data.x_val)
        right = (found > 0.5) == (y[1200:] > 0.5)
        return float(right.mean()) if np.isfinite(found).all() else 0.0

    return Training(model, fit, score)


@report("https://github.com/IndicoDataSolutions/finetune/issues/181", "class weights")
def frequent_class_at_weight_zero(repaired: bool, rng: np.random.Generator) -> Training:
    """Weights are the logarithm of how rare a class is, which is 0 for the most frequent one."""
    centres = np.random.default_rng(5).normal(size=(3, 8))
    y = rng.choice(3, 1600, p=[0.3, 0.6, 0.1])
    data = parts.cut(1.0 * centres[y] + rng.normal(size=(1600, 8)), y, 1200)
    share = np.bincount(data.y) / len(data.y)
    weights = np.log(share.max() / share) + (1.0 if repaired else 0.0)
    model = parts.mlp(8, 24, last=3, activation="softmax")
    optimizer = keras.optimizers.Adam(3e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=10, class_weight=dict(enumerate(map(float, weights))))
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


@report("https://github.com/tensorflow/tensorflow/issues/3916", "own layer")
def all_weights_start_at_zero(repaired: bool, rng: np.random.Generator) -> Training:
    """A tutorial starts its one layer at zero, and so do the two layers made from it."""
    data = parts.digits(rng)
    start = "glorot_uniform" if repaired else "zeros"
    hidden = Dense(48, activation="sigmoid", kernel_initializer=start)
    output = Dense(10, activation="softmax", kernel_initializer=start)
    model = keras.Sequential([keras.Input((64,)), hidden, output])
    optimizer = keras.optimizers.SGD(0.5)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=15)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))
