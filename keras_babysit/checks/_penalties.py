"""Switches regularization penalties off temporarily."""

import contextlib
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def penalties_off(model: keras.Model) -> Iterator[int]:
    """Remove every regularizer of `model`, and restore them on exit.

    Yields:
        The number of regularizers that were removed.
    """
    owners = [(v, "regularizer") for v in model.trainable_variables if v.regularizer is not None]
    owners += [
        (layer, "activity_regularizer")
        for layer in model._flatten_layers()
        if getattr(layer, "activity_regularizer", None) is not None
    ]
    kept = [(owner, name, getattr(owner, name)) for owner, name in owners]
    try:
        for owner, name, _ in kept:
            setattr(owner, name, None)
        yield len(kept)
    finally:
        for owner, name, regularizer in kept:
            setattr(owner, name, regularizer)
