"""The flight recorder of one run: keeps what a replay needs, and acts when the run is lost."""

from __future__ import annotations

import enum
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_babysit.backends import backend
from keras_babysit.backends.protocol import Arguments, Values
from keras_babysit.backends.untouched import untouched_state
from keras_babysit.findings import Finding
from keras_babysit.history import History
from keras_babysit.recorder.attachment import Attachment
from keras_babysit.recorder.batch_keeper import BatchKeeper, steps_per_call
from keras_babysit.recorder.incident import investigate
from keras_babysit.recorder.reporter import Reporter
from keras_babysit.recorder.rescuer import Rescuer
from keras_babysit.recorder.snapshot import Position, Snapshot
from keras_babysit.recorder.state_keeper import StateCheck, StateKeeper
from keras_babysit.recorder.vitals import learning_rate_index
from keras_babysit.schedule import Schedule
from keras_babysit.typing import Batch

if TYPE_CHECKING:
    from keras_babysit.recorder.health import RunHealth
    from keras_babysit.recorder.incident import Incident
    from keras_babysit.recorder.rescue import Rescue
    from keras_babysit.recorder.ring import Ring


class Phase(enum.Enum):
    """Where in a run its recorder is."""

    BETWEEN_EPOCHS = "between epochs"
    """Before the first step of an epoch, or after its last one."""

    IN_EPOCH = "in an epoch"
    """From the begin of an epoch to the end of its steps."""

    OVER = "over"
    """Nothing is kept any more: the run ended, was not rescued, or the recorder failed."""


