"""Which batches of a run are kept for the reference sample, and when."""

import math

from keras_babysit.callbacks.bad_batch_search import BadBatchSearch
from keras_babysit.callbacks.step_counter import StepCounter
from keras_babysit.samples import ReferenceSample
from keras_babysit.schedule import Schedule
from keras_babysit.typing import Batch


class Keeping:
    """Keeps batches for the reference sample, over as many epochs as it takes to fill it.

    Args:
        reference: The `ReferenceSample` to fill.
        schedule: A started `Schedule`.
        steps: The `StepCounter` of the run.
        search: The `BadBatchSearch` of the run: while it is on, batches are searched, not kept.

    Attributes:
        next_step: The step at which to ask again whether a training batch is wanted.
    """

    def __init__(
        self,
        reference: ReferenceSample,
        schedule: Schedule,
        steps: StepCounter,
        search: BadBatchSearch,
    ) -> None:
        self.next_step: float = 0
        self._reference = reference
        self._schedule = schedule
        self._steps = steps
        self._search = search
        self._is_on = True  # whether training batches of this epoch are kept
        self._must_look = False  # whether no batch of this epoch was seen, after the first one
        self._is_off = False
        self._validation_batch = -1  # the latest one of a pass over the validation data

    def begin_epoch(self) -> None:
        """Note that an epoch begins.

        After the first, only a small sample is filled further, and one batch is looked at.
        """
        reference = self._reference
        self._is_on = self._steps.now == 0 or reference.is_small or reference.wants_order
        self._must_look = self._steps.now > 0

    def end_epoch(self) -> None:
        """Note that an epoch and its pass over the validation data are over."""
        self._reference.end_validation(self._validation_batch + 1)

    def wants(self, step: int) -> bool:
        """Return whether to keep the batch of the step that comes next, or to look at it."""
        if self._is_off:
            self.next_step = math.inf
            return False
        if self._must_look:
            self.next_step = step + 1
            return True
        reference = self._reference
        if not self._is_on or reference.is_given or reference.is_carried or reference.is_whole:
            self.next_step = math.inf
            return False
        sample = reference.train
        self.next_step = sample.next_index(step)
        return sample.wants(step)

    def keep(self, batch: Batch) -> None:
        """Keep a training batch if the sample wants it, and count the examples that repeat.

        If weights are not finite for an unknown reason, the batch is searched for it instead.
        """
        with self._schedule.charging("keep"):
            steps, reference, search = self._steps, self._reference, self._search
            if steps.epochs_done:
                reference.note_recurrence(batch, steps.per_epoch)
                reference.note_order(steps.now - steps.epoch_start, batch)
            reference.look_at(steps.now, steps.epoch, batch)
            is_look, self._must_look = self._must_look and not self._is_on, False
            if search.is_on:
                search.note(steps.per_call)
            if search.is_on or is_look:
                found = reference.search(steps.now, steps.epoch, batch)
            else:
                found = reference.take_train_batch(steps.now, steps.epoch, batch)
            if found:
                search.end()

    def give_up(self) -> None:
        """Keep nothing more, and search no more: the batches cannot be read."""
        self._is_off = True
        self._search.end()

    def forget(self, step: int) -> None:
        """Give up the batch of a step, which training left out."""
        self._reference.forget(step)

    def wants_validation(self, index: int) -> bool:
        """Return whether to keep the batch at `index` of a pass over the validation data."""
        self._validation_batch = index
        return not self._is_off and self._reference.wants_validation_batch(index)

    def keep_validation(self, index: int, batch: Batch) -> None:
        """Keep the batch at `index` of a pass over the validation data if the sample wants it."""
        with self._schedule.charging("keep_validation"):
            self._reference.take_validation_batch(index, batch)
