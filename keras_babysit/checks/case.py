"""The `Case`: a model and its data before training, with the measurements that checks share.

Everything is measured on copies of the variables, inside a `keras.StatelessScope`.
"""

import contextlib
import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_babysit.backends import backend, to_array
from keras_babysit.checks._data import Data
from keras_babysit.checks._depths import LayerSignal, measure
from keras_babysit.checks._reading import OutputRange, read_ranges
from keras_babysit.checks._training import random_layers_off
from keras_babysit.checks.result import Unknown
from keras_babysit.errors import ProbeMismatchError, brief
from keras_babysit.facts import OutputFacts, TargetFacts
from keras_babysit.findings import Finding
from keras_babysit.history import History, Measurement
from keras_babysit.probes import Monitor, taps
from keras_babysit.probes.loss_behaviour import Rows, describe_behaviour
from keras_babysit.probes.loss_facts import has_own_step, has_plain_loss
from keras_babysit.probes.loss_reading import LossKind, View, read_loss
from keras_babysit.probes.probe import MAX_ROWS, compute_loss, stateless
from keras_babysit.probes.work import estimate_cost
from keras_babysit.samples import ReferenceSample, UserProbeData, batches
from keras_babysit.samples.batch_size import BatchSize
from keras_babysit.samples.data_facts import describe_target
from keras_babysit.schedule import Schedule
from keras_babysit.schedule.plan import MAX_PROBE_EXAMPLES
from keras_babysit.typing import Batch, Nested, Tensor

COMPILES = keras.backend.backend() == "jax"
"""Whether to compile even for a few passes. Without it, JAX compiles every operation separately,
which takes longer; TensorFlow and PyTorch run eagerly without compilation."""

MIN_BATCH_EXAMPLES = 8
"""Number of examples used for large models; small models get more. Batch normalization in training
mode needs several."""

PASS_FRACTION = 0.01
"""Fraction of the time limit that one forward pass may take. All checks make about 60 passes."""

GUARD = 3.0
"""Multiple of the time limit after which checks are skipped, whatever was estimated."""

STARTS_PER_PROBE = 12
"""First-pass overheads that the start of a probe takes."""

# Costs in forward passes ("passes") and in first-pass overheads ("starts"; on JAX a compilation),
# counted on ResNet50V2 and rounded up.
PROBE = {"passes": 7, "starts": STARTS_PER_PROBE}
DEPTHS = {"passes": 13, "starts": 15}
GRADIENT = {"passes": 4, "starts": 3}
TRAINER = {"passes": 20, "starts": 5} if keras.backend.backend() != "torch" else {"passes": 3}


