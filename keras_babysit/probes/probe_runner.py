"""Runs the probe of one model: how deep, compiled or not, and what to do where it fails."""

from keras_babysit.backends import backend
from keras_babysit.probes import notices, taps, work
from keras_babysit.probes.depth import Layers, Scope
from keras_babysit.probes.kept import Kept, key_of
from keras_babysit.probes.keras_step import KerasStep
from keras_babysit.probes.loss_facts import has_plain_loss, runs_as_a_step
from keras_babysit.probes.optimizer_state import loss_scale
from keras_babysit.probes.probe import Probe, symmetric_kernels
from keras_babysit.probes.step_probe import StepProbe
from keras_babysit.samples import batches
from keras_babysit.schedule.plan import SMALL_BATCH


class ProbeRunner:
    """Runs the probe of one model at the depth that the plan and the model allow.

    Args:
        model: A compiled and built `keras.Model`.
        state: Values of the variables as `backend.state` returns them.
        batch: The first batch to measure on.
        depth: The `Depth` of the run.
        choice: The `ExampleChoice` of the run.
        batch_size: The `BatchSize` of the model.
        schedule: A started `Schedule`; it is given the `CostEstimate` of the network.
        step_size: Examples of a training step; None for those of `batch`.
        kept: What is `Kept` of the model's earlier runs; None for nothing.
        notice: Called with a sentence when less is measured than could be.
        is_single: Whether a single probe is taken, which does not earn a compilation back.
        step: How to run the step of a loop of the user's; None for that of the model.

    Attributes:
        probe: The `Probe` as it is now, or a `StepProbe`.
        step: The `KerasStep` that it runs; None where it does not run the training step.
        kept: What is kept for the next run.
        key: What a graph of this model and its data is compiled for.
        estimate: The `CostEstimate` of the network.
    """

    def __init__(
        self,
        model,
        state,
        batch,
        depth,
        choice,
        batch_size,
        schedule,
        *,
        notice,
        step_size=None,
        is_single=False,
        kept=None,
        step=None,
    ):
        self._model = model
        self._depth = depth
        self._choice = choice
        self._batch_size = batch_size
        self._schedule = schedule
        self._notice = notice
        self.kept = Kept() if kept is None else kept
        self._symmetric_kernels = symmetric_kernels(model, state)
        self._has_loss = has_plain_loss(model)
        self.step = step or (KerasStep(model) if runs_as_a_step(model) else None)
        leaves = taps.leaves(model)
        self._layers = {
            Layers.INNERMOST: leaves,
            Layers.OUTERMOST: taps.outermost(model),
            Layers.NONE: [],
        }
        self.key = key_of(model, leaves, batch)
        self._batch, self._step_size, self._is_single = batch, step_size, is_single
        self._know_costs()
        self._make_probe()

    @property
    def runs_step(self):
        """Whether the training step of the user is run as it is."""
        return self.step is not None

    @property
    def first_seconds(self):
        """About how many seconds the first measurement of the layers takes, at the least."""
        return self.estimate.first(SMALL_BATCH)

    @property
    def layers(self):
        """The layers that the probe reads."""
        return self._layers[self._depth.scope.layers]

    def follow_plan(self):
        """Start to measure the layers, or to compile, as soon as the plan says so.

        The plan is made anew once the length of a run is known.
        """
        depth, mode = self._depth, self._schedule.plan.mode
        is_planned = self._schedule.every == "auto" and mode is not None
        if not is_planned or self._batch_size.is_too_small:
            return
        if mode.is_compiled and depth.can_compile and not depth.is_compiled:
            depth.compile()
            self._make_probe()
        if not depth.measures_layers:
            depth.start()

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
                readings = self._measure(state, batch)
            except Exception as error:
                if self._choice.can_shrink(error):
                    lost = self._choice.shrink(size)
                    batch = batches.keep(batch, self._choice.max_examples)
                elif self._batch_size.settle(size, steps):
                    is_too_small = self._batch_size.is_too_small
                    batch = None if is_too_small else self._choice.choose(whole)
                elif self.runs_step:
                    batch, lost = self._leave_step(whole, error)
                elif not self._is_recalled and not self._can_fall_back:
                    raise
                else:
                    batch, lost = self._fall_back(whole, error)
            else:
                self._batch_size.note(size)
                self._is_recalled = False
                if self._depth.is_compiled and not self.runs_step:
                    self.kept.keep("probe", (self._depth.scope, self.key), self.probe)
                if lost:
                    self._notice(lost)
                return readings, batch
        return None, None

    @property
    def _can_fall_back(self):
        return not self.probe.has_run and self._depth.can_fall_back

    def _leave_step(self, whole, error):
        """Return what to measure on without running the step, and the notice about that."""
        self.step = None
        self._batch_size.unsettle()
        self._know_costs()
        self.follow_plan()
        self._make_probe()
        return self._choice.choose(whole), notices.step_failed(error)

    def _fall_back(self, whole, error):
        """Return what to measure on with the next smaller scope, and the notice about that.

        A probe that is left over from an earlier run is made anew first.
        """
        self._batch_size.unsettle()
        batch = self._choice.choose(whole)
        if self._is_recalled:  # it was compiled for what is no more
            self.kept.forget()
            self._make_probe()
            return batch, None
        self._depth.fall_back()
        self._make_probe()
        return batch, notices.probe_failed(self._depth.scope, error)

    def _know_costs(self):
        """Estimate the costs of the probe, and tell the schedule.

        A step of the user's always takes gradients, and only JAX compiles it.
        """
        can_compile = self._depth.can_compile
        self.estimate = work.estimate_cost(
            self._model,
            self._layers[Layers.INNERMOST],
            self._batch,
            batch_size=self._step_size or batches.size(self._batch),
            can_compile=can_compile and (backend.COMPILES_EACH_SIZE or not self.runs_step),
            takes_gradients=self.runs_step,
            is_single=self._is_single,
            is_kept=can_compile and not self.runs_step and self._recall(Scope()) is not None,
            is_carried=self._choice.is_carried,
        )
        self._schedule.know(self.estimate)

    def _recall(self, scope):
        """Return the compiled probe of an earlier run, None if there is none that does."""
        probe = self.kept.recall("probe", (scope, self.key))
        is_enough = probe is not None and self._symmetric_kernels <= probe.symmetric_kernels
        return probe if is_enough else None

    def _make_probe(self):
        scope, is_compiled = self._depth.scope, self._depth.is_compiled
        known = self._recall(scope) if is_compiled and not self.runs_step else None
        self._is_recalled = known is not None
        if self.runs_step:
            self.probe = StepProbe(self._model, step=self.step)
        else:
            self.probe = known or Probe(
                self._model,
                layers=self._layers[scope.layers],
                has_loss=scope.has_loss and self._has_loss,
                has_call=scope.has_call,
                is_compiled=is_compiled,
                symmetric_kernels=self._symmetric_kernels,
            )

    def _measure(self, state, batch):
        scale = loss_scale(self._model.optimizer, state)
        return self.probe(
            state, batch, loss_scale=scale, takes_gradients=self._schedule.takes_gradients
        )
