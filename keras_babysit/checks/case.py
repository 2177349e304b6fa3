"""The case: one model and its data before training, and what several checks want to know of them.

Everything is measured on values outside of the variables, inside a `keras.StatelessScope`.
"""

import contextlib
import functools
import time

import keras
import numpy as np
from keras import ops

from keras_babysit.backends import backend, to_array
from keras_babysit.checks._depths import measure
from keras_babysit.checks._reading import View, read_loss, read_ranges
from keras_babysit.checks._training import random_layers_off
from keras_babysit.checks.result import Unknown
from keras_babysit.history import History, Measurement
from keras_babysit.probes import Monitor
from keras_babysit.probes.example_choice import MAX_PROBE_EXAMPLES
from keras_babysit.probes.loss_facts import has_plain_loss
from keras_babysit.probes.probe import compute_loss, stateless
from keras_babysit.samples import ReferenceSample, UserProbeData, batches
from keras_babysit.samples.batch_size import BatchSize
from keras_babysit.samples.data_facts import describe_target
from keras_babysit.schedule import Schedule

COMPILES = keras.backend.backend() == "jax"
"""Whether a few passes are worth a compilation. Op by op JAX compiles each operation by itself,
which takes longer; TensorFlow and PyTorch run at once."""


FEW = 8
"""Examples on which models are measured whose passes take long; others get more. A batch norm in
training mode needs several."""

A_PASS = 0.01
"""Share of the time for all checks that a forward pass may take: together they make about sixty."""

# What things cost, in forward passes and in the time that the first pass takes longer than the next
# (on JAX that is a compilation), measured on ResNet50V2 and rounded up.
PROBE = {"passes": 7, "starts": 12}
DEPTHS = {"passes": 13, "starts": 15}
GRADIENT = {"passes": 4, "starts": 3}
TRAINER = {"passes": 20, "starts": 5} if keras.backend.backend() != "torch" else {"passes": 3}


