"""The learning rate and the loss scale that the optimizer uses at a step."""

import keras

from keras_babysit.backends import to_array


def learning_rate(optimizer, state):
    """Return the learning rate, None without an optimizer.

    Args:
        optimizer: The optimizer that `compile` was given, or None.
        state: Values of the variables as `backend.state` returns them.
    """
    if optimizer is None:
        return None
    with keras.StatelessScope(state_mapping=_values(optimizer, state)):
        rate = getattr(optimizer, "inner_optimizer", optimizer).learning_rate
        return float(to_array(rate.value if hasattr(rate, "value") else rate))


def loss_scale(optimizer, state):
    """Return the factor of the loss under mixed precision, 1 otherwise."""
    scale = getattr(optimizer, "dynamic_scale", None)
    if scale is None:
        return 1.0
    values = (value for variable, value in _values(optimizer, state) if variable is scale)
    value = next(values, None)
    return 1.0 if value is None else float(to_array(value))


def _values(optimizer, state):
    """Return the variables of the optimizer, each with its value."""
    variables = optimizer.variables
    return list(zip(variables, state[2][: len(variables)], strict=True))
