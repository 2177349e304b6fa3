"""The random states that a pass of our own must not move."""

import contextlib
import random

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
