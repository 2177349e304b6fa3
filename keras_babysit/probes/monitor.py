"""The monitor: drives the probes of one model through one run and fills its history."""

import keras
import numpy as np

from keras_babysit import baselines
from keras_babysit.backends import backend
from keras_babysit.history import Measurement
from keras_babysit.probes import facts, host_probe, taps
from keras_babysit.probes.building import build
from keras_babysit.probes.gate_window import GateWindow
from keras_babysit.probes.loss_facts import describe_outputs, has_plain_loss
from keras_babysit.probes.optimizer_state import learning_rate, loss_scale
from keras_babysit.probes.probe import Probe, symmetric_kernels, weight_names
from keras_babysit.probes.score import Score
from keras_babysit.probes.update_ratio import UpdateRatio
from keras_babysit.samples import batches
from keras_babysit.samples.batch_size import MIN_PROBE_EXAMPLES, BatchSize
from keras_babysit.samples.batches import to_host
from keras_babysit.samples.data_facts import describe_data
from keras_babysit.samples.sample import MAX_EXAMPLES, SLICES
from keras_babysit.schedule import score_plan
from keras_babysit.schedule.gradient_turns import GradientTurns
from keras_babysit.schedule.pace import REPEAT_FRACTION, Pace
from keras_babysit.schedule.schedule import START_FRACTION
from keras_babysit.schedule.score_plan import ScorePlan

PROBE_EXAMPLES = 256
"""Bound of the examples of one probe: means over more do not get much sharper."""

SMALL = 32
"""A batch of fewer examples tells little of a network; the probe then takes what was kept of
earlier batches instead."""

HOST_ENTRIES, HOST_WEIGHTS = 1_000_000, 64
"""Up to so many entries in so many weights their update is measured on the host: to compile it, or
to run it operation by operation, takes longer than to read them."""

LOOP_SIZE = 5
"""What a recurrent layer counts for, in layers: its loop is compiled as well."""

MOST = 0.5
"""A squashing unit counts as saturated if it is flat for more than this share of the examples."""