class Case:
    """A compiled and built model, a sample of its data, and a time limit.

    Args:
        model: The model.
        data: The training data, a `Data`.
        validation: The validation data, a `Data`, or None.
        seconds: Time limit for all checks together, in estimated seconds. What is checked follows
            from the model and this number, not from the clock, which is a guard at three times it.

    Attributes:
        history: The measurements so far, as the rules read them.
        state: Values of the variables, `(trainable, other, optimizer)`.
        batch: Up to 256 shuffled examples, `(x, y, sample_weight)`.
        notices: Sentences about what cannot be measured.
        found: Findings of the preceding checks.
    """

    def __init__(
        self,
        model: keras.Model,
        data: Data,
        validation: Data | None = None,
        *,
        seconds: float = 30.0,
    ) -> None:
        self.model = model
        self.data = data
        self.validation = validation
        self.seconds = seconds
        self._guard = time.perf_counter() + GUARD * seconds
        self._spent = 0.0  # estimated seconds
        self.history = History()
        self.state = backend.state(model, None)
        self.notices: list[str] = []
        self.found: list[Finding] = []
        self._graphs: dict[tuple[bool, ...], Callable[..., Any]] = {}
        self._batch_size = BatchSize(model)
        self.batch = (
            data.batch if self.is_one_batch else data.some(self.batch_size or MIN_BATCH_EXAMPLES)
        )
        try:
            self._make_first_pass()
        except Exception as error:
            raise ProbeMismatchError(_not_callable(model, self.batch[0], error)) from error
        self._estimate = estimate_cost(
            model,
            taps.leaves(model),
            self.batch,
            batch_size=batches.size(self.batch),
            can_compile=backend.CAN_COMPILE,
            is_single=True,
        )
        if self.batch_size is None:
            self.batch = data.some(self._choose_examples())

    @property
    def batch_size(self) -> int | None:
        """The only batch size that the model accepts; None if it accepts any."""
        return self._batch_size.only

    @property
    def is_one_batch(self) -> bool:
        """Whether the model accepts only the whole data set as one batch, like a graph network."""
        return self.data.is_whole and self.batch_size == len(self.data)

    def _make_first_pass(self) -> None:
        """Make a pass with a few examples, and with all of them if that fails."""
        try:
            self.forward(training=True)
        except Exception:
            steps = len(self.data) if self.data.is_whole else 0
            if not self._batch_size.settle(batches.size(self.batch), steps):
                raise
            self.batch = self.data.batch
            with contextlib.suppress(Exception):
                self.forward(training=True)
                return
            raise

    def _choose_examples(self) -> int:
        """Return the examples of a pass: a power of two whose pass takes its part of the time."""
        examples = MAX_PROBE_EXAMPLES
        most = PASS_FRACTION * self.seconds
        while examples > MIN_BATCH_EXAMPLES and self._estimate.forward(examples) > most:
            examples //= 2
        return examples

    @property
    def seconds_left(self) -> float:
        """Remaining time in estimated seconds; negative once the guard on the clock has acted."""
        if time.perf_counter() > self._guard:
            return -1.0
        return max(0.0, self.seconds - self._spent)

    def seconds_of(
        self, *, passes: float = 0, starts: float = 0, examples: int = MAX_PROBE_EXAMPLES
    ) -> float:
        """Return the estimated seconds of some passes and starts; see `need_time`."""
        estimate = self._estimate
        start = (estimate.compiled_start or estimate.uncompiled_start or 0.0) / STARTS_PER_PROBE
        a_pass = estimate.forward(min(examples, batches.size(self.batch)))
        return float(passes * a_pass + starts * start)

    def spend(self, *, passes: float = 0, examples: int = MAX_PROBE_EXAMPLES) -> None:
        """Count a measurement that `need_time` did not; arguments as for that."""
        self._spent += self.seconds_of(passes=passes, examples=examples)

    def need_time(
        self, *, passes: float = 0, starts: float = 0, examples: int = MAX_PROBE_EXAMPLES
    ) -> None:
        """Raise `Unknown` unless enough time is left for the next measurement, and count it.

        Args:
            passes: Estimated number of forward passes.
            starts: Estimated number of first-pass overheads (compilations) in addition.
            examples: Number of examples per pass, at most those of `batch`.
        """
        cost = self.seconds_of(passes=passes, starts=starts, examples=examples)
        left = max(self.seconds_left, 0.0)
        if cost > left:
            raise Unknown(
                f"skipped: needs about {_short(cost)} s, {_short(left)} s left. Raise `seconds`."
            )
        self._spent += cost

    @functools.cached_property
    def has_loss(self) -> bool:
        """Whether `fit` minimizes `model.compute_loss`, and it can be computed on these targets."""
        if not has_plain_loss(self.model):
            return False
        x, y, sample_weight = tensors(self.batch)
        y_pred = tensors(self.packed(self.outputs))
        try:
            with stateless(self.model, *self.state[:2]):
                compute_loss(self.model, x, y, y_pred, sample_weight, training=True)
        except Exception:
            return False
        return True

    @property
    def has_plain_train_step(self) -> bool:
        """Whether `fit` minimizes what `model.compute_loss` returns."""
        return bool(has_plain_loss(self.model))

    @property
    def has_plain_compute_loss(self) -> bool:
        """Whether the model uses Keras' own `compute_loss`: the compiled loss plus penalties."""
        return type(self.model).compute_loss is keras.Model.compute_loss

    @functools.cached_property
    def known(self) -> dict[tuple[str, str], Any]:
        """The measurements of one probe, by quantity and target; also added to `history`.

        Raises:
            Unknown: If there is not enough time.
        """
        self.need_time(**PROBE)
        schedule = Schedule("auto", 1.0)
        schedule.start()
        monitor = Monitor(
            self.model,
            self.history,
            schedule,
            planned={},
            notice=lambda sentence, about="": self.notices.append(sentence),
            reference=ReferenceSample(
                self.history, UserProbeData(lambda: iter([self.batch]), is_fresh=False)
            ),
        )
        measurements = monitor.measure(0, 0, None, None)
        return {(m.quantity, m.target): m.value for m in measurements}

    def record(self, quantity: str, value: float, target: str = "") -> None:
        """Add a measurement to the history."""
        self.history.append(Measurement(0, 0, quantity, target, value))

    def need_loss(self) -> None:
        """Raise `Unknown` if the loss cannot be computed outside of `fit`."""
        if not has_plain_loss(self.model):
            raise Unknown("the loss is computed in a custom train_step")
        if self.batch[1] is None and self.has_plain_compute_loss and self.model.loss is not None:
            raise Unknown("there are no targets")
        if not self.has_loss:
            raise Unknown("the loss cannot be computed on this data")

    def forward(
        self,
        x: Nested | None = None,
        *,
        training: bool = False,
        trainable: Sequence[Tensor] | None = None,
        other: Sequence[Tensor] | None = None,
        is_eager: bool = False,
        is_calm: bool = False,
    ) -> tuple[list[np.ndarray], list[Tensor]]:
        """Return the outputs as a flat list of arrays, and the updated values of `other`.

        Args:
            x: Inputs; None for those of `batch`.
            training: Whether to run in training mode.
            trainable: Values of the trainable variables; None for the model's own.
            other: Values of the other variables; None for the model's own.
            is_eager: Whether to run without compilation, so that taps receive concrete values.
            is_calm: Whether to switch off layers that draw random numbers, in training mode too.
        """
        x = self.batch[0] if x is None else x
        trainable = self.state[0] if trainable is None else trainable
        other = self.state[1] if other is None else other
        run = self._run if is_eager or not COMPILES else self._compiled(training, is_calm)
        outputs, after = run(trainable, other, tensors(x), training, is_calm)
        return [to_array(leaf) for leaf in outputs], after

    def _run(
        self,
        trainable: Sequence[Tensor],
        other: Sequence[Tensor],
        x: Nested,
        training: bool,
        is_calm: bool,
    ) -> tuple[list[Tensor], list[Tensor]]:
        calm = random_layers_off(self.model) if is_calm else contextlib.nullcontext()
        with stateless(self.model, trainable, other) as scope, calm:
            outputs = self.model(x, training=training)
        variables = [*self.model.non_trainable_variables, *self.model.metrics_variables]
        return keras.tree.flatten(outputs), [scope.get_current_value(v) for v in variables]

    def _compiled(self, *mode: bool) -> Callable[..., Any]:
        if mode not in self._graphs:
            training, is_calm = mode
            graph = backend.compile(
                functools.partial(self._run, training=training, is_calm=is_calm)
            )
            self._graphs[mode] = lambda trainable, other, x, *_: graph(trainable, other, x)
        return self._graphs[mode]

    @functools.cached_property
    def depths(self) -> list[LayerSignal]:
        """Signal and gradient at each layer for `batch`, a list of `LayerSignal`.

        Raises:
            Unknown: If there is not enough time.
        """
        return self.depths_at(None)

    def depths_at(self, trainable: Sequence[Tensor] | None) -> list[LayerSignal]:
        """Return `depths` for other values of the trainable variables.

        Raises:
            Unknown: If there is not enough time.
        """
        self.need_time(**DEPTHS)
        return measure(self, trainable)

    def few(self, examples: int) -> Nested:
        """Return the inputs of the first `examples` of the batch, or of the required batch size."""
        count = self.batch_size or examples
        return batches.take(self.batch, slice(0, count))[0]

    @functools.cached_property
    def outputs(self) -> list[np.ndarray]:
        """The outputs for `batch` in training mode, a flat list of arrays."""
        return self.forward(training=True)[0]

    @functools.cached_property
    def inferred(self) -> list[np.ndarray]:
        """The outputs for `batch` in inference mode, a flat list of arrays."""
        return self.forward(training=False)[0]

    @functools.cached_property
    def structure(self) -> Nested:
        """The nested structure of the outputs, used to pack flat lists."""
        with stateless(self.model, *self.state[:2]):
            outputs = self.model(tensors(self.few(2)), training=False)
        return keras.tree.map_structure(lambda leaf: None, outputs)

    def output_names(self) -> list[str]:
        """Return the name of each output; `[""]` for a single one."""
        names = getattr(self.model, "output_names", None)
        if names is None or len(names) != len(self.outputs):
            names = [f"output {index}" for index in range(len(self.outputs))]
        return list(names) if len(names) > 1 else [""]

    @functools.cached_property
    def targets(self) -> list[np.ndarray]:
        """The targets of `batch`, a flat list in the order of the outputs.

        Raises:
            Unknown: If targets cannot be matched to outputs.
        """
        return self.flat_targets(self.batch[1])

    def flat_targets(self, y: Nested) -> list[np.ndarray]:
        """Return targets as a flat list in the order of the outputs.

        Raises:
            Unknown: If targets cannot be matched to outputs.
        """
        if isinstance(y, dict) and not isinstance(self.structure, dict):
            names = self.output_names()
            if set(names) != set(y):
                raise Unknown("targets and outputs have different names")
            y = [y[name] for name in names]
        flat = [leaf for leaf in keras.tree.flatten(y) if leaf is not None]
        if len(flat) != len(self.outputs):
            raise Unknown(f"there are {len(flat)} targets for {len(self.outputs)} outputs")
        return flat

    @functools.cached_property
    def target_facts(self) -> list[TargetFacts]:
        """The facts of the targets of each output.

        All targets that were read are used, because invalid ones may be rare. One row of targets
        corresponds to one row of the output, such as one pixel.
        """
        found = []
        for y, prediction in zip(self.flat_targets(self.data.y), self.outputs, strict=True):
            columns = y.shape[-1] if 1 < prediction.ndim <= y.ndim else 1
            found.append(describe_target(y.reshape(-1, columns)))
        return found

    @functools.cached_property
    def kinds(self) -> list[LossKind]:
        """What the loss expects of each output, a list of `LossKind`."""
        return [read_loss(View(self, index)) for index in range(len(self.targets))]

    def behaviour(self, outputs: Sequence[OutputFacts]) -> Any:
        """Return how the loss behaves, and the `OutputFacts`, completed by that.

        Args:
            outputs: The `OutputFacts` of each output, as far as they are known.
        """
        few = slice(MAX_ROWS)
        rows = Rows(
            self.model,
            self.state,
            batches.take(self.batch[0], few),
            [one[few] for one in self.targets],
            [one[few] for one in self.outputs],
            self.structure,
            is_compiled=COMPILES,
        )
        return describe_behaviour(rows, outputs)

    @functools.cached_property
    def ranges(self) -> list[OutputRange]:
        """The range of each output, a list of `OutputRange`.

        Raises:
            Unknown: If there is not enough time, or if the range cannot be determined.
        """
        return read_ranges(self)

    def loss(
        self,
        y: Sequence[Any],
        predictions: Sequence[Any],
        *,
        sample_weight: Nested | None = None,
        x: Nested | None = None,
    ) -> float:
        """Return the loss of flat lists of targets and predictions, without penalties, a float."""
        x = self.batch[0] if x is None else x
        y, predictions = (self.packed(leaves) for leaves in (y, predictions))
        with stateless(self.model, *self.state[:2]):
            loss = compute_loss(
                self.model,
                tensors(x),
                tensors(y),
                tensors(predictions),
                tensors(sample_weight),
                training=True,
            )
            # Penalties do not depend on the predictions.
            extra = sum(float(np.sum(to_array(leaf))) for leaf in self.model.losses)
        return float(to_array(loss)) - extra

    def packed(self, leaves: Sequence[Any]) -> Nested:
        """Return a flat list packed into the structure of the outputs."""
        if len(leaves) == 1 and self.structure is None:
            return leaves[0]
        return keras.tree.pack_sequence_as(self.structure, leaves)

    def perturbed(self, scale: float, seed: int, *, shrink: float = 1.0) -> list[Tensor]:
        """Return the trainable values plus noise of `scale` times Glorot's standard deviation.

        This tells what holds for any weights from what holds for the initial ones only, such as a
        zero output because the last layer starts at zero.

        Args:
            scale: Scale of the noise.
            seed: Seed of the noise.
            shrink: Factor applied to the values before noise is added.
        """
        rng = np.random.default_rng(seed)
        values = []
        for value, variable in zip(self.state[0], self.model.trainable_variables, strict=True):
            fan_in = max(1, int(np.prod(variable.shape[:-1])))
            noise = rng.normal(size=tuple(variable.shape)) * scale / np.sqrt(fan_in)
            values.append(
                ops.cast(shrink * to_array(value).astype("float64") + noise, variable.dtype)
            )
        return values


def _short(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}"


def tensors(batch: Batch) -> Batch:
    """Return a batch with tensors in place of arrays; text stays as it is."""
    return keras.tree.map_structure(lambda a: None if a is None else _tensor(a), batch)


def _tensor(array: Any) -> Tensor:
    is_text = getattr(array, "dtype", None) is not None and np.dtype(array.dtype).kind in "OSU"
    return array if is_text else ops.convert_to_tensor(array)


def _not_callable(model: keras.Model, x: Nested, error: Exception) -> str:
    shapes = keras.tree.map_structure(lambda leaf: tuple(np.shape(leaf)), x)
    hint = (
        " Its own `train_step` seems to call it on something else. Pass that as `x`, or let "
        "`kb.Babysitter()` watch the training."
        if has_own_step(model)
        else ""
    )
    return (
        "Argument `x` must be inputs that the model can be called on. Received: a batch of shape "
        f"{shapes}, for which it raises {brief(error)}{hint}"
    )
