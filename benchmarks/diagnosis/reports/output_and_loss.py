"""Reports: an output layer, labels and a loss that do not belong together."""

from typing import Any

import keras
import numpy as np
from keras import ops
from keras.layers import Conv2D, Dense, Flatten, MaxPooling2D

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training, report

KIND = "output and loss"


@report("https://geek-questions.imtqy.com/articles/1270335/index.html", KIND)
def softmax_of_one_unit(repaired: bool, rng: np.random.Generator) -> Training:
    """The softmax of a single unit is 1 for every example, so every answer is class 1."""
    data = parts.cancer(rng)
    model = parts.mlp(30, 24, 12, last=1, activation="sigmoid" if repaired else "softmax")
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=20)
    return Training(model, fit, parts.balanced(model, data.x_val, data.y_val))


@report("https://github.com/matterport/Mask_RCNN/issues/427", KIND)
def softmax_twice(repaired: bool, rng: np.random.Generator) -> Training:
    """The network returns probabilities, and the loss applies a softmax to them again."""
    data = parts.digits(rng)
    last = ops.softmax if not repaired else None
    model = parts.mlp(64, 32, last=10)
    if last:
        model.add(keras.layers.Lambda(last, output_shape=(10,), name="probabilities"))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, metrics=["accuracy"])
    fit = parts.arguments(data, epochs=12)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


@report("https://github.com/keras-team/keras/issues/1917", KIND)
def softmax_for_independent_values(repaired: bool, rng: np.random.Generator) -> Training:
    """Several values in [0, 1] are regressed through a softmax, so that they must add up to 1."""
    x = rng.normal(size=(1500, 8))
    y = 1 / (1 + np.exp(-2 * np.tanh(x @ rng.normal(size=(8, 6)))))
    data = parts.cut(x, y, 1200)
    activation, loss = ("sigmoid", "mse") if repaired else ("softmax", "kl_divergence")
    model = parts.mlp(8, 32, last=6, activation=activation)
    model.compile(keras.optimizers.Adam(3e-3), loss)
    fit = parts.arguments(data, epochs=20)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))


@report("https://github.com/keras-team/keras/issues/590", KIND)
def poisson_of_a_linear_output(repaired: bool, rng: np.random.Generator) -> Training:
    """A Poisson loss takes the logarithm of a linear output, which is often negative."""
    x = rng.normal(size=(1500, 6))
    y = rng.poisson(np.exp(0.8 * x[:, 0] - 0.6 * x[:, 1]))[:, None].astype(float)
    data = parts.cut(x, y, 1200)
    model = parts.mlp(6, 32, 16, last=1, activation="softplus" if repaired else None)
    model.compile(keras.optimizers.Adam(3e-3), "poisson")
    fit = parts.arguments(data, epochs=15)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))


@report("https://stackoverflow.com/questions/44164749", KIND)
def several_labels_with_a_softmax(repaired: bool, rng: np.random.Generator) -> Training:
    """Examples with several labels are trained with a softmax, as if they had one."""
    x = rng.normal(size=(1500, 12))
    y = (x @ np.random.default_rng(3).normal(size=(12, 6)) > 1.0).astype(float)
    data = parts.cut(x, y, 1200)
    activation = "sigmoid" if repaired else "softmax"
    loss = "binary_crossentropy" if repaired else "categorical_crossentropy"
    model = parts.mlp(12, 32, last=6, activation=activation)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    fit = parts.arguments(data, epochs=20)
    return Training(model, fit, parts.balanced(model, data.x_val, data.y_val))


@report("https://github.com/keras-team/keras/issues/14046", KIND)
def labels_of_minus_one_and_one(repaired: bool, rng: np.random.Generator) -> Training:
    """Labels of -1 and 1 are used with a crossentropy that expects 0 and 1."""
    data = parts.overlapping(rng, 1600, 1200)
    scale = (lambda y: y) if repaired else (lambda y: 2 * y - 1)
    model = parts.mlp(10, 24, last=1)
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
    fit = parts.arguments(data._replace(y=scale(data.y), y_val=scale(data.y_val)), epochs=20)
    return Training(model, fit, parts.balanced(model, data.x_val, data.y_val, limit=0))


@report("https://github.com/keras-team/keras/issues/12096", KIND)
def relu_before_the_crossentropy(repaired: bool, rng: np.random.Generator) -> Training:
    """The output layer of a classifier is a ReLU, and the loss expects probabilities."""
    data = parts.digits(rng, image=True)
    one_hot = [keras.utils.to_categorical(y, 10) for y in (data.y, data.y_val)]
    layers: list[Any] = [Conv2D(8, 3, activation="relu"), MaxPooling2D(), Flatten()]
    output = Dense(10, activation="softmax" if repaired else "relu")
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers, output])
    model.compile(keras.optimizers.Adam(3e-3), "categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data._replace(y=one_hot[0], y_val=one_hot[1]), epochs=10)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


@report("https://github.com/ilivans/tf-rnn-attention/issues/10", KIND)
def many_classes_in_a_binary_loss(repaired: bool, rng: np.random.Generator) -> Training:
    """A model for two classes gets the numbers of many: the loss falls below zero."""
    data = parts.digits(rng)
    model = parts.mlp(64, 32, last=10 if repaired else 1)
    kind = "SparseCategoricalCrossentropy" if repaired else "BinaryCrossentropy"
    loss = getattr(keras.losses, kind)(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    shape = (lambda y: y) if repaired else (lambda y: y[:, None].astype("float32"))
    fit = parts.arguments(data._replace(y=shape(data.y), y_val=shape(data.y_val)), epochs=10)

    def score(logs: Any) -> float:
        answers = parts.predicted(model, data.x_val)
        best = answers.argmax(-1) if repaired else (answers.ravel() > 0).astype(int)
        return float((best == data.y_val).mean())

    return Training(model, fit, score)
