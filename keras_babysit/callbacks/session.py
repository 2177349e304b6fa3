"""One watched run, from the first step to the last: what the callbacks wire together."""

import functools
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from keras_babysit.backends import backend
from keras_babysit.callbacks._warnings import brief, warn
from keras_babysit.callbacks.bad_batch_search import BadBatchSearch
from keras_babysit.callbacks.rule_runner import RuleRunner
from keras_babysit.callbacks.step_counter import StepCounter
from keras_babysit.errors import NotCompiledError, ProbeMismatchError
from keras_babysit.findings import CONDITIONS, Finding, Severity
from keras_babysit.history import History, Measurement
from keras_babysit.probes import Monitor, build_optimizer, intercept
from keras_babysit.recorder import FlightRecorder, Rescue
from keras_babysit.recorder.health import RunHealth
from keras_babysit.rules import RuleLike, Rules
from keras_babysit.rules.loss_explosion import EXPLODED
from keras_babysit.samples import ReferenceSample, UserProbeData
from keras_babysit.samples.batches import size
from keras_babysit.schedule import Schedule
from keras_babysit.schedule.schedule import retry_step
from keras_babysit.sinks import Report, Sink


@dataclass(frozen=True)
class Settings:
    """What a user chose; the same for every run of one callback."""

    rules: Rules[RuleLike]
    given: UserProbeData | None = None
    every: Any = "auto"
    budget: float = 0.02
    stop_on: Severity | None = None
    record: str | os.PathLike | None = None
    rescue: Rescue | None = None
    sinks: Sequence[Sink] = ()


def guarded(method):
    """Keep a failure of the watcher away from training: one warning, and the watcher is off."""

    @functools.wraps(method)
    def call(self, *args, **kwargs):
        if self.is_off:
            return None
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            self.switch_off(error)
            return None

    return call


