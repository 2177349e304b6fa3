"""Reports of the second set: settings of the run."""

from typing import Any

import keras
import numpy as np
from keras.layers import Dense, Dropout

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.attention import WarmUp
from benchmarks.diagnosis.reports.report import Training, report

KIND = "settings of the run"


def classifier(optimizer: Any) -> keras.Model:
    """Return a compiled classifier of the digits."""
    model = parts.mlp(64, 48, 48, last=10, activation="softmax")
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@report("https://github.com/Morizeyao/GPT2-Chinese/issues/60", KIND)
def warm_up_longer_than_the_training(repaired: bool, rng: np.random.Generator) -> Training:
    """The warm-up counts more steps than the training has, and never ends."""
    data = parts.digits(rng)
    model = classifier(keras.optimizers.SGD(WarmUp(0.1, 40 if repaired else 20_000)))
    fit = parts.arguments(data, epochs=10)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


@report("https://stackoverflow.com/questions/56730888", KIND)
def rate_of_adadelta_from_another_optimizer(repaired: bool, rng: np.random.Generator) -> Training:
    """Adadelta, which is made for a rate of 1, gets the thousandth that suits Adam."""
    data = parts.digits(rng)
    model = classifier(keras.optimizers.Adadelta(1.0 if repaired else 1e-3))
    fit = parts.arguments(data, epochs=12)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


@report("https://github.com/tensorflow/models/issues/779", KIND)
def epsilon_of_one(repaired: bool, rng: np.random.Generator) -> Training:
    """The epsilon of Adam is 1, far above its gradients, so that the weights hardly change."""
    data = parts.digits(rng)
    model = classifier(keras.optimizers.Adam(1e-3, epsilon=1e-8 if repaired else 1.0))
    fit = parts.arguments(data, epochs=12)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


@report("https://github.com/magenta/magenta/pull/1623", KIND)
def fraction_to_keep_is_dropped(repaired: bool, rng: np.random.Generator) -> Training:
    """The fraction of units that was to be kept is given as the fraction to drop."""
    data = parts.digits(rng)
    model = keras.Sequential([keras.Input((64,))])
    for _ in range(3):
        model.add(Dense(32, activation="relu"))
        model.add(Dropout(0.1 if repaired else 0.9))
    model.add(Dense(10, activation="softmax"))
    optimizer = keras.optimizers.Adam(3e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=15)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


@report("https://github.com/leonardoaraujosantos/DLMatFramework/issues/1", "own loss")
def weight_penalty_too_strong(repaired: bool, rng: np.random.Generator) -> Training:
    """The penalty on the weights is a hundred times too strong, and the data does not count."""
    data = parts.digits(rng)
    model = keras.Sequential([keras.Input((64,))])
    for units, activation in ((48, "relu"), (48, "relu"), (10, "softmax")):
        penalty = keras.regularizers.L2(1e-4 if repaired else 0.1)
        model.add(Dense(units, activation=activation, kernel_regularizer=penalty))
    optimizer = keras.optimizers.Adam(3e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=12)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))
