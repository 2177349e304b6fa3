"""The numbers that Keras itself reports at the end of an epoch."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_babysit.history import History, Measurement


class EpochLogs:
    """Records the logs of each epoch.

    Args:
        history: The `History` that they go to.

    Example:
        >>> from keras_babysit.history import History
        >>> logs = EpochLogs(History())
        >>> [logs.record(0, 0, {"loss": loss}) for loss in (1.0, np.nan, np.nan)]
        [False, True, False]
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._were_finite = True

    def record(self, step: int, epoch: int, logs: Mapping[str, Any]) -> bool:
        """Record what is a number; return whether one is not finite for the first time.

        Args:
            step: Optimizer steps done.
            epoch: Epoch, counted from 0.
            logs: The numbers by name.
        """
        measurements = [
            Measurement(step, epoch, f"logs/{name}", "", float(value))
            for name, value in logs.items()
            if np.ndim(value) == 0
        ]
        self._history.extend(measurements)
        are_finite = all(math.isfinite(one.value) for one in measurements)
        is_news = self._were_finite and not are_finite
        self._were_finite = self._were_finite and are_finite
        return is_news
