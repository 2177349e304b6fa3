"""The backend module in use: that of the backend that Keras was loaded with."""

import importlib

import keras

from keras_babysit.backends.protocol import Backend
from keras_babysit.errors import UnsupportedBackendError

SUPPORTED = ("jax", "tensorflow", "torch")
"""Keras backends that there is a module for."""


def load(name: str) -> Backend:
    """Return the module of a Keras backend.

    Args:
        name: The backend, as `keras.backend.backend()` names it.

    Raises:
        UnsupportedBackendError: If there is no module for it.
    """
    if name not in SUPPORTED:
        raise UnsupportedBackendError(
            "The backend of Keras must be 'jax', 'tensorflow' or 'torch'. "
            f"Received: {name!r}. Set the environment variable KERAS_BACKEND to one of these "
            "before keras is imported."
        )
    module: Backend = importlib.import_module(f"keras_babysit.backends.{name}")
    return module


backend = load(keras.backend.backend())
