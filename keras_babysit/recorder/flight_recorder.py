"""The flight recorder of one run: keeps what a replay needs, and acts when the run is lost."""

import collections
import contextlib
import functools
import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from keras_babysit.backends import backend, optimizers
from keras_babysit.backends.random_state import untouched_random_state
from keras_babysit.recorder import bundle, rescue
from keras_babysit.recorder.fault import unlocated
from keras_babysit.recorder.incident import in_epoch, investigate, placed_rate
from keras_babysit.recorder.locate import short
from keras_babysit.recorder.ring import KeptStep, Ring
from keras_babysit.recorder.snapshot import Snapshot, Snapshots, on_host
from keras_babysit.recorder.vitals import LossMeter, nonfinite_variables, rate_place
from keras_babysit.rules.loss_explosion import EXPLODED, PERSISTENCE
from keras_babysit.schedule.schedule import GRACE_SECONDS

SHARE = 0.2
"""Share of the budget that snapshots may take: what probes, scores and examples leave."""

EPOCH_LOGS = "_get_metrics_result_or_logs"
"""What Keras calls once when the steps of an epoch are over, before validation and before any
callback sees the epoch end. Where it is missing the epoch's end as a callback sees it has to do."""


class FlightRecorder:
    """Keeps the state and the batches of a run, and finds out and acts when it is lost.

    It stands in place of the model's train function. Its cost per step is that of keeping a
    reference; snapshots keep to the budget.

    Args:
        model: A compiled `keras.Model` in `fit`.
        folder: Where bundles go; None writes none.
        rescue: A `Rescue`, or None to leave the run as it is.
        history: The `History` of the run.
        schedule: Its started `Schedule`.
        news: Called when there is more in `findings`, with the step of the batch that was left
            out, None if none was.
        warn: Called with a sentence and an error.

    Attributes:
        advice: What was found and done so far.
        rescued_at: Step of the latest rescue after which training went on, None if there was none.
    """

    def __init__(self, model, *, folder, rescue, history, schedule, news, warn):
        self.model = model
        self.folder = folder
        self.rescue = rescue
        self.history = history
        self.schedule = schedule
        self.findings = []
        self._told = collections.Counter()  # how often each key of a finding was told
        self.rescued_at = None
        self._news, self._warn = news, warn
        self._keeps_batches = folder is not None or (rescue is not None and rescue.max_times > 0)
        self._feed = backend.Feed()
        self._ring = Ring()
        self._snapshots = Snapshots()
        self._meter = LossMeter(model)
        self._known = frozenset()  # what was never finite
        self._rate = None  # the variable and its place, once the optimizer is built
        self._expected = None  # (step, epoch, place) of the step that comes next
        self._in_epoch = False
        self._mark = None  # the loss so far at the latest snapshot
        self._is_asked = self._is_measured_good = False
        self._is_alarmed = self._is_over = False
        self._times = 0
        self._spent = self._cost = 0.0
        self._calls = 0
        self._at = (0, 0)  # step and epoch now
        self._epoch_start = 0
        self._inner = None  # what the recorder stands in for
        self._wrapper = functools.partial(self._run_step)
        self._epoch_wrapper = functools.partial(self._end_steps)

    def start(self):
        """Take the place of the train function.

        Raises:
            ValueError: If the learning rate is to be lowered but follows a schedule.
        """
        wants_rate = self.rescue is not None and self.rescue.lr_factor < 1
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        if wants_rate and not hasattr(getattr(optimizer, "_learning_rate", None), "assign"):
            raise ValueError(
                "`Rescue(lr_factor=...)` needs a learning rate that is a number; that of this "
                f"optimizer follows a schedule. Received: lr_factor={self.rescue.lr_factor}. "
                "Use `lr_factor=1.0`."
            )
        if self.folder is not None:
            self._try_folder()
        self._attach()

    def begin_epoch(self, epoch, step):
        """Note that an epoch begins, with `step` steps done."""
        self._in_epoch = True
        self._at = (step, epoch)
        self._epoch_start = step
        self._mark = (0.0, 0.0) if self._mark is not None else None

    def expect(self, step, epoch, place):
        """Note the step that comes next: without that the recorder takes itself away."""
        if self._is_over:
            return
        self._expected = (step, epoch, place)
        if not self._is_attached:
            self._attach()
        self._wrapper.is_done = self._epoch_wrapper.is_done = False

    def measured(self, is_good):
        """Note that the state before the step that comes next was measured."""
        self._is_asked, self._is_measured_good = True, is_good

    def alarm(self):
        """Note that the run is lost; it is looked into as soon as that is possible."""
        self._is_alarmed = not self._is_over

    def end_epoch(self):
        """Look into an alarm that came after the last step of an epoch."""
        if self._in_epoch:  # Keras did not say that its steps are over
            self._in_epoch = False
            self._guarded(self._end_epoch)
        elif self._is_alarmed:
            self._guarded(self._act, None)

    def stop(self):
        """Take everything away, and let go of what was kept."""
        self._is_over = True
        self._detach()
        self._feed, self._snapshots = backend.Feed(), Snapshots()
        self._ring.clear()

    # --- being there -------------------------------------------------------------------------

    def _attach(self):
        self._inner = self._wrapper.inner = self.model.train_function
        self.model.train_function = self._wrapper
        if hasattr(self.model, EPOCH_LOGS) and not self._is_around(self._epochs_end()):
            self._epoch_wrapper.inner = self._epochs_end()
            object.__setattr__(self.model, EPOCH_LOGS, self._epoch_wrapper)

    def _detach(self):
        """Take the wrappers away; what another recorder has put around them goes with that one."""
        self._wrapper.is_done = self._epoch_wrapper.is_done = True
        self.model.train_function = _without_done(self.model.train_function)
        if EPOCH_LOGS not in vars(self.model):
            return
        left = _without_done(self._epochs_end())
        object.__delattr__(self.model, EPOCH_LOGS)
        if left != self._epochs_end():  # a wrapper, of another recorder
            object.__setattr__(self.model, EPOCH_LOGS, left)

    def _epochs_end(self):
        return getattr(self.model, EPOCH_LOGS)

    def _is_around(self, function):
        return any(one in (self._wrapper, self._epoch_wrapper) for one in _with_inner(function))

    @property
    def _is_attached(self):
        """Whether a step will come by here; other watchers may stand around the recorder."""
        return self._is_around(self.model.train_function)

    def _run_step(self, *arguments):
        if self._expected is None:  # another `fit`, or one that went on without callbacks
            self._detach()
            return self._inner(*arguments)
        (step, epoch, place), self._expected = self._expected, None
        self._at = (step, epoch)
        arguments = self._guarded(self._mind, arguments, otherwise=arguments)
        batches = []
        if self._keeps_batches and not self._is_over:
            batches, arguments = self._feed.take(arguments, self._steps_per_call)
        if batches:
            self._guarded(self._keep, step, epoch, place, batches, arguments)
        try:
            result = self._inner(*arguments)
        except BaseException:
            self._feed = backend.Feed()  # it may hold a batch that was not used
            if batches:
                self._ring.drop_latest()
            raise
        self._calls += 1
        self._at = (step + self._steps_per_call, epoch)
        return result

    def _end_steps(self, logs):
        is_first, self._in_epoch = self._in_epoch, False
        if is_first:
            self._guarded(self._end_epoch)
        elif self._is_over:
            self._detach()
        return self._epoch_wrapper.inner(logs)

    def _guarded(self, function, *arguments, otherwise=None):
        """Keep a failure of the recorder away from training: one warning, and it is off."""
        if self._is_over:
            return otherwise
        try:
            return function(*arguments)
        except Exception as error:
            self.stop()
            self._warn("The flight recorder is off for the rest of this run", error)
            return otherwise

    def _try_folder(self):
        try:
            Path(self.folder).mkdir(parents=True, exist_ok=True)
            if not os.access(self.folder, os.W_OK):
                raise PermissionError(f"{self.folder} is not writable")
        except OSError as error:
            self._warn("The flight recorder will write no bundle", error)
            self.folder = None

    # --- keeping -----------------------------------------------------------------------------

    def _keep(self, step, epoch, place, batches, arguments):
        rate = None
        if self._rate is None:
            at = rate_place(self.model)
            self._rate = (None if at is None else self.model.optimizer.variables[at], at)
        variable, at = self._rate
        if variable is not None:
            rate = self._feed.rate(arguments, variable, at)
        random = backend.random_state()
        self._ring.add(KeptStep(self._calls, step, epoch, place, batches, rate, random))

    def _mind(self, arguments):
        """Look at the state before a step where it is time to; return the arguments of the step."""
        if self._calls == 0 and not self._is_built:
            self._known = nonfinite_variables(self.model, backend.state(self.model, arguments))
        if self._is_alarmed or (self._is_due() and self._is_lost(arguments)):
            self._is_alarmed = True
            if self.rescue is not None and not self._goes_on:
                self.model.stop_training = True  # the state is put back when the step is over
            else:
                arguments = self._act(arguments)
        return arguments

    def _is_due(self):
        if self._snapshots.latest is None:
            # One that is not built by then is never used, as that which a GAN does not name.
            return self._calls > 0 or self._is_built
        since = self._calls - self._snapshots.latest.call
        spacing = max(1, self._ring.room // 2)
        is_wanted, self._is_asked = self._is_asked or since >= spacing, False
        return is_wanted and self._affords()

    @property
    def _is_built(self):
        return all(one.built for one in optimizers(self.model))

    def _affords(self):
        schedule = self.schedule
        if schedule.every != "auto":
            return True
        granted = SHARE * schedule.budget * max(schedule.elapsed, GRACE_SECONDS)
        return self._spent + self._cost <= granted

    def _is_lost(self, arguments):
        """Take a snapshot and return whether it shows that the run is lost; it is dropped then."""
        backend.wait(backend.state(self.model, arguments)[0])  # what is pending is not our cost
        start = self.schedule.clock()
        is_good, self._is_measured_good = self._is_measured_good, False
        values = on_host(backend.state(self.model, arguments))
        snapshot = self._snapshot(values, is_confirmed=is_good)
        self._forget_another_layout(snapshot)
        if self._calls == 0:
            self._known = nonfinite_variables(self.model, snapshot.values)
        totals = self._meter.totals(snapshot.values)
        loss = self._meter.mean(self._mark, totals)
        is_bad = not _all_finite(totals) or self._has_ruins(snapshot)
        if not is_bad:
            if loss is None or loss <= self._limit:
                self._snapshots.confirm()
                self.findings = []  # of a rescue, which has held
            self._snapshots.add(snapshot)
            self._mark = totals
        self._cost = self.schedule.clock() - start
        self._spent += self._cost
        self.schedule.charge("other", self._cost)
        return is_bad

    def _snapshot(self, values, *, is_confirmed):
        step, epoch = self._at
        return Snapshot(self._calls, step, epoch, values, is_confirmed)

    def _forget_another_layout(self, snapshot):
        """Forget what was kept before an optimizer was built: it cannot be put back any more."""
        latest = self._snapshots.latest
        if latest is not None and latest.layout != snapshot.layout:
            self._ring.clear()
            self._snapshots = Snapshots()

    def _has_ruins(self, snapshot):
        return bool(nonfinite_variables(self.model, snapshot.values) - self._known)

    def _end_epoch(self):
        values = backend.state(self.model, None)
        totals = self._meter.totals(values)
        self._is_alarmed = self._is_alarmed or not _all_finite(totals) or self._is_far_off(totals)
        if self._is_alarmed or (self._affords() and self._is_lost(None)):
            self._is_alarmed = True
            self._act(None)

    def _is_far_off(self, totals):
        loss = self._meter.mean((0.0, 0.0), totals)
        is_long = self._at[0] - self._epoch_start >= PERSISTENCE
        return loss is not None and is_long and loss > self._limit

    @property
    def _limit(self):
        start = self.history.last("loss/start")
        is_known = start is not None and math.isfinite(start) and start > 0
        return EXPLODED * start if is_known else math.inf

    @property
    def _steps_per_call(self):
        return getattr(self.model, "steps_per_execution", 1) or 1

    # --- acting ------------------------------------------------------------------------------

    @property
    def _goes_on(self):
        return self.rescue is not None and self._times < self.rescue.max_times

    def _act(self, arguments):
        """Look into a run that is lost, tell what was found, and rescue it if that is wanted."""
        self._is_alarmed = False
        now = self._snapshot(on_host(backend.state(self.model, arguments)), is_confirmed=True)
        self._forget_another_layout(now)
        goes_on, values, rate = self._goes_on, None, self._learning_rate(arguments)
        with contextlib.ExitStack() as stack:
            stack.enter_context(untouched_random_state())
            box = None
            if self._keeps_batches:
                *_, of_keras = _with_inner(self._inner)  # other recorders take no part in a replay
                box = backend.Sandbox(self.model, of_keras, self._feed, arguments)
                box = stack.enter_context(box)
            case = investigate(
                self.model,
                box,
                self._ring,
                self._snapshots,
                now=now,
                limit=self._limit,
                known=self._known,
            )
            if case.is_well:
                self._start_from(now)
                return arguments
            self._tell(case, box)
            if self.rescue is not None:
                values = self._mended(case, rate) if goes_on else self._put_back(case, rate)
        if values is not None:
            arguments = backend.exchange(self.model, arguments, values)
        if values is not None and goes_on:
            previous = case.bad and case.bad.previous
            self._ring.clear(good=previous and previous[0])
            self._start_from(self._snapshot(values, is_confirmed=True))
            self.rescued_at = self._at[0]
        else:
            self.stop()
            self.model.stop_training = self.model.stop_training or self.rescue is not None
        is_skipped = goes_on and self.rescue.skip_batch and case.bad is not None
        self._news(case.bad.kept.step if is_skipped else None)
        return arguments

    def _tell(self, case, box):
        """Write the bundle and add the advice on what was found."""
        show = None
        if case.fault is None:
            if self.folder is not None:
                self._add(unlocated(case.reason, case.evidence))
            return
        if self.folder is not None:
            try:
                written = bundle.write(
                    self.folder,
                    f"{bundle.slug(self.model.name)}-step{case.fault.step}",
                    model=self.model,
                    box=box,
                    bad=case.bad,
                    fault=case.fault,
                    limit=self._limit,
                )
                show = bundle.remedy(written)
            except Exception as error:
                self._warn("The flight recorder could not write its bundle", error)
        self._add(case.fault.findings(show, case.evidence))

    def _add(self, findings):
        """Add one more advice; a second one of the same target is told as well."""
        self._told[findings.key] += 1
        if self._told[findings.key] > 1:
            again = (findings.target, f"time {self._told[findings.key]}")
            findings = replace(findings, target=", ".join(filter(None, again)))
        self.findings.append(findings)

    def _put_back(self, case, rate):
        """Return the values of the good state, None if there is none; add the advice on it."""
        where = self._where(case)
        if case.good is None:
            self._add(rescue.nothing(where, case.why))
            return None
        evidence = ({"rescues": self._times} if self._times else {}) | case.evidence
        self._add(rescue.stopped(where, case.good_step, case.why, evidence))
        values = on_host(in_epoch(self.model, case.good, case.good_epoch, self._at[1]))
        return values if rate is None else placed_rate(values, rate_place(self.model), rate)

    def _mended(self, case, rate):
        """Return the values to go on with, None if no state is good; add the advice on it."""
        if case.good is None:
            return self._put_back(case, rate)
        self._times += 1
        factor, skips = self.rescue.lr_factor, self.rescue.skip_batch
        values, epoch, done, planned = case.mend(lr_factor=factor, skip_batch=skips)
        values = on_host(in_epoch(self.model, values, epoch, self._at[1]))
        told = f"Put back the state of step {case.good_step}"
        if skips and case.bad is not None:
            told += f", left out batch {case.bad.kept.place}"
        if planned:
            told += f", trained again on {done} of the {planned} batches since"
        evidence = {"rescues": self._times} | case.evidence
        if rate is not None:  # what callbacks made of it, not what it was then
            lower = (rate * factor).astype(rate.dtype)
            values = placed_rate(values, rate_place(self.model), lower)
            evidence["learning_rate"] = float(lower)
            if factor < 1:
                told += f"; learning rate {short(float(rate))} -> {short(float(lower))}"
        told += f". Rescue {self._times} of {self.rescue.max_times}."
        self._add(rescue.went_on(self._where(case), told, case.why, evidence))
        return values

    def _learning_rate(self, arguments):
        place = rate_place(self.model)
        if place is None:
            return None
        return np.array(backend.to_numpy(backend.state(self.model, arguments)[2][place]))

    def _where(self, case):
        if case.bad is None:
            return f"step {self._at[0]}"
        return f"batch {case.bad.kept.place} of epoch {case.bad.kept.epoch + 1}"

    def _start_from(self, snapshot):
        """Note that this state is the one to go back to now."""
        self._snapshots = Snapshots()
        self._snapshots.add(snapshot)
        self._mark = self._meter.totals(snapshot.values)


def _with_inner(function):
    """Yield a function and what stands inside of it, to Keras' own."""
    while function is not None:
        yield function
        function = getattr(function, "inner", None)


def _without_done(function):
    """Return the function without the outermost wrappers of recorders that are done."""
    while getattr(function, "is_done", False):
        function = function.inner
    return function


def _all_finite(totals):
    return totals is None or all(map(math.isfinite, totals))
