"""The trainings of a fork: the next steps of a run with and without a change, in a sandbox."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from keras_babysit.backends import backend, to_array
from keras_babysit.backends.protocol import Values
from keras_babysit.probes.probe import compute_loss, stateless
from keras_babysit.probes.readings import Pass
from keras_babysit.probes.weight_penalties import without_weight_penalties
from keras_babysit.recorder.vitals import learning_rate_index
from keras_babysit.samples import Sample
from keras_babysit.samples.batches import take
from keras_babysit.typing import Batch

REPLICATES = 3
"""Pairs of trainings, each on another order of the kept batches."""

BLOCKS = 8
"""Blocks of examples whose losses are compared, for the interval."""

MAX_SCORED = 512
"""Examples that are scored at most: 64 in each block."""

LONGER = 4
"""The longer horizon, in shorter ones."""


@dataclass(frozen=True)
class Fork:
    """Where a run is forked.

    Args:
        box: An entered `backend.Sandbox`.
        start: Values of the variables there.
        random: The backend's random state there.
        batches: A kept batch per row of numbers, in the form of the data; see `kept_batches`.
    """

    box: Any
    start: Values
    random: Any
    batches: Sequence[Batch]


class Trainer:
    """Trains on from a fork at a learning rate that decays to zero.

    Args:
        model: The model in `fit`.
        fork: The `Fork`.

    Raises:
        ValueError: If the optimizer has no learning rate that can be set.
    """

    def __init__(self, model: keras.Model, fork: Fork) -> None:
        self._fork = fork
        index = learning_rate_index(model)
        if index is None:
            raise ValueError(
                "The learning rate must be a number. Received: an optimizer that follows a "
                "schedule, or none."
            )
        self._index = index

    def train(self, rate: float, steps: int, replicate: int) -> Values:
        """Return the values after some steps.

        The learning rate falls linearly to zero, so that neither a high nor a low one has the
        advantage of less noise at the end.

        Args:
            rate: The learning rate at the fork.
            steps: Number of steps.
            replicate: Which order of the batches.
        """
        box, values = self._fork.box, self._fork.start
        backend.set_random_state(self._fork.random)
        order = self._order(steps, replicate)
        for step, number in zip(range(steps), order, strict=False):
            trainable, other, optimizer = values
            optimizer = list(optimizer)
            now = ops.cast(rate * (1 - step / steps), backend_dtype(optimizer[self._index]))
            optimizer[self._index] = backend.to_tensor(now)
            box.load((trainable, other, optimizer))
            box.step([self._fork.batches[number]])
            values = box.values()
        return values

    def _order(self, steps: int, replicate: int) -> Iterator[int]:
        rng, count = np.random.default_rng(replicate), len(self._fork.batches)
        for _ in range(0, steps, count):
            yield from rng.permutation(count).tolist()


def backend_dtype(value: Any) -> str:
    """Return the name of the dtype of a tensor."""
    return str(keras.backend.standardize_dtype(value.dtype))


def kept_batches(sample: Sample, like: Batch, size: int) -> list[Batch]:
    """Return the examples of a sample as batches of a size, in the form of another batch.

    Args:
        sample: The kept training examples.
        like: A batch of the data: `x`, `(x, y)` or `(x, y, sample_weight)`.
        size: Examples of each batch; a rest is left out.
    """
    parts = len(like) if isinstance(like, tuple | list) else 0
    found = []
    for batch in sample.slices(size):
        kept = tuple(batch[:parts]) if parts else batch[0]
        kept = type(like)(kept) if isinstance(like, list) else kept
        found.append(
            keras.tree.map_structure(
                lambda leaf, known: backend.to_tensor(np.asarray(leaf, backend_dtype(known))),
                kept,
                like,
            )
        )
    return found


class Scorer:
    """Scores values of a model's variables: in inference mode, without penalties.

    Args:
        model: A compiled and built `keras.Model`.
        sample: The examples.
    """

    def __init__(self, model: keras.Model, sample: Sample) -> None:
        self._model = model
        part = sample.subsample(MAX_SCORED)
        self._blocks = list(part.slices(max(1, len(part) // BLOCKS)))[:BLOCKS]
        self._pass = Pass(model, self._read, is_compiled=backend.COMPILES_EACH_SIZE)

    def score(self, values: Values) -> NDArray[np.float64]:
        """Return the loss of each block."""
        with np.errstate(all="ignore"):
            losses = [self._pass(values, block)["loss", ""] for block in self._blocks]
        return np.array(losses, np.float64).reshape(len(losses))

    def _read(self, readings: Any, trainable: Any, other: Any, scale: Any, batch: Batch) -> None:
        del scale
        x, y, sample_weight = batch
        with stateless(self._model, trainable, other):
            y_pred = self._model(x, training=False)
            with without_weight_penalties(self._model):
                loss = compute_loss(self._model, x, y, y_pred, sample_weight, training=False)
            readings.add("loss", "", ops.cast(loss, "float32"))


def halves(sample: Sample) -> tuple[Sample, Sample]:
    """Return the examples to train on and those to score, where there are no validation examples.

    Every fourth batch of the kept ones is scored.
    """
    whole = sample.batch(len(sample))
    rows = np.arange(len(sample)) % LONGER == 0
    train, scored = Sample(), Sample()
    train.add(0, take(whole, np.flatnonzero(~rows)))
    scored.add(0, take(whole, np.flatnonzero(rows)))
    return train, scored


def is_finite(values: Values) -> bool:
    """Return whether all weights are finite."""
    return all(np.isfinite(to_array(value)).all() for value in values[0])
