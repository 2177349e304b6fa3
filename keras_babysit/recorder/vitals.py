"""Vital signs of a training: its loss, which Keras adds up, and whether its values are finite."""

import keras
import numpy as np
from keras import ops

from keras_babysit.backends import backend


class LossMeter:
    """Reads the mean loss that Keras keeps among the metrics.

    Args:
        model: A compiled `keras.Model`.
    """

    def __init__(self, model):
        self._model = model

    def totals(self, values):
        """Return sum and weight of the losses of the epoch so far; None without a compiled loss.

        Args:
            values: The values of the variables as `backend.state` groups them.
        """
        tracker = getattr(self._model, "_loss_tracker", None)
        others = [*self._model.non_trainable_variables, *self._model.metrics_variables]
        places = {id(variable): place for place, variable in enumerate(others)}
        found = [places.get(id(variable)) for variable in getattr(tracker, "variables", ())]
        if len(found) != 2 or None in found:
            return None
        return tuple(float(backend.to_numpy(values[1][place])) for place in found)

    def mean(self, before, after):
        """Return the mean loss between two `totals`, None if it is not known."""
        if before is None or after is None:
            return None
        if after[1] < before[1]:  # a new epoch began in between
            before = (0.0, 0.0)
        weight = after[1] - before[1]
        return (after[0] - before[0]) / weight if weight else None


def with_fresh_metrics(model, values):
    """Return `values` with the metrics as they are at the start of an epoch."""
    trainable, other, optimizer = values
    count = len(model.non_trainable_variables)
    mapping = list(zip(model.metrics_variables, other[count:], strict=True))
    mapping = [(variable, ops.convert_to_tensor(value)) for variable, value in mapping]
    with keras.StatelessScope(state_mapping=mapping) as scope:
        model.reset_metrics()
        fresh = [scope.get_current_value(variable) for variable, _ in mapping]
    return trainable, [*other[:count], *fresh], optimizer


def nonfinite_variables(model, values):
    """Return what of a state is not finite, as pairs of a group of `backend.state` and a place.

    Metrics do not count, which any bad batch spoils until the next epoch, nor does a loss scale.
    """
    count = len(model.non_trainable_variables)
    trainable, other, optimizer = map(non_finite, (values[0], values[1][:count], values[2]))
    optimizer = optimizer - {scale_place(model)}
    groups = enumerate((trainable, other, optimizer))
    return frozenset((group, place) for group, places in groups for place in places)


def non_finite(values):
    """Return the places in a list of tensors or arrays of those that hold NaN or infinity."""
    if values and all(isinstance(value, np.ndarray) for value in values):
        return {place for place, value in enumerate(values) if not is_finite(value)}
    floats = [
        place
        for place, value in enumerate(values)
        if keras.backend.is_float_dtype(keras.backend.standardize_dtype(value.dtype))
    ]
    if not floats:
        return set()
    flags = ops.stack([ops.all(ops.isfinite(values[place])) for place in floats])
    is_good = np.asarray(backend.to_numpy(flags))
    return {place for place, good in zip(floats, is_good, strict=True) if not good}


def is_finite(array):
    """Return whether an array holds neither NaN nor infinity; integers never do."""
    if array.dtype.kind in "iub?":
        return True
    return bool(np.isfinite(array.astype("float32") if array.dtype.kind == "V" else array).all())


def rate_place(model):
    """Return the place of the learning rate among the optimizer's variables, None if it has none.

    It has none where the rate follows a schedule.
    """
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    return _place(model, getattr(optimizer, "_learning_rate", None))


def scale_place(model):
    """Return the place of the loss scale among the optimizer's variables, None if it has none."""
    return _place(model, getattr(model.optimizer, "dynamic_scale", None))


def _place(model, variable):
    variables = model.optimizer.variables if model.optimizer else []
    return next((place for place, one in enumerate(variables) if one is variable), None)
