"""The monitor: measures one model during one run, part by part, and fills its history."""

import numpy as np

from keras_babysit import baselines
from keras_babysit.backends import backend
from keras_babysit.history import Measurement
from keras_babysit.probes import behaviour, equal_pairs, host_probe, notices, taps
from keras_babysit.probes.behaviour import Behaviour
from keras_babysit.probes.building import build
from keras_babysit.probes.depth import Depth, Reach
from keras_babysit.probes.derived import DerivedReadings
from keras_babysit.probes.description import Description
from keras_babysit.probes.example_choice import ExampleChoice
from keras_babysit.probes.headroom_runner import HeadroomRunner
from keras_babysit.probes.kept import Kept
from keras_babysit.probes.layout import Layout
from keras_babysit.probes.loss_facts import has_own_step
from keras_babysit.probes.optimizer_state import describe_schedule, learning_rate
from keras_babysit.probes.probe import weight_names
from keras_babysit.probes.probe_runner import ProbeRunner
from keras_babysit.probes.scoring import BaselineComparison, Scoring
from keras_babysit.probes.sequence_layers import is_stateful
from keras_babysit.probes.step_score import StepScore, has_test_step
from keras_babysit.probes.unknown_gradients import UnknownGradients
from keras_babysit.probes.updates import Updates
from keras_babysit.samples import batches
from keras_babysit.samples.batch_size import BatchSize
from keras_babysit.schedule.plan import BEHAVIOUR_EXAMPLES

FEWEST_LOOKS = 3
"""Measurements in a row that rules about layers ask for: fewer show nothing that lasts."""


