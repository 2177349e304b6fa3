"""Penalties switched off for a while."""

import contextlib


@contextlib.contextmanager
def penalties_off(model):
    """Let no weight and no layer of `model` have a regularizer; all are put back on leaving.

    Gives how many there are.
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
