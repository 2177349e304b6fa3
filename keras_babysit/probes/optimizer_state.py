"""What the optimizer goes by at a step: its learning rate and its loss scale."""

import keras

from keras_babysit.backends import backend


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
        return float(backend.to_numpy(rate.value if hasattr(rate, "value") else rate))


def loss_scale(optimizer, state):
    """Return what the loss is multiplied by under mixed precision, 1 otherwise."""
    scale = getattr(optimizer, "dynamic_scale", None)
    if scale is None:
        return 1.0
    values = (value for variable, value in _values(optimizer, state) if variable is scale)
    value = next(values, None)
    return 1.0 if value is None else float(backend.to_numpy(value))


def _values(optimizer, state):
    """Return the variables of the optimizer, each with its value."""
    variables = optimizer.variables
    return list(zip(variables, state[2][: len(variables)], strict=True))
