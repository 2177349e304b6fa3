"""One watched run, from the first step to the last: what the callbacks wire together."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import keras

from keras_babysit.backends import backend
from keras_babysit.backends.protocol import Arguments
from keras_babysit.callbacks.after_fit import is_in_fit
from keras_babysit.callbacks.bad_batch_search import BadBatchSearch
from keras_babysit.callbacks.epoch_logs import EpochLogs
from keras_babysit.callbacks.fork import Forks
from keras_babysit.callbacks.judging import JudgedMoment, Judging
from keras_babysit.callbacks.keeping import Keeping
from keras_babysit.callbacks.loop import Loop, LoopSteps
from keras_babysit.callbacks.measuring import Measuring
from keras_babysit.callbacks.other_callbacks import OtherCallbacks
from keras_babysit.callbacks.recorder_link import RecorderLink
from keras_babysit.callbacks.rule_runner import RuleRunner
from keras_babysit.callbacks.settings import Settings, check_model
from keras_babysit.callbacks.step_counter import StepCounter
from keras_babysit.callbacks.stepping import Stepping, first_batch
from keras_babysit.callbacks.stopping import Stopping
from keras_babysit.callbacks.tolerance import Tolerance
from keras_babysit.errors import brief, warn
from keras_babysit.findings import Finding
from keras_babysit.history import History
from keras_babysit.probes import Monitor, notices
from keras_babysit.probes.optimizer_state import accumulation
from keras_babysit.recorder import FlightRecorder
from keras_babysit.recorder.health import Health, RunHealth
from keras_babysit.samples import (
    ReferenceSample,
    has_memory,
    has_other_weights,
    kind_of,
    recall,
    remember,
    state_of,
    steps_of,
)
from keras_babysit.samples.batches import is_dense
from keras_babysit.schedule import Schedule, account_of
from keras_babysit.sinks import Report
from keras_babysit.typing import Batch, Logs

P = ParamSpec("P")
R = TypeVar("R")


class _CanBreak(Protocol):
    """What `guarded` needs of the object whose method it guards."""

    health: RunHealth

    def switch_off(self, error: Exception) -> None:
        """Give up watching."""


S = TypeVar("S", bound=_CanBreak)


_OFF = Health.OFF  # reading a member of an enum is a call in Python 3.11


def guarded(
    method: Callable[Concatenate[S, P], R],
) -> Callable[Concatenate[S, P], R | None]:
    """Keep a failure of the callback away from training: one warning, and the run is off."""

    @functools.wraps(method)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R | None:
        if self.health.state is _OFF:
            return None
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            self.switch_off(error)
            return None

    return call


class Session:
    """Watches one run of `fit`: passes each hook of Keras on to the part that it concerns.

    `Stepping` intercepts steps, `Keeping` keeps examples, `Measuring` measures and scores,
    `Judging` asks the rules and publishes, `Stopping` ends the run, `RecorderLink` connects the
    flight recorder. What they share is `health`, one state of the run.

    Args:
        model: The model.
        planned: What `fit` passes to its callbacks: `epochs`, and `steps` of an epoch or None.
        settings: The `Settings` of the callback.
        schedule: The `Schedule` of the run, started here; None for that of the settings.
        loop: The `Loop` of the user's that trains the model; None for `fit`.

    Attributes:
        health: The `RunHealth` of the run.
        history: The `History` of the run.
        monitor: The `Monitor` of the model.
        recorder: The `FlightRecorder` of the run, None without one.
        reference: The `ReferenceSample` of the run.
        schedule: The `Schedule` of the run.
        steps: The `StepCounter` of the run.

    Raises:
        NotCompiledError: If the model is not compiled.
        ProbeMismatchError: If the given examples do not fit the model.
    """

    def __init__(
        self,
        model: keras.Model,
        planned: Mapping[str, Any],
        settings: Settings,
        *,
        schedule: Schedule | None = None,
        loop: Loop | None = None,
    ) -> None:
        self.schedule = schedule or Schedule(
            settings.every, settings.budget, account=account_of(model)
        )
        self.schedule.start()
        with self.schedule.charging("other"):
            check_model(model, settings.given, must_be_compiled=loop is None)
        self.model = model
        self._loop = loop
        self.history = History()
        if loop is not None:
            self.history.note(is_own_loop=True)
        self.health = RunHealth()
        in_fit = loop is None and is_in_fit()
        self.steps: StepCounter = (
            LoopSteps(model, planned) if loop else StepCounter(model, planned, is_in_fit=in_fit)
        )
        every, done = accumulation(getattr(model, "optimizer", None))
        self.schedule.align(every, done, per_call=self.steps.per_call)
        self.reference = ReferenceSample(self.history, settings.given)
        self._epoch_logs = EpochLogs(self.history)
        self._worker, self._workers = backend.workers(model)
        self._optimizer: tuple[str, ...] = ()
        self._planned_steps = planned.get("steps")  # of an epoch
        self._resets = 0  # runs in a row that began with an optimizer that was reset
        self._quiet_until: float = 0  # the step before which nothing is due
        self._runner = RuleRunner(
            self.history, settings.rules, settings.sinks if self._worker == 0 else ()
        )
        self._parts = Tolerance(self._runner.note)
        self.monitor = Monitor(
            model,
            self.history,
            self.schedule,
            planned=planned,
            notice=self._runner.note,
            reference=self.reference,
            loop=loop,
        )
        self.recorder = self._make_recorder(settings)
        self._connect(settings, planned, loop)

    def _make_recorder(self, settings: Settings) -> FlightRecorder | None:
        if self._workers > 1 or (settings.record is None and settings.rescue is None):
            return None
        return FlightRecorder(
            self.model,
            folder=settings.record,
            rescue=settings.rescue,
            history=self.history,
            schedule=self.schedule,
            health=self.health,
            on_findings=self._hear_recorder,
            warn=warn,
        )

    def _connect(self, settings: Settings, planned: Mapping[str, Any], loop: Loop | None) -> None:
        model, schedule, steps = self.model, self.schedule, self.steps
        self._link = RecorderLink(self.recorder, self.history, self.health, steps)
        self._stopping = Stopping(model, settings, self._workers)
        self._others = OtherCallbacks([], model)
        self._search = BadBatchSearch(self.health, planned.get("steps"))
        self._stepping = loop or Stepping(model, steps, schedule)
        self._keeping = Keeping(self.reference, schedule, steps, self._search)
        self._forks = None
        if settings.try_remedies and loop is None:
            self._forks = Forks(
                model,
                self.history,
                self.reference,
                steps,
                schedule,
                workers=self._workers,
                judge=self._judge,
            )
        self._judging = Judging(
            self.history,
            self._runner,
            steps,
            health=self.health,
            search=self._search,
            stopping=self._stopping,
            recorder=self._link,
            forks=self._forks,
        )
        self._measuring = Measuring(
            model,
            self.monitor,
            schedule,
            steps,
            notice=self._runner.note,
            recorder=self._link,
            judge=self._judging.judge_and_publish,
        )

    @property
    def findings(self) -> list[Finding]:
        """Every finding of the run: root causes first, their symptoms behind each."""
        return self._runner.findings

    @property
    def has_stopped(self) -> bool:
        """Whether a finding was severe enough to stop the run."""
        return self._stopping.has_stopped

    @property
    def judgement(self) -> JudgedMoment | None:
        """The `JudgedMoment` that is made now, or was made last; None before the first."""
        return self._judging.latest

    # --- the run -----------------------------------------------------------------------------

    def start(self, callbacks: Sequence[keras.callbacks.Callback] = ()) -> None:
        """Start the sinks; one that cannot write raises here.

        Args:
            callbacks: The callbacks of `fit`.
        """
        self._others = OtherCallbacks(callbacks, self.model)
        self.history.note(started=datetime.now().astimezone().isoformat(timespec="seconds"))
        if self._workers > 1:
            self.history.note(worker=self._worker, workers=self._workers)
        try:
            with self.schedule.charging("other"):
                self._runner.open()
            self._link.start()
        except Exception:
            self.abandon()
            raise
        if self._worker > 0:
            self._stand_aside(notices.other_worker(self._worker, self._workers))
        elif not backend.is_whole(self.model):
            self._stand_aside(notices.weights_are_split())
        with self.schedule.charging("other"):
            self._parts.attempt("earlier", self._recall)

    def _recall(self) -> None:
        """Find out what the model was trained on before."""
        state = state_of(self.model)
        earlier = recall(self.model, state)
        self.reference.begin(earlier, self._planned_steps)
        self._optimizer, steps = kind_of(self.model), steps_of(self.model)
        self._resets = 0 if earlier is None else earlier.resets_until(steps, self._optimizer)
        if self._resets:
            self.history.note(optimizer_resets=self._resets)
        if steps and not has_other_weights(self.model, state):
            self.history.note(optimizer_steps_before=steps)  # they made the weights of now

    def _remember(self) -> None:
        """Keep what the model was trained on for its next run."""
        if self._loop is not None and not self._loop.calls_keras:
            return  # the variables may not hold the state of the loop
        per_epoch = self.steps.per_epoch
        is_whole = per_epoch is not None and self.steps.now >= per_epoch
        run = self.reference.as_earlier(
            state_of(self.model), steps=self._planned_steps if is_whole else None
        )
        if run is not None:
            run = dataclasses.replace(
                run,
                steps=steps_of(self.model),
                optimizer=self._optimizer,
                has_memory=has_memory(self.model),
                resets=self._resets,
            )
            remember(self.model, run, self.reference.earlier)

    def _stand_aside(self, sentence: str) -> None:
        """Leave this run alone from its start on, and note why."""
        self.health.switch_off()
        self._runner.note(sentence)
        self._runner.publish(self._runner.notices, step=0, epoch=0)

    def end(self) -> None:
        """Finish: judge a last time, put back what was borrowed, close the sinks."""
        self._stepping.call_off()
        self._search.end()
        self.history.note(has_ended=True)
        with self.schedule.charging("other"):
            self._finish()
            self._parts.attempt("earlier", self._remember)
        self._link.stop()
        with self.schedule.charging("other"):
            self._runner.close(Report(self.history, self.findings, self.schedule.overhead))
        self.schedule.settle()
        self.schedule.stop()

    @guarded
    def _finish(self) -> None:
        """Judge a last time, and measure once more if another callback ended the run."""
        for about, sentence in self.monitor.why_not_measured().items():
            self._runner.note(sentence, about)
        self._note_who_stopped()
        is_between_epochs = self.steps.now == self.steps.epoch_start
        if is_between_epochs and self.monitor.has_measured:
            self._measure_epoch(is_last=True)
        if self._forks is not None:
            self._forks.end()
        few = self.monitor.why_few_measurements(self.steps.now)
        if few is not None:
            self._runner.note(few, "layers")
            self.history.note(is_hardly_measured=True)
        self._judging.judge_and_publish()

    @guarded
    def _judge(self) -> None:
        self._judging.judge_and_publish()

    def _note_who_stopped(self) -> None:
        """Note which callback ended the run before its last planned epoch, if one did."""
        steps, planned = self.steps, self.history.facts.epochs
        if not self.model.stop_training or not planned or steps.epoch + 1 >= planned:
            return
        is_ours = self._stopping.has_stopped or bool(self._link.findings)
        name = "Babysitter" if is_ours else self._others.who_stopped(steps.epoch)
        self.history.note(stopped_by=name)

    def abandon(self) -> None:
        """Put back what is left of a run, whether or not it came to `end`."""
        self._stepping.call_off()
        if self._forks is not None:
            self._forks.end()
        self._link.stop()
        self._runner.leave()

    def switch_off(self, error: BaseException) -> None:
        """Give up watching this run, and say so once."""
        self.health.switch_off()
        self._stepping.call_off()
        self._link.stop()
        self.history.note(broke_off=brief(error))
        warn("keras-babysit is off for the rest of this run", error)

    # --- epochs ------------------------------------------------------------------------------

    @guarded
    def begin_epoch(self, epoch: int) -> None:
        """Note that an epoch begins."""
        self.steps.begin_epoch(epoch)
        self.schedule.expect(self.steps.planned, self.steps.planned_epochs)
        self._keeping.begin_epoch()
        with self.schedule.charging("other"):
            self._parts.attempt("measurements", self.monitor.note_learning_rate, self.steps)
        self._quiet_until = self.steps.now
        self._link.begin_epoch()

    @guarded
    def end_epoch(self, logs: Logs | None) -> None:
        """Record the epoch's own numbers, measure and score where that is due, and judge."""
        with self.schedule.charging("other"):
            self._look_back(logs or {})
        self._link.end_epoch()

    def _look_back(self, logs: Mapping[str, Any]) -> None:
        steps = self.steps
        steps.end_epoch()
        self._keeping.end_epoch()
        if not self.history.facts.callbacks:
            self._parts.attempt("callbacks", self._describe_callbacks)
        is_lost = bool(self._parts.attempt("logs", self._record_logs, logs))
        is_last = steps.is_last_epoch
        has_measured = self._measure_epoch(is_last=is_last, must_probe=is_lost)
        must_judge = has_measured or is_last or is_lost or self._judging.acts_at_once
        if must_judge or self.schedule.is_end_due("judge", steps.epochs_done + 1):
            with self.schedule.charging("judge"):
                self._judging.judge_and_publish()

    def _record_logs(self, logs: Mapping[str, Any]) -> bool:
        model = None if self._loop else self.model
        is_lost = self._epoch_logs.record(self.steps.now, self.steps.epoch, logs, model)
        if self._epoch_logs.left_out:
            self._runner.note(notices.means_not_updated(self._epoch_logs.left_out), "logs")
        return is_lost

    def _describe_callbacks(self) -> None:
        self.history.note(callbacks=self._others.describe())

    def _measure_epoch(self, **options: bool) -> bool:
        measure = functools.partial(self._measuring.end_epoch, **options)
        return bool(self._parts.attempt("measurements", measure))

    # --- steps -------------------------------------------------------------------------------

    @guarded
    def expect_step(self, batch: int) -> None:
        """Intercept the step that comes next, if anything is due.

        This runs before every step: where nothing is due, it must cost next to nothing.
        """
        step = self.steps.expect(batch)
        if self.recorder is not None:
            self.recorder.expect(step, self.steps.epoch, batch)
        if step >= self._quiet_until:
            with self.schedule.charging("other"):
                self._consider(step)

    def _consider(self, step: int) -> None:
        is_due, is_wanted = self.schedule.is_due(step), self._keeping.wants(step)
        if is_due or is_wanted or self._search.is_on:
            see = functools.partial(self._see_step, is_due)
            self._stepping.intercept_train(see, self._after_step)
        if self._forks is not None:
            self._parts.attempt("remedies", self._forks.expect_step)
        self._quiet_until = min(self.schedule.next_step, self._keeping.next_step)
        if self._search.is_on:
            self._quiet_until = step

    @guarded
    def _see_step(self, is_due: bool, arguments: Arguments, batches: Sequence[Batch]) -> Any:
        batch = first_batch(batches)
        if batch is not None:
            self.monitor.note_form(batches[0])
            self._keep(batch, self._keeping.keep)
        if is_due and self._loop is None and self.steps.now > self.steps.epoch_start:
            self._parts.attempt("logs", self._look_at_metrics, arguments)
        measure = self._measuring.before_step
        return self._parts.attempt("measurements", measure, is_due, arguments, batch)

    def _look_at_metrics(self, arguments: Arguments) -> None:
        self._epoch_logs.look(self.model, backend.state(self.model, arguments))

    def _keep(self, batch: Batch, keep: Callable[[Batch], None]) -> None:
        """Keep a batch; keep none from now on if it cannot be read."""
        if self._parts.is_on("examples") and is_dense(batch):
            self._parts.attempt("examples", keep, batch)
        elif self._parts.is_on("examples"):
            self._runner.note(notices.batches_not_kept(), "examples")
            self._keeping.give_up()
        if not self._parts.is_on("examples"):
            self._keeping.give_up()

    @guarded
    def _after_step(self, known: Any, result: Any) -> None:
        self._parts.attempt("measurements", self._measuring.after_step, known, result)

    @guarded
    def expect_validation_step(self, index: int) -> None:
        """Keep the batch at `index` of a pass over the validation data, if it is wanted."""
        if self._keeping.wants_validation(index):
            self._stepping.intercept_test(functools.partial(self._see_validation_step, index))

    @guarded
    def _see_validation_step(
        self, index: int, arguments: Arguments, batches: Sequence[Batch]
    ) -> None:
        batch = first_batch(batches)
        if batch is not None:
            self._keep(batch, functools.partial(self._keeping.keep_validation, index))

    @guarded
    def take_validation(self, batch: Batch) -> None:
        """Keep a batch of validation data that a loop of the user's hands over."""
        if self._keeping.wants_validation(0):
            self._keep(batch, functools.partial(self._keeping.keep_validation, 0))

    # --- the flight recorder -----------------------------------------------------------------

    @guarded
    def _hear_recorder(self, skipped: int | None) -> None:
        """Publish what the recorder did; measure no more on a batch that it left out."""
        if skipped is not None:
            self._keeping.forget(skipped)
        self._judging.judge_and_publish()
