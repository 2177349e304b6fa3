"""What connects the flight recorder of a run with what is measured and judged."""

import math
from collections.abc import Sequence

from keras_babysit.callbacks.step_counter import StepCounter
from keras_babysit.findings import Finding
from keras_babysit.history import History, Measurement
from keras_babysit.recorder import FlightRecorder
from keras_babysit.recorder.health import RunHealth
from keras_babysit.rules.loss_explosion import explosion_limit


class RecorderLink:
    """Tells the flight recorder of a run, if there is one, what the measurements mean for it.

    Args:
        recorder: A `FlightRecorder`, or None.
        history: The `History` of the run.
        health: The `RunHealth` of the run.
        steps: The `StepCounter` of the run.

    Attributes:
        recorder: The same `FlightRecorder`, or None.
    """

    def __init__(
        self,
        recorder: FlightRecorder | None,
        history: History,
        health: RunHealth,
        steps: StepCounter,
    ) -> None:
        self.recorder = recorder
        self._history = history
        self._health = health
        self._steps = steps

    @property
    def is_on(self) -> bool:
        """Whether there is a flight recorder."""
        return self.recorder is not None

    @property
    def findings(self) -> list[Finding]:
        """What the recorder found and did."""
        return [] if self.recorder is None else self.recorder.findings

    def start(self) -> None:
        """Start to record."""
        if self.recorder is not None:
            self.recorder.start()

    def begin_epoch(self) -> None:
        """Note that an epoch begins."""
        if self.recorder is not None:
            self.recorder.begin_epoch(self._steps.epoch, self._steps.now)

    def end_epoch(self) -> None:
        """Note that an epoch is over."""
        if self.recorder is not None:
            self.recorder.end_epoch()

    def stop(self) -> None:
        """Stop recording and let go of what was kept."""
        if self.recorder is not None:
            self.recorder.stop()

    def note_state(self, measurements: Sequence[Measurement]) -> None:
        """Note that the state before the next step was measured, and whether it is a good one."""
        if self.recorder is not None:
            self.recorder.measured(self._is_good(measurements))

    def check_weights(self, measurements: Sequence[Measurement]) -> None:
        """Report a loss where weights are not finite, whatever rule explains that.

        A loss does not count: it may be measured on the reference sample, in a batch that was
        skipped.
        """
        if self.recorder is not None and any(
            one.quantity == "weights/norm"
            and not math.isfinite(one.value)
            and not self._health.is_past(one.step)
            for one in measurements
        ):
            self._health.lose()

    def _is_good(self, measurements: Sequence[Measurement]) -> bool:
        """Return whether weights that gave these measurements are worth going back to."""
        losses = [one.value for one in measurements if one.quantity == "loss/batch"]
        if not losses or self._health.is_lost:
            # Before the first step there is no better state, whatever its loss is.
            return self._steps.now == 0 and not self._health.is_lost
        limit = explosion_limit(self._history)
        return math.isfinite(losses[-1]) and (limit is None or bool(losses[-1] <= limit))