class Monitor:
    """Measures one model during one run.

    It calls its parts in their order: `ExampleChoice` chooses what to measure on, `ProbeRunner`
    measures as deep as `Depth` says, `Description` fills in facts, `DerivedReadings` adds what
    follows from the readings, `Updates` measures a step, `Scoring` the reference sample.

    Args:
        model: A compiled `keras.Model`.
        history: The `History` that the measurements go to.
        schedule: A started `Schedule`.
        planned: What `fit` knows of the run: `epochs`, and `steps` of an epoch or None. Empty where
            a single measurement is taken outside of `fit`.
        notice: Called when something is not measured, with a sentence and, unless it is the probe,
            with what that is about.
        reference: The `ReferenceSample` of the run.
        depth: The `Depth` to start from; None for what suits the model and the schedule.
        loop: The loop of the user's that trains the model; None in `fit`. It has the attributes
            `step`, an object to run its step with (see `StepProbe`), `calls_keras`, whether it
            trains on what the model is compiled for, and `knows_state`, whether the variables hold
            what the latest step left, and the method `again()`, which prepares to run the latest
            step once more.

    Attributes:
        looks: How often the layers were measured.
    """

    def __init__(
        self, model, history, schedule, *, planned, notice, reference, depth=None, loop=None
    ):
        self.model = model
        self._loop = loop
        self.history = history
        self._schedule = schedule
        self._notice = notice
        self._is_single = not planned
        is_budgeted = schedule.every == "auto"
        self._depth = depth or Depth.at_start(model, is_budgeted=is_budgeted)
        self._batch_size = BatchSize(model)
        self._reference = reference
        self._choice = ExampleChoice(reference, self._batch_size, schedule)
        self._description = Description(model, history, planned=planned, reference=reference)
        self._weights = []
        self._gradients = UnknownGradients(model)
        self._runner = self._comparison = self._derived = self._layout = None
        # Made for the probe that `_measured_with` is.
        self._scoring = self._updates = self._headroom = self._test_step = None
        self._measured_with = self._described = None
        self.looks = 0
        self._is_behaviour_due = True
        self._since = 0  # the step at which the loss became what it is
        self._form = None

    @property
    def reach(self):
        """What is measured of the network now, a `Reach`."""
        return Reach.NOT_MEASURED if self._batch_size.is_too_small else self._depth.reach

    @property
    def has_measured(self):
        """Whether there was a measurement, so that the run is described."""
        return self._description.has_run

    @property
    def can_use_reference(self):
        """Whether it can measure without the batch of a step."""
        return self._has_own_loop or self._choice.can_use_reference

    @property
    def why_no_batch(self):
        """The notice on a step whose batch cannot be seen."""
        is_fit = self._loop is None
        return notices.batches_not_accessible() if is_fit else notices.no_arrays_found()

    def why_not_measured(self):
        """Return what is not measured because of its cost: notices by what they are about."""
        found, schedule = {}, self._schedule
        if not self.has_measured:
            return found
        if schedule.cut_short_at is not None:
            found["later steps"] = notices.took_too_long(schedule.cut_short_at)
        if self.reach is Reach.NOT_MEASURED:
            found[""] = self._why_layers_not_measured()
        elif not schedule.takes_gradients and self._runner.probe.has_loss:
            found["gradients"] = notices.gradients_take_too_long(schedule.budget)
        if self.reach is not Reach.NOT_MEASURED and schedule.plan.scores is None:
            found["scores"] = notices.scores_take_too_long(schedule.budget)
        elif self._scoring is not None and self._scoring.why_too_few is not None:
            found["scores"] = self._scoring.why_too_few
        return found

    def _why_layers_not_measured(self):
        if self._batch_size.is_too_small:
            return notices.batches_too_small(self._batch_size.only)
        return notices.layers_take_too_long(self._runner.first_seconds, self._schedule.budget)

    def why_few_measurements(self, steps):
        """Return the notice on layers of a loop that were measured too rarely, else None.

        In `fit`, the plan covers the reference sample, and the verdict names what it leaves out.

        Args:
            steps: Steps of the run.
        """
        if not self._has_own_loop or not self.looks or self._derived is None:
            return None
        seen = self._derived.seen
        needed = min(self._derived.needed, steps * self.batch_size)
        seen = needed if seen is None else seen
        is_rare = self.looks < min(FEWEST_LOOKS, steps)
        if not is_rare and 2 * seen >= needed:
            return None
        return notices.few_measurements(self.looks, steps, seen, needed)

    @property
    def batch_size(self):
        """Examples of the first batch that was measured."""
        return self._description.batch_size

    def note_learning_rate(self, steps):
        """Note the schedule once, and the learning rate of each epoch in which it is another one.

        Args:
            steps: The `StepCounter` of the run, at the start of an epoch.
        """
        history, optimizer = self.history, self.model.optimizer
        if not history.facts.schedule.planned:
            history.note(schedule=describe_schedule(optimizer, steps.now, steps.planned))
        if not steps.now or not self.has_measured or self._has_own_loop:
            return  # a step of a loop may have taken the values of the variables with it
        if any(history.targets("optimizer/learning_rate")):
            return  # several optimizers, whose rates are measured with their step
        rate = learning_rate(optimizer, backend.state(self.model, None))
        if rate is not None and rate != history.last("optimizer/learning_rate"):
            self._record(steps.now, steps.epoch, {("optimizer/learning_rate", ""): rate})

    def note_form(self, batch):
        """Note in which form the data come; a training step of the user's gets them like that.

        Args:
            batch: A batch as the data give it.
        """
        self._form = len(batch) if isinstance(batch, tuple | list) else None

    def measure(self, step, epoch, arguments, batch):
        """Take one probe before a step.

        Args:
            step: Optimizer steps done.
            epoch: Epoch, counted from 0.
            arguments: Arguments of Keras' train function, None outside of it.
            batch: The batch of that step, or None if it could not be seen.

        Returns:
            The measurements, none if there was no batch to measure on.
        """
        if self._has_own_loop:  # its step is run on what it is called with
            if batch is None and arguments is None:
                arguments, batch = self._loop.again() or (None, None)
            whole = batch
        else:
            whole, batch = batch, self._choice.choose(batch)
        if batch is None:
            return []
        self._follow_model(step)
        if self._runner is None:
            batch = self._prepare(batch, arguments, whole, step)
        if batch is None:
            self._notice(notices.built_by_first_step(), "first step")
            return []
        state = backend.state(self.model, arguments)
        if not self._layout.fits(state):
            return []
        if self._runner.step is not None and not self._has_own_loop:
            self._runner.step.form = self._form
        self._runner.follow_plan()
        self._follow_probe()
        readings, batch = self._read(state, batch, whole)
        if batch is None:
            return []
        self._know_data()
        self._derived.add_gates(readings, batches.size(batch), batches.key(batch))
        self._note_gradients(readings)
        self._description.follow_data()
        values = self._derived.derive(readings, self.model.optimizer, state, step)
        # The optimizer that `compile` was given may be one that a step of the user's does not use.
        if any(quantity == "optimizer/learning_rate" for quantity, _ in readings):
            values.pop(("optimizer/learning_rate", ""), None)
        values = readings | values
        self.looks += self.reach is not Reach.NOT_MEASURED
        return self._record(step, epoch, values)

    def _note_gradients(self, readings):
        self._gradients.note(readings)
        is_given = any(quantity == "gradients/norm" for quantity, _ in readings)
        if self._runner.runs_step and self._runner.probe.has_optimizer and not is_given:
            self._schedule.shift()  # the step accumulates gradients, to apply them in another one

    def before_step(self, arguments, batch=None, step=0):
        """Return what `measure_update` needs to know of the weights before a step.

        Args:
            arguments: Arguments of Keras' train function.
            batch: The batch of that step, or None if it could not be seen.
            step: Optimizer steps done before it.
        """
        before = self._updates.before(arguments, on_host=self.reach is Reach.NOT_MEASURED)
        return before, self._headroom.before(arguments, batch, step)

    def measure_update(self, before, result, step, epoch, steps):
        """Measure how far a call of Keras' train function moved the weights.

        Args:
            before: What `before_step` returned, None if nothing was measured before the step.
            result: What the call returned.
            step: Optimizer steps done before it.
            epoch: Epoch, counted from 0.
            steps: Optimizer steps of the call, at least 1.

        Returns:
            The measurements; empty without `before`. A step that only accumulates gradients does
            not move the weights.
        """
        if before is None or not self._layout.has_same_weights:
            return []
        before, moved = before
        has_update = self._schedule.has_update(step, steps)
        measurements = self._updates.after(before, result, step, epoch, steps) if has_update else []
        if has_update and steps == 1:
            measurements += self._headroom.after(moved, result, step, epoch)
        unknown = self._gradients.moved_without(measurements)
        if unknown:
            self._description.note_unknown_gradients(unknown)
            self._notice(notices.gradients_not_reached(unknown), "gradients")
        if step == 0 and self.reach is Reach.NOT_MEASURED and before[1]:
            measurements = self._first_loss(result, step, epoch) + measurements
        self.history.extend(measurements)
        return measurements

    def compare_data(self):
        """Compare the kept validation examples with the training examples."""
        if self.has_measured:
            self._description.compare_data()

    def score(self, step, epoch):
        """Score training and validation examples of the reference sample alike.

        Returns:
            The measurements; empty where no score is possible.
        """
        probe = None if self._runner is None else self._runner.probe
        is_possible = probe is not None and probe is self._described and self._layout.is_current
        if not is_possible or not self._can_score(probe) or self._scoring.is_off:
            return []
        self._description.describe_data()
        self._know_data(step)
        # Before the score: what the network is made for matters more than how well it does.
        is_plain = self._test_step is None
        values = self._read_behaviour() if self._is_behaviour_due and is_plain else {}
        return self._record(step, epoch, values | self._scoring.score(self._derived))

    def _know_data(self, steps=0):
        """Ask for no more examples than a loop has, or than passed in so many steps of it."""
        reference = self._reference
        if reference.is_whole or (steps and reference.has_every_batch):
            self._derived.need(reference.seen)
        elif steps and self._has_own_loop:
            self._derived.need(steps * self._description.batch_size)

    def _can_score(self, probe):
        """Return whether a pass in inference mode shows how well the model does, or its gates."""
        if is_stateful(self.model):
            self._notice(notices.goes_on_from_before(), "scores")
        if self._test_step is not None:
            self._test_step.form = self._form
            return True
        if not self._has_own_loop:
            if not probe.has_loss and has_own_step(self.model):
                self._notice(notices.no_test_step(), "scores")
            return probe.has_loss
        if not self._loop.knows_state:
            self._notice(notices.state_not_returned(), "scores")
            return False
        if not probe.has_loss:
            self._notice(notices.loss_not_known(), "scores")
        is_plain = self._runner.runs_step and probe.calls_on_batch
        return probe.has_loss or is_plain

    def _read_behaviour(self):
        """Return what the outputs depend on, once; empty where that cannot be measured."""
        if not self._schedule.plan.has_behaviour:
            return {}
        self._is_behaviour_due = False
        only = self._batch_size.only
        batch = behaviour.take_examples(
            self._reference.train.batch(only or BEHAVIOUR_EXAMPLES), only
        )
        if batch is None:
            return {}
        state = backend.state(self.model, None)
        try:
            has_loss = self._runner.probe.has_loss
            found = Behaviour(self.model, has_loss=has_loss)(state, batch, may_mix=only is not None)
            if has_loss:
                sample = self._reference.train.batch(equal_pairs.SAMPLE)
                found |= equal_pairs.EqualPairs(self.model, is_compiled=backend.COMPILES_EACH_SIZE)(
                    state, batch, sample
                )
            return found
        except Exception as error:
            self._notice(notices.behaviour_failed(error), "behaviour")
            return {}

    @property
    def _has_own_loop(self):
        return self._loop is not None and not self._loop.calls_keras

    def _build(self, batch):
        """Return whether all layers are built; in `fit`, after building what Keras would build."""
        if self._has_own_loop:
            return all(layer.built for layer in taps.leaves(self.model))
        return build(self.model, batch)

    def _follow_model(self, step):
        """Start afresh if the model has other variables or another loss than before.

        What was measured stays in the history.
        """
        if self._layout is None or self._layout.is_current:
            return
        if not self._layout.has_same_loss:
            self._derived, self._since = None, step
        self._runner = self._layout = None
        self._scoring = self._updates = self._headroom = self._measured_with = None

    def _prepare(self, batch, arguments, whole, step):
        """Build what Keras would build in its first step, and the parts on top of that.

        Returns:
            What to measure on, as the plan is known now; None if that is not possible, as there may
            be no weights before the first step.
        """
        # A layer that a step of the user's has not built is one that it does not call.
        is_own = self._has_own_loop or has_own_step(self.model)
        if not self._build(batch) and (step == 0 or not is_own):
            return None
        self._layout = Layout(self.model)
        self._weights = weight_names(self.model)
        self._comparison = BaselineComparison(
            self._reference,
            outputs=lambda: self._description.outputs,
            are_tokens=baselines.takes_tokens(self.model),
        )
        self._runner = ProbeRunner(
            self.model,
            backend.state(self.model, arguments),
            batch,
            self._depth,
            self._choice,
            self._batch_size,
            self._schedule,
            notice=self._notice,
            step_size=None if whole is None else batches.size(whole),
            is_single=self._is_single,
            kept=Kept.of(getattr(self.model, "train_function", None)),
            step=self._loop.step if self._has_own_loop else None,
        )
        return batch if self._has_own_loop else self._choice.cut(batch)

    def _follow_probe(self):
        """Make what depends on the probe anew where that was made anew."""
        runner = self._runner
        if self._measured_with is runner.probe:
            return
        self._measured_with = runner.probe
        depth, schedule = self._depth, self._schedule
        is_own = runner.runs_step and not runner.probe.has_loss and not self._has_own_loop
        can_judge = not is_stateful(self.model)
        has_step = can_judge and is_own and has_test_step(self.model)
        self._test_step = StepScore(self.model) if has_step else None
        self._updates = Updates(self.model, self._weights, is_compiled=depth.is_compiled)
        self._headroom = HeadroomRunner(
            self.model,
            schedule,
            runner,
            self._batch_size,
            is_compiled=depth.is_compiled,
        )
        self._scoring = Scoring(
            self.model,
            self._reference,
            self._choice,
            self._batch_size,
            schedule,
            runner.estimate,
            comparison=self._comparison,
            notice=self._notice,
            layers=runner.layers,
            has_loss=runner.probe.has_loss and can_judge,  # else its gates alone
            step=self._test_step,
            kept=(runner.kept, runner.key),
            is_compiled=depth.is_compiled
            and (schedule.every != "auto" or schedule.plan.score_mode.is_compiled),
        )

    def _read(self, state, batch, whole):
        """Return the readings and the batch they are of; the run is described by then."""
        probe, is_first = None, False
        if self.reach is Reach.NOT_MEASURED:
            readings = host_probe.read_on_host(self._weights, state, batch)
        else:
            readings, batch = self._runner.run(state, batch, whole)
            if batch is None:
                return None, None
            self._follow_probe()
            probe = self._runner.probe
            is_first = self._described is not probe
            self._described = probe
            if self._depth.can_compile:
                self._description.note_compilation(self._depth.is_compiled)
        if self._derived is None:
            # The sample of an earlier run may already hold more than the first batch.
            is_of_step = whole is not None and self._reference.is_carried
            size = batches.size(whole if is_of_step else batch)
            self._description.describe_run(batch, self._weights, size)
            self._derived = DerivedReadings(
                needed=self._reference.needed,
                batch_size=self._description.batch_size,
                since=self._since,
            )
        if is_first:
            self._description.describe_network(probe, self._weights)
            is_plain = not self._runner.runs_step or (self._has_own_loop and probe.calls_on_batch)
            if is_plain and not self._is_loss_known():
                self._describe_loss(probe, state, batch)
        return readings, batch

    def _is_loss_known(self):
        """Return whether the rules that read this run ask no more of its losses than their form."""
        are_named = all(one.form != "other" for one in self.history.facts.outputs)
        return self._schedule.account.is_watched_only and are_named

    def _describe_loss(self, probe, state, batch):
        # Operation by operation JAX would compile every one of them.
        is_compiled = backend.COMPILES_EACH_SIZE and self._depth.can_compile
        self._description.describe_loss(
            probe,
            state,
            batch,
            is_compiled=is_compiled,
            kept=self._runner.kept,
            key=self._runner.key,
        )

    def _first_loss(self, result, step, epoch):
        loss = host_probe.first_loss(result)
        if loss is None:
            return []
        return [Measurement(step, epoch, f"loss/{name}", "", loss) for name in ("batch", "start")]

    def _record(self, step, epoch, values):
        measurements = [
            Measurement(step, epoch, quantity, target, _as_value(value))
            for (quantity, target), value in values.items()
        ]
        self.history.extend(measurements)
        return measurements


def _as_value(value):
    return np.asarray(value, np.float32) if np.ndim(value) else float(value)
