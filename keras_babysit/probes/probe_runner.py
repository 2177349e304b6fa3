"""Runs the probe of one model: how deep, compiled or not, and what to do where it fails."""

from keras_babysit.backends import backend
from keras_babysit.probes import notices, taps
from keras_babysit.probes.depth import Layers
from keras_babysit.probes.keras_step import KerasStep
from keras_babysit.probes.loss_facts import has_own_step, has_plain_loss
from keras_babysit.probes.optimizer_state import loss_scale
from keras_babysit.probes.probe import Probe, symmetric_kernels
from keras_babysit.probes.step_probe import StepProbe
from keras_babysit.samples import batches
from keras_babysit.schedule import score_plan
from keras_babysit.schedule.gradient_turns import GradientTurns
from keras_babysit.schedule.pace import REPEAT_FRACTION, Pace
from keras_babysit.schedule.schedule import START_FRACTION

RECURRENT_LAYER_SIZE = 5
"""Layers that a recurrent layer counts for: its loop is compiled as well."""


class ProbeRunner:
    """Runs the probe of one model at the depth that the budget and the model allow.

    Args:
        model: A compiled and built `keras.Model`.
        state: Values of the variables as `backend.state` returns them.
        depth: The `Depth` of the run.
        choice: The `ExampleChoice` of the run.
        batch_size: The `BatchSize` of the model.
        schedule: A started `Schedule`.
        notice: Called with a sentence when less is measured than could be.
        is_single: Whether a single probe is taken, which does not earn a compilation back.

    Attributes:
        probe: The `Probe` as it is now, or a `StepProbe`.
        step: The `KerasStep` that it runs; None where it does not run the training step.
        size: Number of layers, a recurrent one counted for several.
    """

    def __init__(
        self, model, state, depth, choice, batch_size, schedule, *, notice, is_single=False
    ):
        self._model = model
        self._depth = depth
        self._choice = choice
        self._batch_size = batch_size
        self._schedule = schedule
        self._notice = notice
        self._symmetric_kernels = symmetric_kernels(model, state)
        self._has_loss = has_plain_loss(model)
        self.step = KerasStep(model) if has_own_step(model) else None
        leaves = taps.leaves(model)
        self._layers = {
            Layers.INNERMOST: leaves,
            Layers.OUTERMOST: taps.outermost(model),
            Layers.NONE: [],
        }
        self.size = sum(
            RECURRENT_LAYER_SIZE if isinstance(layer, taps.OPAQUE_LAYERS) else 1 for layer in leaves
        )
        if depth.can_compile and not depth.is_compiled and not is_single and not self.runs_step:
            seconds = backend.start_seconds(self.size, is_compiled=True)
            if schedule.allows_once(seconds / START_FRACTION, 0):
                depth.compile()
        self._make_probe()

    @property
    def runs_step(self):
        """Whether the training step of the user is run as it is."""
        return self.step is not None

    @property
    def start_seconds(self):
        """About how many seconds it takes to start measuring the layers of this network."""
        return backend.start_seconds(self.size, is_compiled=self._depth.is_compiled)

    @property
    def layers(self):
        """The layers that the probe reads."""
        return self._layers[self._depth.scope.layers]

    def go_deeper(self, step):
        """Start to measure the layers, and then to compile, once the budget allows that."""
        depth, schedule = self._depth, self._schedule
        if self._batch_size.is_too_small:
            return
        if not depth.measures_layers:
            if schedule.allows_once(self.start_seconds, step):
                depth.start()
                # A second probe of a large network may be more than a short run may spend.
                again = 0.0 if depth.is_compiled else REPEAT_FRACTION * self.start_seconds
                schedule.forget_costs()
                schedule.estimate("probe", self.start_seconds, again=again)
            return
        can_compile = depth.can_compile and not depth.is_compiled and not self.runs_step
        if can_compile and schedule.is_worth_compiling(step):
            depth.compile()
            schedule.forget_costs()
            self._make_probe()

    def run(self, state, batch, whole):
        """Measure a batch, or less of it where that fails.

        Batches of the size of a step are tried first: the model may take no others. If that fails
        as well and it is the first probe, less is measured until it works, with a notice. Where
        memory is not enough, fewer examples are measured from then on.

        Args:
            state: Values of the variables as `backend.state` returns them.
            batch: The examples to measure on.
            whole: The batch of the step, None if there is none.

        Returns:
            The readings by quantity and target and the batch they are of; None twice if there is
            no batch that the model takes.

        Raises:
            Exception: What the probe raises, where nothing of this helps.
        """
        lost, steps = None, 0 if whole is None else batches.size(whole)
        while batch is not None:
            size = batches.size(batch)
            try:
                readings = self._take_turn(state, batch)
            except Exception as error:
                if self._choice.can_shrink(error):
                    lost = self._choice.shrink(size)
                    batch = batches.keep(batch, self._choice.max_examples)
                elif self._batch_size.settle(size, steps):
                    is_too_small = self._batch_size.is_too_small
                    batch = None if is_too_small else self._choice.choose(whole)
                elif self.runs_step:
                    batch, lost = self._leave_step(whole, error)
                elif self.probe.has_run or not self._depth.can_fall_back:
                    raise
                else:
                    batch, lost = self._fall_back(whole, error)
            else:
                self._batch_size.note(size)
                if lost:
                    self._notice(lost)
                return readings, batch
        return None, None

    def _leave_step(self, whole, error):
        """Return what to measure on without running the step, and the notice about that."""
        self.step = None
        self._batch_size.unsettle()
        self._make_probe()
        return self._choice.choose(whole), notices.step_failed(error)

    def _fall_back(self, whole, error):
        """Return what to measure on with the next smaller scope, and the notice about that."""
        self._batch_size.unsettle()
        batch = self._choice.choose(whole)
        self._depth.fall_back()
        self._make_probe()
        return batch, notices.probe_failed(self._depth.scope, error)

    def _make_probe(self):
        scope, is_compiled = self._depth.scope, self._depth.is_compiled
        if self.runs_step:
            self.probe = StepProbe(self._model, step=self.step)
        else:
            self.probe = Probe(
                self._model,
                layers=self._layers[scope.layers],
                has_loss=scope.has_loss and self._has_loss,
                has_call=scope.has_call,
                is_compiled=is_compiled,
                symmetric_kernels=self._symmetric_kernels,
            )
        # Uncompiled, what does not grow with the examples is most of it in a small network.
        self._choice.pace = Pace(fixed=0.0 if is_compiled else REPEAT_FRACTION * self.start_seconds)
        self._turns = GradientTurns(score_plan.SCORE_PER_PROBE * self.start_seconds)

    def _take_turn(self, state, batch):
        takes_gradients = self._schedule.every != "auto" or self._turns.takes_gradients()
        holds_compilation = self._depth.is_compiled and not self.probe.has_run
        start = self._schedule.clock()
        scale = loss_scale(self._model.optimizer, state)
        readings = self.probe(state, batch, loss_scale=scale, takes_gradients=takes_gradients)
        seconds = self._schedule.clock() - start
        self._turns.note(takes_gradients=takes_gradients, seconds=seconds)
        if takes_gradients and not holds_compilation:
            self._choice.pace.note(batches.size(batch), seconds)
        return readings
