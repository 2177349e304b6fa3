"""Restores model and random states after a check, so that a check leaves no trace."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_babysit.backends import backend
from keras_babysit.backends.untouched import untouched_random_state, untouched_state


@contextlib.contextmanager
def untouched(model: keras.Model) -> Iterator[None]:
    """Restore every variable, hidden state and random state on exit, also after an exception.

    The checks themselves work on copies of the variables. This is the second line of defence: it
    covers layers that assign variables outside of Keras' scope, and data pipelines that draw from
    a global random generator.
    """
    variables = _variables(model)
    values = [np.array(_value(variable)) for variable in variables]
    with random_states_kept(), untouched_state(model):
        try:
            yield
        finally:
            for variable, value in zip(variables, values, strict=True):
                _put_back(variable, value)


@contextlib.contextmanager
def random_states_kept() -> Iterator[None]:
    """Restore the global random states of Python, NumPy, the backend and Keras on exit."""
    shared = _global_seed_generator()
    shared_value = None if shared is None else np.array(_value(shared.state))
    try:
        with untouched_random_state():
            yield
    finally:
        if shared is not None and shared_value is not None:
            _put_back(shared.state, shared_value)


def same_random_numbers() -> None:
    """Reset PyTorch's random generator, from which its dropout draws instead of the layer's seed.

    On the other backends, a pass with the same seed values draws the same numbers.
    """
    if keras.backend.backend() == "torch":
        sys.modules["torch"].manual_seed(0)


def _variables(model: keras.Model) -> list[keras.Variable]:
    optimizer = model.optimizer.variables if getattr(model, "optimizer", None) else []
    found = {id(v): v for v in [*model.variables, *model.metrics_variables, *optimizer]}
    return list(found.values())


def _value(variable: keras.Variable) -> np.ndarray:
    """Return the value on the host; the first copy of a variable that `tf.distribute` mirrors."""
    return backend.to_numpy(backend.to_tensor(variable.value))


def _put_back(variable: keras.Variable, value: np.ndarray) -> None:
    """Assign only if the value changed, so that an unchanged variable keeps its tensor object."""
    now = _value(variable)
    if not np.array_equal(now, value, equal_nan=now.dtype.kind == "f"):
        variable.assign(value)


def _global_seed_generator() -> Any:
    """Return the generator that Keras' random functions use if no seed is given.

    It is created here if it does not exist yet. Created later, inside a check, it would keep its
    state after the check.
    """
    from keras.src.random.seed_generator import global_seed_generator

    return global_seed_generator()
