"""The progress of a run: its epoch, and the steps that are done and planned."""

from collections.abc import Mapping
from typing import Any

import keras

from keras_babysit.backends import backend


class StepCounter:
    """Counts the optimizer steps of one run, which the hooks of Keras show only in part.

    Args:
        model: The model.
        planned: What `fit` passes to its callbacks: `epochs`, and `steps` of an epoch or None.
        is_in_fit: Whether `fit` announces the steps; a loop of the user's own takes each of them.

    Attributes:
        now: Steps done before the one that comes next.
        epoch: The epoch, counted from 0; a run that is resumed begins later.
        epoch_start: Steps done before this epoch.
    """

    def __init__(
        self, model: keras.Model, planned: Mapping[str, Any], *, is_in_fit: bool = True
    ) -> None:
        self.is_in_fit = is_in_fit
        self.now = self.epoch_start = 0
        self.epoch = self._first_epoch = 0
        self._model = model
        self._planned = planned

    def begin_epoch(self, epoch: int) -> None:
        """Note that an epoch begins."""
        if self.epoch_start == 0:
            self._first_epoch = epoch
        self.epoch = epoch
        self.now = self.epoch_start

    def expect(self, batch: int) -> int:
        """Note that the step at index `batch` of this epoch comes next; return `now`."""
        self.now = self.epoch_start + batch
        return self.now

    def end_epoch(self) -> None:
        """Note that an epoch is over."""
        self.now = self.epoch_start = self._done()

    @property
    def epochs_done(self) -> int:
        """Number of epochs of this run that are over."""
        return self.epoch - self._first_epoch

    @property
    def is_last_epoch(self) -> bool:
        """Whether this epoch is the last one, as far as that is known at its end."""
        return self.epoch + 1 == self._planned.get("epochs") or self._model.stop_training

    @property
    def per_epoch(self) -> float | None:
        """Steps of an epoch, None while that is not known.

        For a generator, it is known after the first epoch.
        """
        known = self._planned.get("steps")
        if not known and self.epochs_done:
            return self.epoch_start / self.epochs_done
        return known or None

    @property
    def planned(self) -> int | None:
        """Steps of the whole run, None while that is not known."""
        epochs, steps = self.planned_epochs, self.per_epoch
        return round(steps * epochs) if epochs and steps else None

    @property
    def planned_epochs(self) -> int | None:
        """Epochs of the whole run, None if that is not known."""
        epochs: int | None = self._planned.get("epochs")
        return epochs - self._first_epoch if epochs else None

    @property
    def per_call(self) -> int:
        """Steps in one call of Keras' train function."""
        return int(getattr(self._model, "steps_per_execution", 1) or 1)

    @property
    def may_be_over(self) -> bool:
        """Whether the announced step may not take place, because the data have ended."""
        has_begun = self.now > self.epoch_start
        is_open = self.is_in_fit and not self._planned.get("steps")
        return backend.ANNOUNCES_THE_END and is_open and has_begun

    def _done(self) -> int:
        """Return the steps done at the end of an epoch; the hooks do not show the last one."""
        steps: int | None = self._planned.get("steps")
        if steps and not self._model.stop_training:
            return self.epoch_start + steps
        if self.may_be_over and not self._model.stop_training:
            return self.now
        return self.now + self.per_call
