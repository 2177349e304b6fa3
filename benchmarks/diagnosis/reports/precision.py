"""Reports: numbers of 16 bits that are too coarse, too small or too large."""

from typing import Any

import keras
import numpy as np
from keras.layers import Dense

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training, report

KIND = "precision"


def network(inputs: int, *units: int, last: int, dtype: Any, activation: Any = None) -> keras.Model:
    """Return a network of a given dtype policy."""
    model = keras.Sequential([keras.Input((inputs,))])
    for size in units:
        model.add(Dense(size, activation="relu", dtype=dtype))
    model.add(Dense(last, activation=activation, dtype=dtype))
    return model


@report("https://github.com/keras-team/keras/issues/11860", KIND)
def adam_in_half_precision(repaired: bool, rng: np.random.Generator) -> Training:
    """The epsilon of Adam is 0 in float16, and its first division returns infinity."""
    data = parts.friedman(rng, 1300, 1000)
    model = network(10, 24, 24, last=1, dtype="float16")
    epsilon = 1e-4 if repaired else 1e-8
    model.compile(keras.optimizers.Adam(3e-3, epsilon=epsilon), "mse")
    fit = parts.arguments(data, epochs=12)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))


@report("https://github.com/workofart/ml-by-hand/pull/85", KIND)
def updates_below_bfloat16(repaired: bool, rng: np.random.Generator) -> Training:
    """Weights of bfloat16 have three digits, and updates below half of the last one are lost."""
    data = parts.friedman(rng, 1300, 1000)
    model = network(10, 32, 32, last=1, dtype="mixed_bfloat16" if repaired else "bfloat16")
    model.compile(keras.optimizers.Adam(1e-4), "mse")
    fit = parts.arguments(data, epochs=25)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))


@report("https://github.com/keras-team/keras/issues/11832", KIND)
def overflow_in_half_precision(repaired: bool, rng: np.random.Generator) -> Training:
    """Squared errors of values in the hundreds exceed 65,504, which is infinity in float16."""
    data = parts.friedman(rng, 1300, 1000)
    scale = 1.0 if repaired else 400.0
    data = data._replace(y=data.y * np.float32(scale), y_val=data.y_val * np.float32(scale))
    model = network(10, 24, 24, last=1, dtype="float16")
    model.compile(keras.optimizers.SGD(0.01), "mse")
    fit = parts.arguments(data, epochs=12)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))
