"""Every architecture of `keras.applications`, untrained and on small images."""

import functools
import sys

import keras
import numpy as np

from benchmarks.foreign.foreign_model import EXAMPLES, ForeignModel, plainly

CLASSES = 10
SMALLEST = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}
"""Smallest image size of an architecture, if it is not 32 pixels."""


def names() -> list[str]:
    found = vars(keras.applications).items()
    return [name for name, thing in found if callable(thing) and hasattr(thing, "__code__")]


def images(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return smooth images of 10 classes, scaled as the architecture expects."""
    rng = np.random.default_rng(0)
    y = np.arange(EXAMPLES) % CLASSES
    templates = rng.uniform(0, 255, (CLASSES, 4, 4, 3))
    coarse = 0.5 * templates[y] + 0.5 * rng.uniform(0, 255, (EXAMPLES, 4, 4, 3))
    size = SMALLEST.get(name, 32)
    pictures = np.array(
        keras.ops.convert_to_numpy(keras.ops.image.resize(coarse, (size, size), "bilinear"))
    ).astype("float32")
    module = sys.modules[getattr(keras.applications, name).__module__]
    return module.preprocess_input(pictures), y


def make(name: str) -> keras.Model:
    size = SMALLEST.get(name, 32)
    return getattr(keras.applications, name)(
        weights=None, input_shape=(size, size, 3), classes=CLASSES
    )


def cases() -> list[ForeignModel]:
    """Return a model for each architecture."""
    return [
        ForeignModel(
            name,
            functools.partial(make, name),
            functools.partial(images, name),
            plainly("sparse_categorical_crossentropy"),
        )
        for name in names()
    ]
