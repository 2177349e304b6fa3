"""What an optimizer remembers between runs, and whether it was reset in between."""

from typing import Any

import keras

from keras_babysit.backends import backend

WITHOUT_MEMORY = 2
"""Variables of an optimizer that keeps nothing but the number of its steps and a learning rate."""


def steps_of(model: keras.Model) -> int | None:
    """Return the number of steps that the optimizer of a model has done, None if not known.

    Args:
        model: A compiled `keras.Model` outside of a training step.
    """
    iterations = getattr(_optimizer(model), "iterations", None)
    value = getattr(iterations, "value", None)
    return None if value is None else int(backend.to_numpy(value))


def kind_of(model: keras.Model) -> tuple[str, ...]:
    """Return what tells one setting of an optimizer from another: its class and learning rate.

    Args:
        model: A compiled `keras.Model` outside of a training step.
    """
    optimizer = _optimizer(model)
    rate = getattr(optimizer, "_learning_rate", None)
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        try:
            setting = repr(rate.get_config())
        except Exception:  # a schedule of one's own need not have one
            setting = ""
        return type(optimizer).__name__, type(rate).__name__, setting
    value = getattr(rate, "value", rate)
    number = "" if value is None else f"{float(backend.to_numpy(value)):.6g}"
    return type(optimizer).__name__, "", number


def has_memory(model: keras.Model) -> bool:
    """Return whether a reset loses anything: averages of gradients, or the place in a schedule.

    Args:
        model: A compiled `keras.Model` whose optimizer has done a step.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> for optimizer in (keras.optimizers.SGD(0.1), keras.optimizers.Adam(0.1)):
        ...     model.compile(optimizer, "mse")
        ...     optimizer.build(model.trainable_variables)
        ...     print(has_memory(model))
        False
        True
    """
    optimizer = _optimizer(model)
    rate = getattr(optimizer, "_learning_rate", None)
    is_scheduled = isinstance(rate, keras.optimizers.schedules.LearningRateSchedule)
    return is_scheduled or len(getattr(optimizer, "variables", ())) > WITHOUT_MEMORY


def _optimizer(model: keras.Model) -> Any:
    optimizer = getattr(model, "optimizer", None)
    return getattr(optimizer, "inner_optimizer", optimizer)