class Monitor:
    """Measures one model during one run.

    Args:
        model: A compiled and built `keras.Model`.
        history: Where the measurements go.
        schedule: A started `Schedule`.
        planned: What `fit` knows of the run: `epochs`, and `steps` of an epoch or None.
        notice: Called when something cannot be watched, with a sentence and, unless it is the
            probe, with what that is about.
        kept: The `ReferenceSample` examples of the run.
    """

    def __init__(self, model, history, schedule, *, planned, notice, kept):
        self.model = model
        self.history = history
        self.schedule = schedule
        self.planned = planned
        self.notice = notice
        self.kept = kept
        is_jax = keras.backend.backend() == "jax"  # it compiles each operation if not all at once
        # A model that is run eagerly may be one that no graph can hold.
        self._may_compile = backend.CAN_COMPILE and (is_jax or not model.run_eagerly)
        self.is_compiled = self._may_compile and (is_jax or schedule.every != "auto")
        self._batch_size = BatchSize(model)
        self._may_look_inside = schedule.every != "auto"  # or it looks from outside only
        self._neighbours = None
        self._probe = self._score = self._plan = None
        self._pace = Pace()  # of the probes, asked for before the first where no batch is seen
        self._examples = PROBE_EXAMPLES
        self._usual = 0  # examples of a step
        self._host_update = host_probe.HostUpdateRatio()
        self._firsts = []  # losses of the first steps

    def _prepare(self, batch, arguments):
        """Build what Keras would build in its first step, and the probes on top of that."""
        model = self.model
        build(model, batch)
        has_loss = has_plain_loss(model)
        layers, outermost = taps.leaves(model), taps.outermost(model)
        self._weights = weight_names(model)
        self._symmetric_kernels = symmetric_kernels(model, backend.state(model, arguments))
        self._size = sum(LOOP_SIZE if isinstance(x, taps.OPAQUE_LAYERS) else 1 for x in layers)
        # One look alone, as `check` takes it, does not earn a compilation back.
        if self.planned and self._may_compile and not self.is_compiled:
            start = backend.start_seconds(self._size, is_compiled=True)
            self.is_compiled = self.schedule.allows_once(start / START_FRACTION, 0)
        self._make_probes(layers=layers, has_loss=has_loss)
        self.foresee_score()
        self._fallbacks = [
            ("layers inside of other layers", {"layers": outermost, "has_loss": has_loss}),
            ("loss and gradients", {"layers": layers, "has_loss": False}),
            ("loss, gradients and inner layers", {"layers": outermost, "has_loss": False}),
            ("what the layers compute", {"layers": [], "has_loss": False}),
            (
                "the layers, loss and gradients",
                {"layers": [], "has_loss": False, "has_call": False},
            ),
        ]

    def _make_probes(self, *, layers, has_loss, has_call=True):
        self._probe = Probe(
            self.model,
            layers=layers,
            has_loss=has_loss,
            has_call=has_call,
            is_compiled=self.is_compiled,
            symmetric_kernels=self._symmetric_kernels,
        )
        # Uncompiled, what does not grow with the examples is most of it in a small network.
        self._pace = Pace(fixed=0.0 if self.is_compiled else REPEAT_FRACTION * self.start_seconds)
        self._turns = GradientTurns(score_plan.SCORE_PER_PROBE * self.start_seconds)
        is_compiled = self._may_compile and (
            self.is_compiled or score_plan.is_worth_compiling(self.schedule, self._size)
        )
        self._score = Score(self.model, layers=layers, is_compiled=is_compiled)
        self._plan = ScorePlan(
            self.schedule,
            self._size,
            is_compiled=is_compiled,
            probes=self._pace,
            batch_size=self._batch_size,
        )
        sizes = [int(np.prod(v.shape)) for v in self.model.trainable_variables]
        is_small = sum(sizes) <= HOST_ENTRIES and len(sizes) <= HOST_WEIGHTS
        self._update = self._host_update
        if not is_small:
            self._update = UpdateRatio(is_compiled=self.is_compiled)

    @property
    def start_seconds(self):
        """About how long it takes to start to probe this network."""
        return backend.start_seconds(self._size, is_compiled=self.is_compiled)

    @property
    def is_inside(self):
        """Whether it looks into the network, and not at what shows from outside only."""
        return self._may_look_inside and not self._batch_size.is_too_small

    @property
    def can_use_kept(self):
        """Whether it can measure without a batch of a step."""
        is_any = self._batch_size.only is None or self._batch_size.is_too_small
        return is_any or len(self.kept.train) >= self._batch_size.only

    def why_from_outside(self):
        """Return the sentence that says why the network was not looked into, None if it was."""
        if self.is_inside or self.history.facts.model is None:
            return None
        if self._batch_size.is_too_small:
            return (
                f"Not watched: what the layers compute. The model takes batches of "
                f"{self._batch_size.only} and no others; fewer than {MIN_PROBE_EXAMPLES} examples "
                "tell too little."
            )
        return (
            f"Not watched: what the layers compute. To start with it takes about "
            f"{self.start_seconds:.1f} s on this network, and the budget of "
            f"{self.schedule.budget:.0%} granted this run less. Babysitter(every=10) looks "
            "whatever it costs; budget=0.1 grants more."
        )

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
        whole, batch = batch, self._choose(batch)
        if batch is None:
            return []
        if self._probe is None:
            self._prepare(batch, arguments)
        self._look_closer(step)
        state = backend.state(self.model, arguments)
        if self.is_inside:
            is_first = not self._probe.has_run
            readings, batch = self._run(state, batch, whole)
            if batch is None:
                return []
            if self._may_compile:
                self.history.note(is_compiled=self.is_compiled)
        else:
            is_first = False
            readings = host_probe.read_on_host(self._weights, state, batch)
        if self.history.facts.model is None:
            self._describe_run(batch)
        if is_first:
            self._describe_network()
        self._note_gates(readings, batches.size(batch))
        values = readings | self._derived(readings, state, step)
        measurements = [
            Measurement(step, epoch, quantity, target, _as_value(value))
            for (quantity, target), value in values.items()
        ]
        self.history.extend(measurements)
        return measurements

    def weights_before(self, arguments):
        """Return what `measure_update` wants to know of the weights before a step."""
        return self._ratios.before(backend.state(self.model, arguments))

    @property
    def _ratios(self):
        return self._update if self.is_inside else self._host_update

    def measure_update(self, before, result, step, epoch, steps):
        """Return the update ratios, per optimizer step, of the call that gave `result`."""
        if not before:
            return []
        ratios = self._ratios.after(before, backend.trained(self.model, result)) / steps
        measurements = self._first_loss_from_outside(result, step, epoch)
        measurements += [
            Measurement(step, epoch, "updates/ratio", name, float(ratio))
            for name, ratio in zip(self._weights, ratios, strict=True)
            if np.isfinite(ratio)
        ]
        self.history.extend(measurements)
        return measurements

    def score(self, step, epoch):
        """Score the kept training and validation examples alike; return the measurements."""
        is_possible = self._probe is not None and self._probe.has_run and self._probe.has_loss
        if not is_possible or self._score is None:
            return []
        self._describe_data()
        only = self._batch_size.only
        if only is not None and SLICES * only > MAX_EXAMPLES:
            self.notice(
                f"Not watched: scores. The model takes batches of {only} and no others; a score "
                f"needs {SLICES} of them, and {MAX_EXAMPLES} examples are kept.",
                "scores",
            )
            return []
        try:
            values = self._scores()
        except Exception as error:
            self._score = self._plan = None
            self._batch_size.unsettle()
            self.notice(f"Not watched: scores ({type(error).__name__} in a score).", "scores")
            return []
        measurements = [Measurement(step, epoch, *key, value) for key, value in values.items()]
        self.history.extend(measurements)
        return measurements

    def _scores(self):
        """Return the values of one score by quantity and target."""
        state = backend.state(self.model, None)
        samples_of = {"train": self.kept.train, "validation": self.kept.validation}
        values, seen = {}, {}
        for target, sample in samples_of.items():
            part = sample.subsample(self._plan.examples)
            scores, seen[target], gates = self._run_score(state, part)
            if target == "train":
                for examples, readings in gates:
                    self._note_gates(readings, examples)
                values |= self._dead()
            for name, (mean, error) in scores.items():
                values[f"score/{name}", target] = mean
                values[f"score/{name}_stderr", target] = error
        train, validation = (self._read_task(scored) for scored in seen.values())
        are_known = train is not None and validation is not None
        if (
            are_known
            and not self.kept.is_whole_validation
            and not baselines.is_representative(train, validation)
        ):
            values = {key: value for key, value in values.items() if key[1] != "validation"}
            validation = None
        neighbours = None if train is None else self._neighbour_errors(train, seen["train"].inputs)
        return values | baselines.compare_with_baselines(train, validation, neighbours)

    def _read_task(self, scored):
        if scored is None:
            return None
        outputs = self.history.facts.outputs
        return baselines.read_task(scored.targets, scored.predictions, outputs, scored.weights)

    def _choose(self, batch):
        """Return the examples to measure on: those of the step, or kept ones where it has few."""
        if self.kept.is_given:
            return self.kept.next_given(self._batch_size.only or self._examples)
        size = 0 if batch is None else batches.size(batch)
        self._usual = max(size, self._usual)
        only = self._batch_size.only
        if only and not self._batch_size.is_too_small:
            if size == only:
                return batch
            return self.kept.train.batch(only) if self.can_use_kept else None
        enough = max(SMALL, self._usual) if backend.COMPILES_EACH_SIZE else SMALL
        if batch is not None and size >= min(enough, len(self.kept.train)):
            return batches.keep(batch, self._examples)
        return self.kept.train.batch(self._count_kept())

    def _count_kept(self):
        """Return how many of the kept examples to measure on: what a probe takes at most.

        Where the budget does not spare what the further ones take, or each number of examples is
        a compilation of its own, as many as the steps have; and as long as there are fewer, a power
        of two, of which there are few.
        """
        kept, wanted = len(self.kept.train), min(max(SMALL, self._usual), self._examples)
        if not backend.COMPILES_EACH_SIZE:
            further = self._pace.per_example() * (self._examples - wanted)
            # A single look may take half of what is left.
            return self._examples if self.schedule.has_left(2 * further) else wanted
        return wanted if kept >= wanted else _power_of_two(kept)

    def _count_scored(self, sample):
        """Return how many examples of a sample to score at a time.

        Where each number of examples is a compilation of its own, as many as of the other sample,
        unless that were small change.
        """
        if self._batch_size.only:
            return self._batch_size.only
        if not backend.COMPILES_EACH_SIZE:
            return self._plan.at_a_time(self._examples)
        both = (self.kept.train, self.kept.validation)
        of = {id(s): len(s) // SLICES for s in both if len(s) >= SLICES}
        most, least = of.get(id(sample), 1), min(of.values(), default=1)
        return min(self._examples, _power_of_two(least if most <= SLICES * least else most))

    def _first_loss_from_outside(self, result, step, epoch):
        loss = host_probe.first_loss(result) if step == 0 and not self.is_inside else None
        if loss is None:
            return []
        return [Measurement(step, epoch, f"loss/{name}", "", loss) for name in ("batch", "start")]

    def _look_closer(self, step):
        """Go from outside to a probe, and on to a compiled one, once the budget grants that."""
        if self._batch_size.is_too_small:
            return
        if not self._may_look_inside:
            self._may_look_inside = self.schedule.allows_once(self.start_seconds, step)
            if self._may_look_inside:
                # Of a large network a second probe may be more than a short run is granted.
                again = 0.0 if self.is_compiled else REPEAT_FRACTION * self.start_seconds
                self.schedule.forget_costs()
                self.schedule.estimate("probe", self.start_seconds, again=again)
            return
        can_compile = self._may_compile and not self.is_compiled
        if can_compile and self.schedule.is_worth_compiling(step):
            self.is_compiled = True
            self.schedule.forget_costs()
            kept = self._probe
            self._make_probes(layers=kept.watched, has_loss=kept.has_loss, has_call=kept.has_call)

    def _run(self, state, batch, whole):
        """Return the readings and the batch they are of, None where there is no such batch.

        Where the probe fails, try batches of the size of a step: the model may take no others.
        Where that fails as well and it is the first probe, watch less until it works, and say so.
        Where memory does not suffice, once and for all measure on fewer examples.
        """
        lost, steps = None, 0 if whole is None else batches.size(whole)
        while batch is not None:
            size = batches.size(batch)
            try:
                readings = self._take_turn(state, batch)
            except Exception as error:
                if self._can_shrink(error):
                    lost = self._shrink(size)
                    batch = batches.keep(batch, self._examples)
                elif self._batch_size.settle(size, steps):
                    batch = self._choose(whole) if self.is_inside else None
                elif self._probe.has_run or not self._fallbacks:
                    raise
                else:
                    self._batch_size.unsettle()
                    batch = self._choose(whole)
                    what, options = self._fallbacks.pop(0)
                    lost = f"Not watched: {what} ({type(error).__name__} in the probe)."
                    self._make_probes(**options)
            else:
                self._batch_size.note(size)
                if lost:
                    self.notice(lost)
                return readings, batch
        return None, None

    def _take_turn(self, state, batch):
        takes_gradients = self.schedule.every != "auto" or self._turns.takes_gradients()
        holds_compilation = self.is_compiled and not self._probe.has_run
        start = self.schedule.clock()
        scale = loss_scale(self.model.optimizer, state)
        readings = self._probe(state, batch, loss_scale=scale, takes_gradients=takes_gradients)
        seconds = self.schedule.clock() - start
        self._turns.note(takes_gradients=takes_gradients, seconds=seconds)
        if takes_gradients and not holds_compilation:
            self._pace.note(batches.size(batch), seconds)
            self.foresee_score()
        return readings

    def foresee_score(self):
        """Choose what the next score takes: it goes through all that is kept, or a part of it."""
        if self._plan is not None:
            self._plan.choose(self.kept.train, self.kept.validation)

    def _can_shrink(self, error):
        is_first = self._examples == PROBE_EXAMPLES
        return backend.is_out_of_memory(error) and is_first and not self._batch_size.only

    def _shrink(self, size):
        """Measure on fewer examples from now on; return the sentence that says so.

        A quarter of them, and no more than a step has: for those the memory suffices.
        """
        self._examples = max(1, min(size // 4, self._usual or size))
        return (
            f"Probes measure {self._examples} examples instead of {size}: for more the memory "
            "did not suffice."
        )

    def _run_score(self, state, sample):
        start, count = self.schedule.clock(), self._count_scored(sample)
        try:
            found = self._score(state, sample, count, batch_size=self._batch_size.only)
        except Exception as error:
            if self._can_shrink(error):
                if count <= self._examples:
                    self.notice(self._shrink(count), "examples")
                self._plan.spare_memory()
            elif not self._batch_size.settle(count) or self._batch_size.is_too_small:
                raise
            return self._run_score(state, sample)
        self._plan.note(len(sample), self.schedule.clock() - start)
        return found

    def _describe_run(self, batch):
        size = batches.size(batch)
        self.history.note(
            **facts.describe(self.model, self.planned, size),
            weights=facts.describe_weights(self.model, self._weights, {}),
        )
        self._describe_data(batch)
        steps = self.planned.get("steps")
        examples = steps * size if steps else None
        self.history.note(examples_per_epoch=examples)
        self.kept.needed = min(MAX_EXAMPLES, examples or MAX_EXAMPLES)
        self._units, self._pieces = (GateWindow(self.kept.needed) for _ in range(2))

    def _describe_network(self):
        layers, profiles = self._probe.layers, self._probe.profiles
        ends = facts.output_layers(layers, self._probe.outputs)
        self.history.note(
            layers={
                target: facts.describe_layer(layer, profiles[target], target in ends)
                for target, layer in layers.items()
            },
            weights=facts.describe_weights(self.model, self._weights, layers),
            outputs=describe_outputs(self.model, self._probe.outputs, self._probe.columns),
        )

    def _describe_data(self, batch=None):
        """Describe what is kept of the data, again as long as more comes."""
        size = len(self.kept.train) if batch is None else batches.size(batch)
        if size > (self.history.facts.data.examples or 0):
            batch = self.kept.train.batch(MAX_EXAMPLES) if batch is None else to_host(batch)
            batch_size = self.history.facts.batch_size if not self.kept.is_given else None
            self.history.note(data=describe_data(batch, batch_size=batch_size))

    def _note_gates(self, readings, examples):
        for (quantity, target), gates in readings.items():
            if quantity == "activations/gate_max":
                self._units.add(target, examples, gates)
            if quantity == "activations/piece_share":
                self._pieces.add(target, examples, gates)

    def _dead(self):
        """Return the shares of dead units and pieces, where enough examples were seen."""
        shares = {}
        for name, window in (("dead", self._units), ("dead_piece", self._pieces)):
            for target in window.targets():
                share = window.dead_fraction(target)
                if share is not None:
                    shares[f"activations/{name}_fraction", target] = share
        return shares

    def _derived(self, readings, state, step):
        """Return what follows from the readings: shares of units, learning rate, first loss."""
        values = {}
        rate = learning_rate(self.model.optimizer, state)
        if rate is not None:
            values["optimizer/learning_rate", ""] = rate
        scale = loss_scale(self.model.optimizer, state)
        if scale != 1:
            values["optimizer/loss_scale", ""] = scale
        if ("loss/batch", "") in readings and (step == 0 or self._is_starting):
            values["loss/start", ""] = self._first_loss(readings["loss/batch", ""])
        values |= self._dead()
        for quantity, target in list(readings):
            if quantity == "activations/saturated_low":
                low, high = (
                    readings[f"activations/saturated_{e}", target] for e in ("low", "high")
                )
                values["activations/saturated_fraction", target] = np.mean(low + high > MOST)
        return values

    @property
    def _is_starting(self):
        """Whether too few examples were seen so far to know the loss before the first step.

        Batches of fewer are joined, though the weights move in between.
        """
        seen = len(self._firsts) * self.history.facts.batch_size if self._firsts else 0
        return 0 < seen < MIN_PROBE_EXAMPLES

    def _first_loss(self, loss):
        """Return the median loss of the first batches: one example alone may be lucky."""
        self._firsts.append(float(loss))
        return float(np.median(self._firsts))

    def _neighbour_errors(self, task, inputs):
        if self._neighbours is None:
            self._neighbours = baselines.Neighbours(are_tokens=baselines.takes_tokens(self.model))
        return self._neighbours.errors(task, inputs)


def _power_of_two(number):
    """Return the largest power of two up to a number, at least 1."""
    return 2 ** (max(1, number).bit_length() - 1)


def _as_value(value):
    return np.asarray(value, np.float32) if np.ndim(value) else float(value)
