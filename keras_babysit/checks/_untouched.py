"""Nothing that a check does may be seen afterwards: not in the model, not in a random stream."""

import contextlib
import sys

import keras
import numpy as np

from keras_babysit.backends import backend
from keras_babysit.backends.random_state import untouched_random_state


@contextlib.contextmanager
def untouched(model):
    """Put every variable, attribute and random state back on leaving, also after an exception.

    The checks themselves work on values outside of the variables. This is the second line: it
    holds for a layer that writes past Keras, and for data that draw from a global generator.
    """
    variables = _variables(model)
    values = [np.array(_value(variable)) for variable in variables]
    with random_states_kept():
        try:
            yield
        finally:
            for variable, value in zip(variables, values, strict=True):
                _put_back(variable, value)


@contextlib.contextmanager
def random_states_kept():
    """Put back Python's, NumPy's, the backend's and Keras' global random state on leaving."""
    shared = _global_seed_generator()
    shared_value = None if shared is None else np.array(_value(shared.state))
    try:
        with untouched_random_state():
            yield
    finally:
        if shared is not None:
            _put_back(shared.state, shared_value)


def same_random_numbers():
    """Begin PyTorch's stream anew: its dropout draws from there and not from the layer's seed.

    On the other backends a pass with the same values of the seeds draws the same numbers.
    """
    if keras.backend.backend() == "torch":
        sys.modules["torch"].manual_seed(0)


def _variables(model):
    optimizer = model.optimizer.variables if getattr(model, "optimizer", None) else []
    found = {id(v): v for v in [*model.variables, *model.metrics_variables, *optimizer]}
    return list(found.values())


def _value(variable):
    """Return the value on the host; of one that `tf.distribute` mirrors, that of the first copy."""
    return backend.to_numpy(backend.to_tensor(variable.value))


def _put_back(variable, value):
    """Assign only where something changed: an untouched variable keeps its very tensor."""
    now = _value(variable)
    if not np.array_equal(now, value, equal_nan=now.dtype.kind == "f"):
        variable.assign(value)


def _global_seed_generator():
    """Return the generator that Keras' random functions share where none is given, if there is.

    It is made here if it does not exist: made later, in a check, it would be lost with its state.
    """
    from keras.src.random.seed_generator import global_seed_generator

    return global_seed_generator()
