"""What the optimizer uses at a step, and what is set in it: learning rate, schedule, loss scale."""

import numbers
from dataclasses import replace

import keras

from keras_babysit.backends import to_array
from keras_babysit.facts import OptimizerFacts, ScheduleFacts

TENTHS = tuple(tenth / 10 for tenth in range(11))
"""Fractions of a run at which its schedule is read."""


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


def accumulation(optimizer):
    """Return how many steps of gradients an optimizer sums for each update, and the steps it did.

    Example:
        >>> accumulation(keras.optimizers.SGD(gradient_accumulation_steps=4))
        (4, 0)
        >>> accumulation(keras.optimizers.SGD())
        (1, 0)
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    every = getattr(optimizer, "gradient_accumulation_steps", None)
    if not every:
        return 1, 0
    return int(every), int(to_array(optimizer._iterations.value))


def describe_settings(optimizer):
    """Return the `OptimizerFacts` of an optimizer; those that know nothing without one.

    Example:
        >>> describe_settings(keras.optimizers.Adam(clipnorm=1.0)).clipnorm
        1.0
        >>> describe_settings(keras.optimizers.SGD(momentum=0.9)).momentum
        0.9
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    accumulates = getattr(optimizer, "gradient_accumulation_steps", None)
    has_velocity = isinstance(optimizer, keras.optimizers.SGD | keras.optimizers.RMSprop)
    return OptimizerFacts(
        accumulates=int(accumulates) if accumulates else None,
        momentum=_number(optimizer.momentum) if has_velocity else None,
        nesterov=has_velocity and bool(getattr(optimizer, "nesterov", False)),
        **{
            name: _number(getattr(optimizer, name, None))
            for name in ("clipnorm", "clipvalue", "global_clipnorm", "epsilon")
        },
    )


def describe_schedule(optimizer, step, planned):
    """Return the `ScheduleFacts` of a run; those that know nothing without a schedule.

    Args:
        optimizer: The optimizer that `compile` was given, or None.
        step: Optimizer steps that this run has done.
        planned: Optimizer steps of the whole run, None if not known.

    Example:
        >>> schedule = keras.optimizers.schedules.PolynomialDecay(0.1, 50, 0.0)
        >>> describe_schedule(keras.optimizers.SGD(schedule), 0, 101).planned[::5]
        (0.1..., 0.0, 0.0)
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    schedule = getattr(optimizer, "_learning_rate", None)
    if not isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        return ScheduleFacts()
    decay_steps = getattr(schedule, "decay_steps", None)
    known = ScheduleFacts(
        class_name=type(schedule).__name__,
        decay_steps=int(decay_steps) if isinstance(decay_steps, numbers.Real) else None,
    )
    if not planned or getattr(optimizer, "gradient_accumulation_steps", None):
        return known
    done = int(to_array(optimizer.iterations.value)) - step
    try:
        rates = [_rate_at(schedule, done + round(tenth * (planned - 1))) for tenth in TENTHS]
        before = [_rate_at(schedule, round(tenth * done)) for tenth in TENTHS if done]
    except Exception:  # a schedule of one's own may do anything; training reports it
        return known
    return replace(known, done=done, highest=max(rates + before), planned=tuple(rates))


def _rate_at(schedule, step):
    return float(to_array(schedule(keras.ops.convert_to_tensor(step, "int32"))))


def _number(value):
    return float(value) if isinstance(value, numbers.Real) else None