class Case:
    """A compiled and built model, a sample of its data, and the time that there is.

    Args:
        model: The model.
        data: The training data, a `Data`.
        validation: The validation data, a `Data`, or None.
        seconds: Time for all checks.

    Attributes:
        history: What was measured, as the rules read it.
        state: Values of the variables: `(trainable, other, optimizer)`.
        batch: Up to 256 shuffled examples, `(x, y, sample_weight)`.
        notices: What cannot be watched, in words.
        found: What the checks before this one advised.
    """

    def __init__(self, model, data, validation=None, *, seconds=30.0):
        self.model = model
        self.data = data
        self.validation = validation
        self.deadline = time.perf_counter() + seconds
        self.history = History()
        self.state = backend.state(model, None)
        self.notices = []
        self.found = []
        self._graphs = {}
        self._pass_seconds = {}  # by the number of examples
        self._batch_size = BatchSize(model)
        self.batch = data.batch if self.is_one_batch else data.some(self.batch_size or FEW)
        first, later = self._first_pass(), self._timed()
        self._start_seconds = max(first - later, 0.0)
        affordable = FEW * A_PASS * seconds / later
        if self.batch_size is None and affordable > FEW:
            self.batch = data.some(int(min(affordable, MAX_PROBE_EXAMPLES)))
            self._timed()  # another shape is compiled once more
            self._timed()

    @property
    def batch_size(self):
        """How many examples the model takes at a time, None if it takes any number."""
        return self._batch_size.only

    @property
    def is_one_batch(self):
        """Whether the model takes all examples at once and no other number, as of a graph."""
        return self.data.is_whole and self.batch_size == len(self.data)

    def _first_pass(self):
        """Return the seconds of the first pass. If a few examples fail, all of them may not."""
        try:
            return self._timed()
        except Exception:
            steps = len(self.data) if self.data.is_whole else 0
            if not self._batch_size.settle(batches.size(self.batch), steps):
                raise
            self.batch = self.data.batch
            with contextlib.suppress(Exception):
                return self._timed()
            raise

    @property
    def seconds_left(self):
        """Time that is left, in seconds; below 0 if there is none."""
        return self.deadline - time.perf_counter()

    def need_time(self, *, passes=0, starts=0, examples=MAX_PROBE_EXAMPLES):
        """Raise `Unknown` unless there is time for something that has not begun yet.

        Args:
            passes: What it costs, in forward passes.
            starts: What it costs besides, in first passes.
            examples: Of how many examples the passes are; those of `batch` at most.
        """
        timed = sorted(self._pass_seconds.items())
        a_pass = np.interp(examples, *zip(*timed, strict=True))
        cost = passes * a_pass + starts * self._start_seconds
        left = max(self.seconds_left, 0.0)
        if cost > left:
            raise Unknown(
                f"not run: time (it takes about {cost:.2g} s, {left:.2g} s are left; give it more "
                "`seconds`)"
            )

    @functools.cached_property
    def has_loss(self):
        """Whether `model.compute_loss` tells what `fit` minimises, and there are targets to it."""
        if not has_plain_loss(self.model):
            return False
        x, y, sample_weight = _tensors(self.batch)
        y_pred = _tensors(self.packed(self.outputs))
        try:
            with stateless(self.model, *self.state[:2]):
                compute_loss(self.model, x, y, y_pred, sample_weight, training=True)
        except Exception:
            return False
        return True

    @property
    def has_plain_train_step(self):
        """Whether `fit` minimises what `model.compute_loss` returns."""
        return has_plain_loss(self.model)

    @property
    def has_plain_compute_loss(self):
        """Whether the loss is the compiled one plus the penalties, as Keras adds them up."""
        return type(self.model).compute_loss is keras.Model.compute_loss

    @functools.cached_property
    def known(self):
        """What one probe measured, by quantity and target; it stands in `history` too.

        Raises:
            Unknown: If there is no time for it.
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

    def _timed(self):
        """Return the seconds that a pass in training mode takes, and keep those of the last."""
        start = time.perf_counter()
        self.forward(training=True)
        spent = time.perf_counter() - start
        self._pass_seconds[batches.size(self.batch)] = spent
        return spent

    def record(self, quantity, value, target=""):
        """Add a measurement to the history."""
        self.history.append(Measurement(0, 0, quantity, target, value))

    def need_loss(self):
        """Raise `Unknown` where the loss cannot be computed from outside of `fit`."""
        if not has_plain_loss(self.model):
            raise Unknown("the model's own train_step computes its loss")
        if self.batch[1] is None and self.has_plain_compute_loss and self.model.loss is not None:
            raise Unknown("there are no targets")
        if not self.has_loss:
            raise Unknown("the loss cannot be computed on these data")

    def forward(
        self, x=None, *, training=False, trainable=None, other=None, is_eager=False, is_calm=False
    ):
        """Return the outputs as a flat list of arrays, and the values of `other` afterwards.

        Args:
            x: Inputs; None for those of `batch`.
            training: Whether in training mode.
            trainable: Values of the trainable variables; None for the model's own.
            other: Values of the others; None for the model's own.
            is_eager: Whether taps are to see numbers.
            is_calm: Whether layers that draw random numbers are off in training mode too.
        """
        x = self.batch[0] if x is None else x
        trainable = self.state[0] if trainable is None else trainable
        other = self.state[1] if other is None else other
        run = self._run if is_eager or not COMPILES else self._compiled(training, is_calm)
        outputs, after = run(trainable, other, _tensors(x), training, is_calm)
        return [to_array(leaf) for leaf in outputs], after

    def _run(self, trainable, other, x, training, is_calm):
        calm = random_layers_off(self.model) if is_calm else contextlib.nullcontext()
        with stateless(self.model, trainable, other) as scope, calm:
            outputs = self.model(x, training=training)
        variables = [*self.model.non_trainable_variables, *self.model.metrics_variables]
        return keras.tree.flatten(outputs), [scope.get_current_value(v) for v in variables]

    def _compiled(self, *mode):
        if mode not in self._graphs:
            training, is_calm = mode
            graph = backend.compile(
                functools.partial(self._run, training=training, is_calm=is_calm)
            )
            self._graphs[mode] = lambda trainable, other, x, *_: graph(trainable, other, x)
        return self._graphs[mode]

    @functools.cached_property
    def depths(self):
        """What the layers make of `batch`, a list of `Depth`.

        Raises:
            Unknown: If there is no time for it.
        """
        return self.depths_at(None)

    def depths_at(self, trainable):
        """Return the same at other values of the trainable variables.

        Raises:
            Unknown: If there is no time for it.
        """
        self.need_time(**DEPTHS)
        return measure(self, trainable)

    def few(self, examples):
        """Return the inputs of the first `examples` of the batch, or as many as the model asks."""
        count = self.batch_size or examples
        return batches.take(self.batch, slice(0, count))[0]

    @functools.cached_property
    def outputs(self):
        """The outputs for `batch` in training mode, a flat list of arrays."""
        return self.forward(training=True)[0]

    @functools.cached_property
    def inferred(self):
        """The outputs for `batch` in inference mode, a flat list of arrays."""
        return self.forward(training=False)[0]

    @functools.cached_property
    def structure(self):
        """The structure of the outputs, to pack flat lists by."""
        with stateless(self.model, *self.state[:2]):
            outputs = self.model(_tensors(self.few(2)), training=False)
        return keras.tree.map_structure(lambda leaf: None, outputs)

    def output_names(self):
        """Return a name for each output."""
        names = getattr(self.model, "output_names", None)
        if names is None or len(names) != len(self.outputs):
            names = [f"output {place}" for place in range(len(self.outputs))]
        return list(names) if len(names) > 1 else [""]

    @functools.cached_property
    def targets(self):
        """The targets of `batch`, a flat list in the order of the outputs.

        Raises:
            Unknown: If it cannot be told which target belongs to which output.
        """
        return self.flat_targets(self.batch[1])

    def flat_targets(self, y):
        """Return targets as a flat list in the order of the outputs."""
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
    def target_facts(self):
        """The facts of the targets by output, of all that were read: a wrong one may be rare.

        A row of targets is what belongs to a row of the output, of a pixel for instance.
        """
        found = []
        for y, prediction in zip(self.flat_targets(self.data.y), self.outputs, strict=True):
            columns = y.shape[-1] if 1 < prediction.ndim <= y.ndim else 1
            found.append(describe_target(y.reshape(-1, columns)))
        return found

    @functools.cached_property
    def kinds(self):
        """What the loss expects of each output, a list of `LossKind`."""
        return [read_loss(View(self, place)) for place in range(len(self.targets))]

    @functools.cached_property
    def ranges(self):
        """What each output can give, a list of `Range`.

        Raises:
            Unknown: If there is no time for it, or if it cannot be told.
        """
        return read_ranges(self)

    def loss(self, y, predictions, *, sample_weight=None, x=None):
        """Return the loss of flat lists of targets and predictions without any penalty, a float."""
        x = self.batch[0] if x is None else x
        y, predictions = (self.packed(leaves) for leaves in (y, predictions))
        with stateless(self.model, *self.state[:2]):
            loss = compute_loss(
                self.model,
                _tensors(x),
                _tensors(y),
                _tensors(predictions),
                _tensors(sample_weight),
                training=True,
            )
            # What `compute_loss` adds of its own is the same for all predictions.
            extra = sum(float(np.sum(to_array(leaf))) for leaf in self.model.losses)
        return float(to_array(loss)) - extra

    def packed(self, leaves):
        """Return a flat list in the structure of the outputs."""
        if len(leaves) == 1 and self.structure is None:
            return leaves[0]
        return keras.tree.pack_sequence_as(self.structure, leaves)

    def perturbed(self, scale, seed, *, shrink=1.0):
        """Return the trainable values with noise added, as large as `scale` times Glorot's.

        What holds at the initial weights by chance or by design, as zeros in the last layer,
        holds no longer; what holds by construction still does.
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


def _tensors(batch):
    return keras.tree.map_structure(lambda a: None if a is None else _tensor(a), batch)


def _tensor(array):
    is_text = getattr(array, "dtype", None) is not None and np.dtype(array.dtype).kind in "OSU"
    return array if is_text else ops.convert_to_tensor(array)