class Session:
    """Watches one run of `fit`.

    Args:
        model: The model.
        planned: What `fit` tells its callbacks: `epochs`, and `steps` of an epoch or None.
        settings: What the user chose.

    Raises:
        NotCompiledError: If the model is not compiled.
        ProbeMismatchError: If the given examples do not fit the model.
    """

    def __init__(self, model, planned, settings):
        self.schedule = Schedule(settings.every, settings.budget)
        self.schedule.start()
        with self.schedule.charging("other"):
            _check(model, settings.given)
        self.model = model
        self.settings = settings
        self.history = History()
        self.is_off = False
        self._steps = StepCounter(model, planned)
        self._quiet_until = 0  # the step before which there is nothing to look at
        self._next_keep = 0  # the step at which the next batch may be kept
        self._next_validation_keep = 0  # the same in a pass over the validation data
        self._validation_step = -1  # the latest one in a pass
        self._sees_batches = False  # those of `tf.distribute` cannot be looked at
        self._is_keeping = True  # whether batches of this epoch are kept for the sample
        self._probed_at = self._scored_at = 0  # the epoch's end at which that was done last
        self._found = []  # what the probe of that end brought
        self._place, self._workers = backend.workers(model)
        sinks = settings.sinks if self._place == 0 else ()
        self._judge = RuleRunner(self.history, settings.rules, sinks)
        self._limit = settings.stop_on if self._workers == 1 else None
        self._call_off = _nothing  # calls off what was put in place of a step function
        self._is_known_lost = False
        self._hunt = BadBatchSearch(planned.get("steps"))
        self._record_of_fit = getattr(model, "history", None)  # Keras makes one for each `fit`
        self._is_lost = False  # whether a fatal rule holds
        self._recorder = self._make_recorder()
        self._kept = ReferenceSample(self.history, settings.given)
        self._monitor = Monitor(
            model,
            self.history,
            self.schedule,
            planned=planned,
            notice=self._judge.note,
            kept=self._kept,
        )

    @property
    def findings(self):
        """Every advice of the run: root causes first, their symptoms behind each."""
        return self._judge.findings

    def start(self):
        """Start the sinks; one that cannot write raises here."""
        if self._workers > 1:
            self.history.note(worker=self._place, workers=self._workers)
        try:
            with self.schedule.charging("other"):
                self._judge.open()
            if self._recorder is not None:
                self._recorder.start()
        except Exception:
            self.abandon()
            raise
        if self._place > 0:
            self._stand_aside(
                f"Not watched: this is worker {self._place} of {self._workers}, counted from 0. "
                "Worker 0 watches and reports."
            )
        elif not backend.is_whole(self.model):
            self._stand_aside(
                "Not watched: the weights are split over several processes, and to read them "
                "takes all of these."
            )

    def _stand_aside(self, sentence):
        """Leave this run alone from its start on, and note why."""
        self.is_off = True
        self._judge.note(sentence)
        self._judge.publish(self._judge.holding(), step=0, epoch=0)

    @guarded
    def begin_epoch(self, epoch):
        """Note that an epoch begins."""
        steps = self._steps
        steps.begin_epoch(epoch)
        self.schedule.expect(steps.planned)
        self._next_validation_keep = 0
        self._quiet_until = steps.now
        self._is_keeping = steps.now == 0 or self._kept.is_small
        if self._recorder is not None:
            self._recorder.begin_epoch(epoch, steps.now)

    @guarded
    def expect_step(self, batch):
        """Look at the step that comes next, if there is a reason to.

        This runs before every step: what is not looked at must cost next to nothing.
        """
        step = self._steps.expect(batch)
        if self._recorder is not None:
            self._recorder.expect(step, self._steps.epoch, batch)
        if step >= self._quiet_until:
            with self.schedule.charging("other"):
                self._consider(step)

    def _consider(self, step):
        is_due, is_wanted = self.schedule.is_due(step), self._wants_batch(step)
        if is_due or is_wanted or self._hunt.is_on:
            before = functools.partial(self._before_step, is_due)
            self._intercept("train_function", before, self._after_step)
        self._quiet_until = min(self.schedule.next_step, self._next_keep)
        if self._hunt.is_on:
            self._quiet_until = step

    @guarded
    def expect_validation_step(self, batch):
        """Keep validation examples, in as many passes over them as the budget needs."""
        self._validation_step = batch
        if batch < self._next_validation_keep or not self._kept.wants_validation_batch(batch):
            return
        if self.schedule.affords("keep_validation", self._steps.now):
            before = functools.partial(self._before_validation_step, batch)
            self._intercept("test_function", before, lambda known, result: None)
        else:
            self._next_validation_keep = retry_step(batch)

    @guarded
    def end_epoch(self, logs):
        """Record the epoch's own numbers, probe and score if the budget allows, and judge."""
        with self.schedule.charging("other"):
            self._look_back(logs)
        if self._recorder is not None:
            self._recorder.end_epoch()

    def _look_back(self, logs):
        self._steps.end_epoch()
        self._kept.validation_batches = self._validation_step + 1
        is_lost = self._record_logs(logs or {})
        is_last = self._steps.is_last_epoch
        has_looked = self._look(is_last=is_last, whatever_it_costs=is_lost)
        must_judge = has_looked or is_last or is_lost or self._stops_at_once
        if must_judge or self.schedule.affords("judge", self._steps.now):
            with self.schedule.charging("judge"):
                self._judge_and_publish()

    def _look(self, *, is_last, whatever_it_costs=False):
        """Take a score and a probe, once each, where the budget allows; return whether one was.

        The score is first: where both are too much, it tells more of how a run ends.
        """
        step, schedule = self._steps.now, self.schedule
        self._monitor.foresee_score()
        is_scored = self._scored_at < step and schedule.affords("score", step, is_last=is_last)
        if is_scored:
            # What has exploded is scored like the rest.
            with np.errstate(all="ignore"), schedule.charging("score"):
                self._judge.emit(self._monitor.score(step, self._steps.epoch))
            self._scored_at = step
        can_probe = self._probed_at < step and self._monitor.can_use_kept
        is_probed = can_probe and (
            whatever_it_costs or schedule.affords("probe", step, is_last=is_last)
        )
        if is_probed:
            with schedule.charging("probe"):
                self._found = self._monitor.measure(step, self._steps.epoch, None, None)
                self._judge.emit(self._found)
            self._alarm_if_ruined(self._found)
            schedule.probes += 1
            self._probed_at = step
        return is_scored or is_probed

    def end(self):
        """Finish: judge a last time, put back what was borrowed, close the sinks."""
        self._call_off()
        self._hunt.end()
        self.history.note(has_ended=True)
        with self.schedule.charging("other"):
            self._say_if_from_outside()
            self._finish()
        self._stop_recorder()
        with self.schedule.charging("other"):
            self._judge.close(Report(self.history, self.findings, self.schedule.overhead))
        self.schedule.stop()

    def abandon(self):
        """Put back what is left of a run, whether or not it came to `end`."""
        self._call_off()
        self._stop_recorder()
        self._judge.leave()

    def switch_off(self, error):
        """Give up watching this run, and say so once."""
        self.is_off = True
        self._call_off()
        self._stop_recorder()
        self.history.note(broke_off=brief(error))
        warn("keras-babysit is off for the rest of this run", error)

    def _say_if_from_outside(self):
        sentence = None if self.is_off else self._monitor.why_from_outside()
        if sentence is not None:
            self._judge.note(sentence)

    @guarded
    def _finish(self):
        """Judge a last time, and look once more if another callback ended the run unforeseen."""
        is_between_epochs = self._steps.now == self._steps.epoch_start
        if is_between_epochs and self.history.facts.model is not None:
            self._look(is_last=True)
        self._judge_and_publish()

    def _make_recorder(self):
        settings = self.settings
        if self._workers > 1 or (settings.record is None and settings.rescue is None):
            return None
        return FlightRecorder(
            self.model,
            folder=settings.record,
            rescue=settings.rescue,
            history=self.history,
            schedule=self.schedule,
            health=RunHealth(),
            on_findings=self._hear_recorder,
            warn=warn,
        )

    @guarded
    def _hear_recorder(self, skipped):
        """Tell what the recorder did; measure no more on a batch that it left out."""
        if skipped is not None and not self._kept.is_given:
            self._kept.train.forget(skipped)
        self._judge_and_publish()

    def _stop_recorder(self):
        if self._recorder is not None:
            self._recorder.stop()

    def _intercept(self, attribute, before, after):
        self._call_off = intercept(self.model, attribute, before, after)

    def _before_step(self, is_due, arguments):
        if self._is_over:
            return arguments, None
        batch, arguments = self._borrow(arguments, "keep")
        return arguments, self._see_step(is_due, arguments, batch)

    def _before_validation_step(self, place, arguments):
        if self._is_over:
            return arguments, None
        batch, arguments = self._borrow(arguments, "keep_validation")
        self._see_validation_step(place, batch)
        return arguments, None

    @property
    def _is_over(self):
        """Whether this is the step of a later `fit`, after one that broke off before its step."""
        return getattr(self.model, "history", None) is not self._record_of_fit

    def _borrow(self, arguments, kind):
        """Return the first batch of the step, None if it can't be seen, and the new arguments.

        What the user's data raises is raised here, as Keras would a moment later.
        """
        with self.schedule.charging(kind):
            batches, arguments = backend.borrow(
                arguments, self._steps.per_call, fetching=self.schedule.leaving_out
            )
            return self._first_of(batches), arguments

    @guarded
    def _first_of(self, batches):
        """Return what can be measured on: of no batch, and of one without examples, nothing."""
        batch = keras.utils.unpack_x_y_sample_weight(batches[0]) if batches else None
        return batch if batch is not None and size(batch) else None

    @guarded
    def _see_step(self, is_due, arguments, batch):
        if batch is not None:
            with self.schedule.charging("keep"):
                self._keep(batch)
        self._sees_batches = self._sees_batches or batch is not None
        is_over = self._sees_batches and batch is None and self._steps.may_be_over
        if not is_due or is_over:
            return None
        backend.wait(backend.state(self.model, arguments)[0])  # what is pending is not our cost
        build_optimizer(self.model)  # nor is what Keras would build in this step
        start = self.schedule.clock()
        if not self._is_probed:
            self._measure_step(arguments, batch)
        if self._recorder is not None:
            self._recorder.measured(self._is_good(self._found))
        weights = self._monitor.weights_before(arguments) if self._found else None
        return weights, self.schedule.clock() - start

    def _measure_step(self, arguments, batch):
        self._found = self._monitor.measure(self._steps.now, self._steps.epoch, arguments, batch)
        if not self._found and batch is None:
            self._judge.note(
                "Not watched: the batches of this run cannot be looked at (tf.distribute). Give "
                "examples to measure on: Babysitter(probe=(x, y))."
            )
        self._judge.emit(self._found)

    @property
    def _is_probed(self):
        """Whether the state before this step was measured at the end of the epoch before it."""
        return 0 < self._steps.now == self._probed_at

    @guarded
    def _after_step(self, known, result):
        if known is None:
            return
        weights, seconds = known
        backend.wait(result)
        start = self.schedule.clock()
        self._judge.emit(
            self._monitor.measure_update(
                weights, result, self._steps.now, self._steps.epoch, self._steps.per_call
            )
        )
        self._alarm_if_ruined(self._found)
        self._judge_and_publish()
        seconds += self.schedule.clock() - start
        if self._is_probed:
            self.schedule.charge("other", seconds)
        else:
            self.schedule.charge("probe", seconds)
            self.schedule.probes += 1
        self.schedule.note_probe(self._steps.now)

    @guarded
    def _see_validation_step(self, place, batch):
        if batch is not None:
            with self.schedule.charging("keep_validation"):
                self._kept.take_validation_batch(place, batch)

    def _wants_batch(self, step):
        if not self._is_keeping or self._kept.is_given:
            self._next_keep = math.inf
            return False
        sample = self._kept.train
        is_affordable = sample.wants(step) and self.schedule.affords("keep", step)
        is_refused = sample.wants(step) and not is_affordable
        self._next_keep = retry_step(step) if is_refused else sample.next_index(step)
        return is_affordable

    def _keep(self, batch):
        """Look whether the batch comes again, and keep it if the sample wants it.

        If the weights went bad unexplained it is searched for the reason instead.
        """
        steps = self._steps
        if steps.epochs_done:
            self._kept.note_recurrence(batch, steps.per_epoch)
        if self._hunt.is_on:
            self._hunt.note(steps.per_call)
            found = self._kept.search(steps.now, steps.epoch, batch)
        else:
            found = self._kept.take_train_batch(steps.now, steps.epoch, batch)
        if found:
            self._hunt.end()
            self._judge.emit(found)

    def _record_logs(self, logs):
        """Record the epoch's own numbers; return whether one is not finite for the first time.

        What went bad is then worth a probe, whatever it costs.
        """
        measurements = [
            Measurement(self._steps.now, self._steps.epoch, f"logs/{name}", "", float(value))
            for name, value in logs.items()
            if np.ndim(value) == 0
        ]
        self.history.extend(measurements)
        self._judge.emit(measurements)
        lost = [m for m in measurements if not math.isfinite(m.value)]
        is_news = bool(lost) and not self._is_known_lost
        self._is_known_lost = self._is_known_lost or is_news
        return is_news

    def _judge_and_publish(self):
        """Judge the run as it stands, and do what follows from that."""
        holding = self._judge.holding() + self._not_done()
        if self._recorder is not None:
            holding = [one for one in holding if not self._is_past(one)] + self._recorder.findings
        self._is_lost = any(CONDITIONS[finding.rule].is_fatal for finding in holding)
        if self._is_lost and self._recorder is not None:
            self._recorder.alarm()
        if self._must_explain(holding):
            return
        self._judge.publish(holding, step=self._steps.now, epoch=self._steps.epoch)
        if self._limit is not None and any(a.severity >= self._limit for a in holding):
            self.model.stop_training = True

    def _not_done(self):
        """Return the advice on what one worker must not do while the others train on, if any."""
        chosen = {name: getattr(self.settings, name) for name in ("stop_on", "record", "rescue")}
        names = [f"`{name}`" for name, value in chosen.items() if value is not None]
        if self._workers == 1 or not names:
            return []
        message = (
            f"Not done: {', '.join(names)}. {self._workers} workers train together; one that "
            "stops, or takes steps of its own, leaves the others waiting for it."
        )
        return [Finding("not_done", Severity.WARNING, "", message)]

    def _is_past(self, findings):
        """Return whether a fatal advice rests on what was measured before a rescue."""
        rescued = self._recorder.health.rescued_at
        if rescued is None or not CONDITIONS[findings.rule].is_fatal:
            return False
        seen = findings.measured_step
        if seen is None:
            losses = self.history.series("loss/batch").steps
            seen = losses[-1] if len(losses) else 0
        return seen <= rescued

    def _must_explain(self, holding):
        """Return whether to search for the cause first, rather than to tell of an effect alone."""
        is_unexplained = any(a.needs_cause for a in holding)
        if is_unexplained and not self._stops_at_once:
            self._hunt.begin()
        return is_unexplained and self._hunt.is_on

    @property
    def _stops_at_once(self):
        return self._limit is not None or self._recorder is not None

    def _alarm_if_ruined(self, found):
        """Alarm the recorder where weights are not finite, whatever rule explains that.

        A loss is no sign: it may be measured on kept examples, of a batch that is skipped.
        """
        if self._recorder is None:
            return
        rescued = self._recorder.health.rescued_at
        for one in found:
            is_news = rescued is None or one.step > rescued
            if is_news and one.quantity == "weights/norm" and not math.isfinite(one.value):
                self._recorder.alarm()

    def _is_good(self, found):
        """Return whether weights that gave these measurements are worth going back to."""
        values = {m.quantity: m.value for m in found if m.quantity.startswith("loss/")}
        loss, start = values.get("loss/batch"), self.history.last("loss/start")
        if loss is None or self._is_lost:
            # Before the first step there is no better state, whatever its loss is.
            return self._steps.now == 0 and not self._is_lost
        return math.isfinite(loss) and (start <= 0 or loss <= EXPLODED * start)


def _nothing():
    """Do nothing."""


def _check(model, given):
    if not model.compiled:
        raise NotCompiledError(
            "The model must be compiled before it can be watched. Received: "
            f"model={model.name!r}. Call `model.compile(optimizer, loss)` first."
        )
    if given is None:
        return
    expected = getattr(model, "inputs", None)
    if not expected:  # a subclassed model does not tell
        return
    received = given.count_inputs()
    if received != len(expected):
        raise ProbeMismatchError(
            f"Argument `probe` must have as many inputs as the model: {len(expected)}. "
            f"Received: {received} inputs"
        )
