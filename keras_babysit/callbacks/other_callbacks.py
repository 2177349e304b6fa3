"""The other callbacks of a run: what they monitor, and which of them ended it.

They are looked at between epochs only, and never changed.
"""

from collections.abc import Sequence
from typing import Literal

import keras

from keras_babysit.facts import CallbackAction, CallbackFacts

ACTIONS: dict[type[keras.callbacks.Callback], CallbackAction] = {
    keras.callbacks.EarlyStopping: "stops",
    keras.callbacks.ModelCheckpoint: "saves",
    keras.callbacks.ReduceLROnPlateau: "lowers_learning_rate",
    keras.callbacks.LearningRateScheduler: "lowers_learning_rate",
}
"""The callbacks of Keras that stop a run, save it or change its learning rate."""


End = Literal["min", "max"]

_ENDS: dict[str, End] = {"up": "max", "down": "min"}
"""Which end of a metric is better, by the word of Keras."""


class OtherCallbacks:
    """Describes the callbacks that share a run.

    Args:
        callbacks: The callbacks of `fit`.
        model: The model in `fit`.

    Example:
        >>> stopper = keras.callbacks.EarlyStopping("val_loss", patience=3)
        >>> others = OtherCallbacks([stopper], keras.Sequential())
        >>> [(one.class_name, one.patience, one.better) for one in others.describe()]
        [('EarlyStopping', 3, 'min')]
    """

    def __init__(self, callbacks: Sequence[keras.callbacks.Callback], model: keras.Model) -> None:
        self._callbacks = [one for one in callbacks if _action(one)]
        self._model = model

    def describe(self) -> tuple[CallbackFacts, ...]:
        """Return the `CallbackFacts` of each callback that is known to act on the run.

        Of a metric both ends are known once an epoch is over: Keras makes it in the first step.
        """
        return tuple(_describe(one, self._model) for one in self._callbacks)

    def who_stopped(self, epoch: int) -> str:
        """Return the class name of the callback that ended the run; `""` if none of these did.

        Args:
            epoch: The last epoch of the run, counted from 0.
        """
        stoppers = [one for one in self._callbacks if _action(one) == "stops"]
        names = [type(one).__name__ for one in stoppers if one.stopped_epoch == epoch > 0]
        return names[0] if names else ""


def _action(callback: keras.callbacks.Callback) -> CallbackAction | None:
    found = [action for kind, action in ACTIONS.items() if isinstance(callback, kind)]
    return found[0] if found else None


def _describe(callback: keras.callbacks.Callback, model: keras.Model) -> CallbackFacts:
    monitor = getattr(callback, "monitor", None)
    better = None if monitor is None else better_end(monitor, model)
    mode = getattr(callback, "mode", None)
    patience = getattr(callback, "patience", None)
    restores = [
        getattr(callback, name, None) for name in ("restore_best_weights", "save_best_only")
    ]
    return CallbackFacts(
        class_name=type(callback).__name__,
        action=_action(callback),
        monitor=monitor,
        looks_for=mode if mode in ("min", "max") else better,  # "auto" asks the metric as well
        better=better,
        patience=None if patience is None else int(patience),
        restores_best=next((bool(one) for one in restores if one is not None), None),
    )


def better_end(monitor: str, model: keras.Model) -> End | None:
    """Return whether a number of the logs is better when small or large, None if not known.

    Args:
        monitor: Its name, e.g. `"val_loss"`.
        model: The compiled model.

    Returns:
        `"min"` or `"max"`: of a loss `"min"`, of a metric what its class says.

    Example:
        >>> better_end("val_loss", keras.Sequential())
        'min'
    """
    name = monitor.removeprefix("val_")
    if name in ("loss", *(f"{output}_loss" for output in getattr(model, "output_names", ()))):
        return "min"
    found = {
        _ENDS.get(getattr(metric, "_direction", ""))
        for metric in _metrics(model)
        if metric.name == name or name.endswith(f"_{metric.name}")  # of several outputs
    }
    return found.pop() if len(found) == 1 else None


def _metrics(model: keras.Model) -> list[keras.metrics.Metric]:
    """Return the metrics of a model one by one, those that `compile` was given among them."""
    found: list[keras.metrics.Metric] = []
    for metric in model.metrics:
        found += getattr(metric, "metrics", None) or [metric]
    return found
