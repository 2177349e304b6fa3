"""Vital signs of a training: the loss that Keras adds up, and whether its values are finite."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_babysit.backends import backend
from keras_babysit.backends.protocol import Values
from keras_babysit.typing import Tensor


class LossMeter:
    """Reads the mean loss that Keras keeps among the metrics.

    Args:
        model: A compiled `keras.Model`.
    """

    def __init__(self, model: Any) -> None:
        self._model = model

    def totals(
        self,
        values: Values,
    ) -> tuple[float, float] | None:
        """Return the sum and the weight of the losses of the epoch so far.

        Args:
            values: The values of the variables as `backend.state` groups them.

        Returns:
            A pair of floats; None without a compiled loss.
        """
        tracker = getattr(self._model, "_loss_tracker", None)
        others = [*self._model.non_trainable_variables, *self._model.metrics_variables]
        indices = {id(variable): index for index, variable in enumerate(others)}
        tracked = getattr(tracker, "variables", ())
        found = [indices[id(variable)] for variable in tracked if id(variable) in indices]
        if len(tracked) != 2 or len(found) != 2:
            return None
        total, weight = (float(backend.to_numpy(values[1][index])) for index in found)
        return total, weight

    def mean(
        self, before: tuple[float, float] | None, after: tuple[float, float] | None
    ) -> float | None:
        """Return the mean loss between two `totals`, None if it is not known."""
        if before is None or after is None:
            return None
        if after[1] < before[1]:  # a new epoch began in between
            before = (0.0, 0.0)
        weight = after[1] - before[1]
        return (after[0] - before[0]) / weight if weight else None


def with_fresh_metrics(model: Any, values: Values) -> Values:
    """Return `values` with the metrics as they are at the start of an epoch."""
    trainable, other, optimizer = values
    count = len(model.non_trainable_variables)
    mapping = list(zip(model.metrics_variables, other[count:], strict=True))
    mapping = [(variable, ops.convert_to_tensor(value)) for variable, value in mapping]
    with keras.StatelessScope(state_mapping=mapping) as scope:
        model.reset_metrics()
        fresh = [scope.get_current_value(variable) for variable, _ in mapping]
    return trainable, [*other[:count], *fresh], optimizer


def with_learning_rate(
    values: Values,
    index: int,
    rate: Any,
) -> Values:
    """Return `values` with another learning rate.

    Args:
        values: The values of the variables as `backend.state` groups them.
        index: What `learning_rate_index` returns.
        rate: The learning rate, an array.
    """
    trainable, other, optimizer = values
    return trainable, other, [*optimizer[:index], rate, *optimizer[index + 1 :]]


def nonfinite_variables(
    model: Any,
    values: Values,
) -> frozenset[Any]:
    """Return which variables of a state are not finite, as pairs `(group, index)`.

    Metrics do not count: any bad batch leaves them not finite until the next epoch. Nor does a
    loss scale.

    Args:
        model: The model.
        values: Its values as `backend.state` groups them; `group` counts these groups from 0.
    """
    count = len(model.non_trainable_variables)
    trainable, other, optimizer = map(nonfinite_indices, (values[0], values[1][:count], values[2]))
    optimizer = optimizer - {loss_scale_index(model)}
    groups = enumerate((trainable, other, optimizer))
    return frozenset((group, index) for group, indices in groups for index in indices)


def nonfinite_indices(values: Sequence[Tensor]) -> set[int]:
    """Return the indices of those of some tensors or arrays that hold NaN or infinity."""
    if values and all(isinstance(value, np.ndarray) for value in values):
        return {index for index, value in enumerate(values) if not is_finite(value)}
    floats = [
        index
        for index, value in enumerate(values)
        if keras.backend.is_float_dtype(keras.backend.standardize_dtype(value.dtype))
    ]
    if not floats:
        return set()
    flags = ops.stack([ops.all(ops.isfinite(values[index])) for index in floats])
    is_good = np.asarray(backend.to_numpy(flags))
    return {index for index, good in zip(floats, is_good, strict=True) if not good}


def is_finite(array: Any) -> bool:
    """Return whether an array holds neither NaN nor infinity; integers never do."""
    if array.dtype.kind in "iub?":
        return True
    return bool(np.isfinite(array.astype("float32") if array.dtype.kind == "V" else array).all())


def learning_rate_index(model: Any) -> int | None:
    """Return the index of the learning rate among the optimizer's variables.

    Returns:
        None if it is not one of them, as where it follows a schedule.
    """
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    return _index_of(model, getattr(optimizer, "_learning_rate", None))


def loss_scale_index(model: Any) -> int | None:
    """Return the index of the loss scale among the optimizer's variables, None if it has none."""
    return _index_of(model, getattr(model.optimizer, "dynamic_scale", None))


def _index_of(model: Any, variable: Any) -> int | None:
    variables = model.optimizer.variables if model.optimizer else []
    return next((index for index, one in enumerate(variables) if one is variable), None)
