"""The reference sample: some training and validation examples of a run, kept to measure on."""

import keras
import numpy as np

from keras_babysit.history import History, Measurement
from keras_babysit.samples import batches
from keras_babysit.samples.batches import to_host
from keras_babysit.samples.data_facts import bad_rows
from keras_babysit.samples.earlier import Earlier
from keras_babysit.samples.epoch_order import EpochOrder
from keras_babysit.samples.looks import describe_batch
from keras_babysit.samples.recurrence import Recurrence
from keras_babysit.samples.repeated_batches import RepeatedBatches
from keras_babysit.samples.sample import MAX_EXAMPLES, Sample
from keras_babysit.samples.user_probe_data import UserProbeData
from keras_babysit.typing import Batch

MAX_MISSING = 1 / 32
"""Fraction of the needed examples that may be missing, as batches do not always divide it."""


class ReferenceSample:
    """Keeps examples of one run on the host, for probes and scores to measure on.

    Args:
        history: Where non-finite data and repeating examples are recorded.
        given: The user's examples to measure on (see `read_user_probe_data`), or None to keep those
            of the run.

    Attributes:
        train: A `Sample` of the training examples, or of the given ones.
        validation: A `Sample` of the validation examples.
        needed: Number of training examples that a verdict on dead units needs.
        validation_batches: Number of batches of the validation data, as far as it is known.
        earlier: What the model was trained on before, an `Earlier`; None if that is not known.
    """

    def __init__(self, history: History, given: UserProbeData | None = None) -> None:
        self.train = Sample()
        self.validation = Sample()
        self.needed = MAX_EXAMPLES
        self.validation_batches = 0
        self.earlier: Earlier | None = None
        self._history = history
        self._given = given
        self._validation_seen = 0  # index of the next validation batch after the latest kept one
        self._rows: set[int] = set()  # keys of the training examples that were kept
        self._recurrence = Recurrence()
        self._order = EpochOrder()
        self._repeated = RepeatedBatches()

    @property
    def is_given(self) -> bool:
        """Whether the user gave the examples, so that none of the run are kept."""
        return self._given is not None

    @property
    def is_small(self) -> bool:
        """Whether there are fewer training examples than a verdict on dead units needs."""
        return len(self.train) < self.needed - int(self.needed * MAX_MISSING)

    def count_seen_before(self) -> int | None:
        """Return how many validation examples the model was trained on before, and not in this run.

        None if it was not trained before.
        """
        if self.earlier is None or not len(self.validation):
            return None
        kept = batches.rows(self.validation.batch(MAX_EXAMPLES))
        return len((kept & self.earlier.rows) - self._rows)

    def as_earlier(self, state: tuple[float, ...]) -> Earlier | None:
        """Return this run as the `Earlier` one of the next, None if no examples were kept.

        Args:
            state: State of the model at its end.
        """
        facts = self._history.facts
        if not self._rows:
            return None
        part = min(1.0, len(self._rows) / (facts.examples_per_epoch or len(self._rows)))
        return Earlier(frozenset(self._rows), part, state, self._history.last("loss/start"))

    def next_given(self, examples: int) -> Batch | None:
        """Return the next batch of the given examples, of up to `examples`."""
        if self._given is None:
            return None
        return self._given.next(examples, self.train)

    def take_train_batch(self, step: int, epoch: int, batch: Batch) -> list[Measurement]:
        """Keep a batch if it is wanted; return measurements of what in it is not finite."""
        if self.is_given or not self.train.wants(step):
            return []
        batch = to_host(batch)
        measurements = self.search(step, epoch, batch)
        if epoch > 0:  # an example that repeats would be its own nearest neighbour
            batch = batches.without(batch, self._rows)
        else:
            self._order.remember(step, batch)
            self._repeated.note(batch)
            if self._repeated.fraction is not None:
                self._history.note(repeated_batches=self._repeated.fraction)
        self._rows |= batches.rows(batch)
        if batches.size(batch):
            self.train.add(step, batch)
        return measurements

    def look_at(self, step: int, epoch: int, batch: Batch) -> None:
        """Record the size and the spread of a training batch, kept or not."""
        found = describe_batch(batch)
        self._history.extend(
            Measurement(step, epoch, quantity, target, value)
            for (quantity, target), value in found.items()
        )

    def search(self, step: int, epoch: int, batch: Batch) -> list[Measurement]:
        """Return measurements of the arrays of a batch that are not finite; usually none."""
        measurements = []
        for group, tensors in zip(("inputs", "targets"), to_host(batch), strict=False):
            for index, leaf in enumerate(keras.tree.flatten(tensors)):
                if leaf is None:
                    continue
                rows = bad_rows(leaf)
                if len(rows):
                    target = f"{group}[{index}]"
                    count = float(np.sum(~np.isfinite(leaf)))
                    measurements += [
                        Measurement(step, epoch, f"{group}/nonfinite", target, count),
                        Measurement(
                            step, epoch, f"{group}/nonfinite_example", target, float(rows[0])
                        ),
                    ]
        self._history.extend(measurements)
        return measurements

    def note_recurrence(self, batch: Batch, steps: float | None) -> None:
        """Count which examples of a batch were seen before, in epochs of `steps` steps."""
        size = self._history.facts.batch_size
        if steps is None:
            return
        examples = steps * (batches.size(batch) if size is None else size)
        self._recurrence.note(batch, self._rows, examples)
        if self._recurrence.fraction is not None:
            self._history.note(recurring_fraction=self._recurrence.fraction)

    @property
    def wants_order(self) -> bool:
        """Whether a layer carries its state on, and it is not known if the order is kept."""
        layers = self._history.facts.layers.values()
        return not self._order.is_known and any(facts.is_stateful for facts in layers)

    def note_order(self, step: int, batch: Batch) -> None:
        """Compare where the examples of a batch come in this epoch and came in the first one.

        Args:
            step: Steps of the epoch before it.
            batch: A batch of a later epoch.
        """
        if self.wants_order:
            self._order.note(step, batch)
            if self._order.moved_fraction is not None:
                self._history.note(moved_fraction=self._order.moved_fraction)

    def wants_validation_batch(self, index: int) -> bool:
        """Return whether the batch at `index` of the validation data is wanted.

        Each pass over the validation data continues where the previous one ended.
        """
        return index >= self._validation_seen and self.validation.wants(index)

    def take_validation_batch(self, index: int, batch: Batch) -> None:
        """Keep a batch of the validation data if it is wanted."""
        if self.wants_validation_batch(index):
            self.validation.add(index, to_host(batch))
            self._validation_seen = index + 1

    @property
    def is_whole_validation(self) -> bool:
        """Whether the kept examples cover all of the validation data."""
        return self.validation.next_index(self._validation_seen - 1) >= self.validation_batches
