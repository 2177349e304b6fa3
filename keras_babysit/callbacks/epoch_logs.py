"""The numbers that Keras itself reports at the end of an epoch."""

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_babysit.backends import backend
from keras_babysit.backends.protocol import Values
from keras_babysit.history import History, Measurement
from keras_babysit.probes.loss_facts import has_own_step


class EpochLogs:
    """Records the logs of each epoch.

    At the end of an epoch, Keras reports its metrics in place of what the last step returned, if
    both have the same names. Its mean of the loss is among them: a training step of the user's that
    returns `{"loss": loss}` and does not update that metric has a loss of 0 in each epoch. Such
    numbers are not recorded.

    Args:
        history: The `History` that they go to.

    Attributes:
        left_out: Names of the logs that were left out.

    Example:
        >>> from keras_babysit.history import History
        >>> logs = EpochLogs(History())
        >>> [logs.record(0, 0, {"loss": loss}) for loss in (1.0, np.nan, np.nan)]
        [False, True, False]
    """

    def __init__(self, history: History) -> None:
        self.left_out: list[str] = []
        self._history = history
        self._were_finite = True
        self._without: frozenset[str] = frozenset()  # means that no training step updates

    def look(self, model: keras.Model, state: Values) -> None:
        """Note which metrics the training step does not update.

        Args:
            model: The model.
            state: Its state as `backend.state` returns it, after a step of this epoch.
        """
        self._without = unused_means(model, state)

    def record(
        self, step: int, epoch: int, logs: Mapping[str, Any], model: keras.Model | None = None
    ) -> bool:
        """Record what is a number; return whether one is not finite for the first time.

        Args:
            step: Optimizer steps done.
            epoch: Epoch, counted from 0.
            logs: The numbers by name.
            model: The model at the end of the epoch, after the validation; None without one.
        """
        unused = frozenset() if model is None else unused_means(model, backend.state(model, None))
        without = self._without | unused | {f"val_{name}" for name in unused}
        numbers = {name: float(value) for name, value in logs.items() if np.ndim(value) == 0}
        self.left_out = [name for name, value in numbers.items() if not value and name in without]
        measurements = [
            Measurement(step, epoch, f"logs/{name}", "", value)
            for name, value in numbers.items()
            if name not in self.left_out
        ]
        self._history.extend(measurements)
        are_finite = all(math.isfinite(one.value) for one in measurements)
        is_news = self._were_finite and not are_finite
        self._were_finite = self._were_finite and are_finite
        return is_news


def unused_means(model: keras.Model, state: Values) -> frozenset[str]:
    """Return the names of the means among the metrics of a model that have counted nothing.

    Empty for a model with the steps of Keras, which update all of them.

    Args:
        model: A compiled model.
        state: Its state as `backend.state` returns it.
    """
    has_own_test_step = type(model).test_step is not keras.Model.test_step
    if not has_own_step(model) and not has_own_test_step:
        return frozenset()
    variables = [*model.non_trainable_variables, *model.metrics_variables]
    values = {id(one): value for one, value in zip(variables, state[1], strict=True)}
    return frozenset(
        metric.name
        for metric in model.metrics
        if isinstance(metric, keras.metrics.Mean)
        and id(metric.count) in values
        and float(backend.to_numpy(values[id(metric.count)])) == 0
    )
