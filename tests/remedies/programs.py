"""Small programs, and what a training of them leaves."""

import keras
import numpy as np

from keras_babysit.remedies import Program


def blobs(size=200, classes=3, scale=1.0):
    """Return clusters of points, one per class, and their class numbers."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, size)
    centers = 2 * rng.normal(size=(classes, 4))
    x = scale * (centers[y] + rng.normal(size=(size, 4)))
    return x.astype("float32"), y


def network(rate=0.1, hidden=8, *, is_functional=False, **dense):
    """Return a compiled classifier of `blobs`; `dense` are arguments of its hidden layer."""
    layers = [
        keras.layers.Dense(hidden, **{"activation": "relu"} | dense, name="hidden"),
        keras.layers.Dense(3, activation="softmax", name="classes"),
    ]
    if is_functional:
        inputs = outputs = keras.Input((4,))
        for layer in layers:
            outputs = layer(outputs)
        model = keras.Model(inputs, outputs)
    else:
        model = keras.Sequential([keras.Input((4,)), *layers])
    # Eagerly: a graph of each of many short trainings would take longer to compile than to run.
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", run_eagerly=True)
    return model


def program(model=None, size=200, **fit):
    """Return the program of a model on `blobs`."""
    x, y = blobs(size)
    return Program(model or network(), x, y, validation=(x, y, None), fit={"epochs": 2, **fit})
