"""What a pass of our own must not move: random states, and state that Keras does not track.

Variables that Keras tracks change inside a `keras.StatelessScope` only. A layer may hold more than
these: a `tf.Variable`, a `tf.random.Generator`, the buffers of a PyTorch module, a step counter.
"""

import contextlib
import random

import keras
import numpy as np

from keras_babysit.backends import backend


@contextlib.contextmanager
def untouched_random_state():
    """Leave every global random state as it was: Python's, numpy's and the backend's."""
    python, arrays, drawn = random.getstate(), np.random.get_state(), backend.random_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(arrays)
        backend.set_random_state(drawn)


@contextlib.contextmanager
def untouched_state(model):
    """Leave what a pass through `model` can reach besides Keras' variables as it was.

    These are the global random states, the variables, generators and buffers of the backend that
    layers hold, and their attributes that are numbers, tensors or arrays. What a layer changes
    inside of a list or another object is not put back.

    Args:
        model: A built `keras.Model`.
    """
    layers = model._flatten_layers()
    attributes = [(layer, _plain_attributes(layer)) for layer in layers]
    try:
        with untouched_random_state(), backend.keep_hidden_state(model):
            yield
    finally:
        for layer, before in attributes:
            _put_back(layer, before)


def _plain_attributes(layer):
    return {name: value for name, value in vars(layer).items() if _is_plain(value)}


def _is_plain(value):
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number or isinstance(value, np.ndarray) or keras.ops.is_tensor(value)


def _put_back(layer, before):
    now = vars(layer)
    for name, value in before.items():
        if now.get(name, value) is not value:
            object.__setattr__(layer, name, value)  # past the tracking of Keras
