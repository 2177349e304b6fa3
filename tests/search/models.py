"""Small data and models that train quickly."""

import keras
import numpy as np


def blobs(size=90, features=4, classes=3):
    """Return clusters of points, one per class, that a linear model can separate."""
    rng = np.random.default_rng(0)
    y = np.arange(size) % classes
    centers = 3 * rng.normal(size=(classes, features))
    return (centers[y] + rng.normal(size=(size, features))).astype("float32"), y


def build(hp):
    """Return a softmax regression with a learning rate to search."""
    return compiled(hp.Float("learning_rate", 1e-4, 1.0, sampling="log"))


def compiled(rate, *, is_eager=True, **dense):
    """Return a compiled softmax regression.

    Eagerly, because a graph is traced or compiled for each trial, which takes longer than its few
    steps.
    """
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, **dense)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate), loss, metrics=["accuracy"], run_eagerly=is_eager)
    return model


def deep(hp):
    """Return a network that diverges, dies or does not move at some learning rates."""
    model = keras.Sequential([keras.Input((4,))])
    model.add(keras.layers.Dense(16, activation=hp.Choice("activation", ["relu", "tanh"])))
    model.add(keras.layers.Dense(3))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    rate = hp.Float("learning_rate", 1e-7, 1e4, sampling="log")
    model.compile(keras.optimizers.SGD(rate), loss, metrics=["accuracy"])
    return model
