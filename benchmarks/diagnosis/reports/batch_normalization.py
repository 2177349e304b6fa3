"""Reports: batch normalization with few updates of its averages, or with tiny batches."""

import keras
import numpy as np
from keras.layers import BatchNormalization, Conv2D, Dense, Flatten, ReLU

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training, report

KIND = "batch normalization"


@report("https://github.com/tensorflow/tensorflow/issues/36446", KIND)
def few_updates_of_the_averages(repaired: bool, rng: np.random.Generator) -> Training:
    """The averages of batch norms follow at 1 % a step, and there are only 60 steps."""
    data = parts.digits(rng, image=True, count=600)
    layers: list[keras.layers.Layer] = []
    for _ in range(4):
        norm = BatchNormalization(momentum=0.8 if repaired else 0.99)
        layers += [Conv2D(12, 3, padding="same"), norm, ReLU()]
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers, Flatten()])
    model.add(Dense(10, activation="softmax"))
    optimizer = keras.optimizers.Adam(3e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=6, batch_size=60)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


@report("https://github.com/dbolya/yolact/issues/325", KIND)
def batches_of_two(repaired: bool, rng: np.random.Generator) -> Training:
    """Memory allows for batches of two, which is too few for the statistics of a batch."""
    data = parts.digits(rng, count=400)
    hidden: list[keras.layers.Layer] = []
    for _ in range(3):
        norm = keras.layers.LayerNormalization() if repaired else BatchNormalization(momentum=0.9)
        hidden += [Dense(32), norm, ReLU()]
    model = keras.Sequential([keras.Input((64,)), *hidden, Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=3, batch_size=2)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))