class FlightRecorder:
    """Keeps the state and the batches of a run; finds out what happened and acts when it is lost.

    It stands in place of the model's train function. Its cost per step is that of keeping a
    reference; snapshots keep to the budget.

    Args:
        model: A compiled `keras.Model` in `fit`.
        folder: Where bundles go; None writes none.
        rescue: A `Rescue`, or None to leave the run as it is.
        history: The `History` of the run.
        schedule: Its started `Schedule`.
        health: Its `RunHealth`. Once it is lost, whoever said so, the run is investigated at the
            next step or at the end of the epoch.
        on_findings: Called when there is more in `findings`, with the step of the batch that was
            skipped, None if none was.
        warn: Called with a sentence and an error.
        ring: The `Ring` that keeps batches; a new one by default.

    Attributes:
        phase: The current `Phase`.
        position: The `Position` of the run.
        health: The `RunHealth`.
        attachment: How it is there: an `Attachment`.
        batches: What it keeps of the data: a `BatchKeeper`.
        states: What it keeps of the state: a `StateKeeper`.
    """

    def __init__(
        self,
        model: Any,
        *,
        folder: str | os.PathLike[str] | None,
        rescue: Rescue | None,
        history: History,
        schedule: Schedule,
        health: RunHealth,
        on_findings: Callable[..., None],
        warn: Callable[..., None],
        ring: Ring | None = None,
    ) -> None:
        self.model = model
        self.phase = Phase.BETWEEN_EPOCHS
        self.position = Position()
        self.health = health
        self.attachment = Attachment(model, on_step=self._run_step, on_steps_end=self._end_steps)
        needs_batches = folder is not None or (rescue is not None and rescue.max_times > 0)
        self.batches = BatchKeeper(model, is_on=needs_batches, ring=ring)
        self.states = StateKeeper(model, self.batches.ring, history=history, schedule=schedule)
        self._reporter = Reporter(model, folder, warn=warn)
        self._rescuer = None
        if rescue is not None:
            self._rescuer = Rescuer(model, rescue, health=health, report=self._reporter.add)
        self._on_findings, self._warn = on_findings, warn
        self._expected: tuple[int, int, int] | None = (
            None  # step, epoch and batch index of the step that comes next
        )
        self._epoch_start = 0

    @property
    def findings(self) -> list[Finding]:
        """What was found and done since the run was last well."""
        return self._reporter.findings

    def start(self) -> None:
        """Take the place of the train function.

        Raises:
            ValueError: If the learning rate is to be lowered but follows a schedule.
        """
        if self._rescuer is not None:
            _check_learning_rate(self.model, self._rescuer.rescue)
        self._reporter.start()
        self.attachment.attach()

    def begin_epoch(self, epoch: int, step: int) -> None:
        """Note that an epoch begins, with `step` steps done."""
        if self.phase is Phase.OVER:
            return
        self.phase = Phase.IN_EPOCH
        self.position = Position(self.position.call, step, epoch)
        self._epoch_start = step
        self.states.begin_epoch()

    def expect(self, step: int, epoch: int, batch_index: int) -> None:
        """Note the step that comes next: without that the recorder takes itself away."""
        if self.phase is Phase.OVER:
            return
        self._expected = (step, epoch, batch_index)
        self.attachment.attach()

    def measured(self, is_good: bool) -> None:
        """Note that the state before the step that comes next was measured."""
        self.states.measured(is_good)

    def end_epoch(self) -> None:
        """Look into a loss that was reported after the last step of an epoch."""
        if self.phase is Phase.IN_EPOCH:  # Keras did not say that its steps are over
            self._end_steps()
        elif self.health.is_lost:
            self._guarded(self._respond, None)

    def stop(self) -> None:
        """Take everything away, and let go of what was kept."""
        self.phase = Phase.OVER
        self.attachment.detach()
        self.batches.clear()
        self.states.snapshots.clear()

    def _guarded(self, function: Callable[..., Any], *arguments: Any, otherwise: Any = None) -> Any:
        """Keep a failure of the recorder away from training: one warning, and it is off."""
        if self.phase is Phase.OVER:
            return otherwise
        try:
            return function(*arguments)
        except Exception as error:
            self.stop()
            self._warn("The flight recorder is off for the rest of this run", error)
            return otherwise

    # --- around a step and the end of an epoch ---------------------------------------------------

    def _run_step(self, *arguments: Any) -> Any:
        """Stand in for the train function."""
        if self._expected is None:  # another `fit`, or one that went on without callbacks
            self.attachment.detach()
            return self.attachment.run_step(*arguments)
        (step, epoch, batch_index), self._expected = self._expected, None
        before = self.position = Position(self.position.call, step, epoch)
        arguments = self._guarded(self._look_at_state, arguments, otherwise=arguments)
        batches: list[Batch] = []
        if self.phase is not Phase.OVER:
            batches, arguments = self.batches.take(arguments)
            self._guarded(self.batches.keep, before, batch_index, batches, arguments)
        try:
            result = self.attachment.run_step(*arguments)
        except BaseException:
            self.batches.cancel(batches)
            raise
        self.position = Position(before.call + 1, step + steps_per_call(self.model), epoch)
        return result

    def _look_at_state(self, arguments: Arguments) -> Any:
        """Look at the state before a step where it is time to; return the arguments to use."""
        self.states.note_initial(self.position, arguments)
        if not self.health.is_lost:
            self._note(self.states.check_if_due(self.position, arguments))
        if not self.health.is_lost:
            return arguments
        if self._rescuer is not None and not self._rescuer.can_continue:
            self.model.stop_training = True  # the state is restored when the step is over
            return arguments
        return self._respond(arguments)

    def _end_steps(self) -> None:
        """Look at the loss of an epoch whose steps are over."""
        if self.phase is Phase.IN_EPOCH:
            self.phase = Phase.BETWEEN_EPOCHS
            self._guarded(self._look_at_epoch)
        elif self.phase is Phase.OVER:
            self.attachment.detach()

    def _look_at_epoch(self) -> None:
        if not self.health.is_lost:
            self._note(self.states.check_at_epoch_end(self.position, self._epoch_start))
        if self.health.is_lost:
            self._respond(None)

    def _note(self, check: StateCheck | None) -> None:
        """Bring the run's health up to what a check of its state shows."""
        if check is StateCheck.LOST:
            self.health.lose()
        elif check is StateCheck.GOOD:
            self.health.resolve()
            self._reporter.clear()  # a rescue has held

    # --- when the run is lost --------------------------------------------------------------------

    def _respond(self, arguments: Arguments | None) -> Arguments | None:
        """Investigate a run that is lost, report what was found, and rescue it if wanted.

        Args:
            arguments: Those of the train function, None outside of a step.

        Returns:
            The arguments to use instead.
        """
        states, values, skipped = self.states, None, None
        now = states.take(self.position, arguments, is_confirmed=True)
        rate = self._learning_rate(arguments)
        box = self.batches.sandbox(self.attachment.train_function, arguments)
        with untouched_state(self.model), box as box:
            incident = investigate(
                self.model,
                box,
                self.batches.ring,
                states.snapshots,
                now=now,
                limit=states.limit,
                known=states.known,
            )
            if incident.is_well:
                states.start_from(now)
                self.health.resolve()
                return arguments
            self._reporter.report(incident, box, limit=states.limit)
            if self._rescuer is not None:
                skipped = self._rescuer.skipped_step(incident)
                values = self._rescuer.restore(incident, self.position, rate)
        if values is not None:
            arguments = backend.exchange(self.model, arguments, values)
        self._conclude(incident, values)
        self._on_findings(skipped)
        return arguments

    def _conclude(
        self,
        incident: Incident,
        values: Values | None,
    ) -> None:
        """Go on from restored values, or end the recording."""
        if values is None or self._rescuer is None or not self._rescuer.can_continue:
            self.stop()
            self.model.stop_training = self.model.stop_training or self._rescuer is not None
            return
        previous = None if incident.bad is None else incident.bad.previous
        self.batches.ring.clear(good=None if previous is None else previous[0])
        self.states.start_from(Snapshot.at(self.position, values, is_confirmed=True))
        self.health.rescue(self.position.step)

    def _learning_rate(self, arguments: Arguments | None) -> np.ndarray | None:
        index = learning_rate_index(self.model)
        if index is None:
            return None
        return np.array(backend.to_numpy(backend.state(self.model, arguments)[2][index]))


def _check_learning_rate(model: Any, rescue: Rescue) -> None:
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if rescue.lr_factor < 1 and not hasattr(getattr(optimizer, "_learning_rate", None), "assign"):
        raise ValueError(
            "`Rescue(lr_factor=...)` below 1 needs a learning rate that is a number; that of this "
            f"optimizer follows a schedule. Received: lr_factor={rescue.lr_factor}. Use "
            "`lr_factor=1.0`."
        )
