"""When the monitor measures and scores: before and after a step, and at the end of an epoch."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from keras_babysit.backends import backend
from keras_babysit.backends.protocol import Arguments
from keras_babysit.callbacks.recorder_link import RecorderLink
from keras_babysit.callbacks.step_counter import StepCounter
from keras_babysit.history import Measurement
from keras_babysit.probes import Monitor, build_optimizer
from keras_babysit.schedule import Schedule
from keras_babysit.typing import Batch


class Measuring:
    """Takes the probes and scores of one run, and charges the schedule for them.

    Args:
        model: The model in `fit`.
        monitor: The `Monitor` of the run.
        schedule: A started `Schedule`.
        steps: The `StepCounter` of the run.
        notice: Called with a sentence when nothing can be measured.
        recorder: The `RecorderLink` of the run.
        judge: Called without arguments once a step was measured.
    """

    def __init__(
        self,
        model: keras.Model,
        monitor: Monitor,
        schedule: Schedule,
        steps: StepCounter,
        *,
        notice: Callable[[str], None],
        recorder: RecorderLink,
        judge: Callable[[], None],
    ) -> None:
        self._model = model
        self._monitor = monitor
        self._schedule = schedule
        self._steps = steps
        self._notice = notice
        self._recorder = recorder
        self._judge = judge
        self._measurements: Sequence[Measurement] = []  # of the latest probe
        self._probed_at = self._scored_at = 0  # the end of an epoch at which that was done last
        self._has_seen_batches = False  # those of `tf.distribute` cannot be seen

    def before_step(
        self, is_due: bool, arguments: Arguments, batch: Batch | None
    ) -> tuple[Any, float] | None:
        """Measure the state before a step, if that is due.

        Args:
            is_due: Whether a probe is due.
            arguments: Arguments of Keras' train function.
            batch: The batch of the step, None if it cannot be seen.

        Returns:
            What `after_step` needs to know; None if nothing was measured.
        """
        self._has_seen_batches = self._has_seen_batches or batch is not None
        is_over = self._has_seen_batches and batch is None and self._steps.may_be_over
        if not is_due or is_over:
            return None
        backend.wait(backend.state(self._model, arguments)[0])  # what is pending is not our cost
        if self._steps.is_in_fit:
            build_optimizer(self._model)  # nor is what Keras would build in this step
        start = self._schedule.clock()
        if not self._is_probed:
            self._probe(arguments, batch)
            if not self._measurements and batch is None:
                self._notice(self._monitor.why_no_batch)
        self._recorder.note_state(self._measurements)
        before = None
        if self._measurements:
            before = self._monitor.before_step(arguments, batch, self._steps.now)
        return before, self._schedule.clock() - start

    def after_step(self, known: tuple[Any, float] | None, result: Any) -> None:
        """Measure the update of a step, and have the run judged.

        Args:
            known: What `before_step` returned.
            result: Result of Keras' train function.
        """
        if known is None:
            return
        before, seconds = known
        backend.wait(result)
        steps, schedule = self._steps, self._schedule
        start = schedule.clock()
        self._monitor.measure_update(before, result, steps.now, steps.epoch, steps.per_call)
        self._recorder.check_weights(self._measurements)
        self._judge()
        seconds += schedule.clock() - start
        if self._is_probed:
            schedule.charge("other", seconds)
        else:
            schedule.charge("probe", seconds)
            schedule.probes += 1
        schedule.note_probe(steps.now)

    def end_epoch(self, *, is_last: bool, must_probe: bool = False) -> bool:
        """Take a score and a probe, each at most once, where that is due.

        Args:
            is_last: Whether the run ends with this epoch.
            must_probe: Whether to take the probe whatever is planned.

        Returns:
            Whether one of them was taken.
        """
        step, schedule = self._steps.now, self._schedule
        epoch = self._steps.epochs_done + 1
        with schedule.charging("other"):
            self._monitor.compare_data()  # also in runs too short for a score
        is_scored = self._scored_at < step and schedule.is_end_due("score", epoch, is_last=is_last)
        if is_scored:
            # What has exploded is scored like the rest.
            with np.errstate(all="ignore"), schedule.charging("score"):
                self._monitor.score(step, self._steps.epoch)
            self._scored_at = step
        can_probe = self._probed_at < step and self._monitor.can_use_reference
        is_probed = can_probe and (
            must_probe or schedule.is_end_due("probe", epoch, is_last=is_last)
        )
        if is_probed:
            with schedule.charging("probe"):
                self._probe(None, None)
            self._recorder.check_weights(self._measurements)
            schedule.probes += 1
            self._probed_at = step
        return is_scored or is_probed

    @property
    def _is_probed(self) -> bool:
        """Whether the state before this step was measured at the end of the epoch before it."""
        return 0 < self._steps.now == self._probed_at

    def _probe(self, arguments: Arguments | None, batch: Batch | None) -> None:
        steps = self._steps
        self._measurements = self._monitor.measure(steps.now, steps.epoch, arguments, batch)
