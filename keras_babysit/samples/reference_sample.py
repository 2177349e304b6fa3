"""The reference sample: some training and validation examples of a run, kept to measure on."""

from typing import Any

import keras
import numpy as np

from keras_babysit.facts import ComparisonFacts, DataFacts
from keras_babysit.history import History, Measurement
from keras_babysit.samples import batches
from keras_babysit.samples.batches import to_host
from keras_babysit.samples.carried import Carried, SameData
from keras_babysit.samples.data_facts import bad_rows
from keras_babysit.samples.earlier import Earlier
from keras_babysit.samples.epoch_order import EpochOrder
from keras_babysit.samples.looks import describe_batch
from keras_babysit.samples.recurrence import Recurrence
from keras_babysit.samples.repeated_batches import RepeatedBatches
from keras_babysit.samples.sample import MAX_EXAMPLES, SLICES, Sample
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
        comparison: Facts of the validation data, and its comparison with the training data; None
            until they are compared.
    """

    def __init__(self, history: History, given: UserProbeData | None = None) -> None:
        self.train = Sample()
        self.validation = Sample()
        self.needed = MAX_EXAMPLES
        self.validation_batches = 0
        self.earlier: Earlier | None = None
        self._history = history
        self._given = given
        self.comparison: tuple[DataFacts, ComparisonFacts] | None = None
        self._own = self.train  # of this run, where `train` may be that of the run before
        self._neighbours: dict[Any, Any] = {}
        self._same: SameData | None = None  # None where nothing is carried over
        self._validation_seen = 0  # index of the next validation batch after the latest kept one
        self._rows: set[int] = set()  # keys of the training examples that were kept
        self._is_own_loop = bool(history.facts.is_own_loop)
        self._known_in_a_row = (0, 0)  # batches without a new example, and their examples
        self._recurrence = Recurrence()
        self._order = EpochOrder()
        self._repeated = RepeatedBatches(knows_epoch=not history.facts.is_own_loop)

    @property
    def is_given(self) -> bool:
        """Whether the user gave the examples, so that none of the run are kept."""
        return self._given is not None

    @property
    def is_small(self) -> bool:
        """Whether there are fewer training examples than a verdict on dead units needs."""
        return not self.is_whole and len(self.train) < self.needed - int(self.needed * MAX_MISSING)

    @property
    def is_whole(self) -> bool:
        """Whether all training examples of a loop of the user's were seen, and only come again.

        What is an epoch of it is not known. As many examples as are known came in a row without a
        new one among them: of data twice as large, the first of these would have been new, or one
        in two if they are drawn at random. There must be several batches, as a few may be drawn
        again by chance.
        """
        found, examples = self._known_in_a_row
        return found >= SLICES and examples >= min(self.needed, self.seen)

    @property
    def has_every_batch(self) -> bool:
        """Whether no batch of a loop of the user's was left out so far."""
        return self._is_own_loop and not self.is_given and self._own.wants_all

    @property
    def seen(self) -> int:
        """Number of different training examples that were looked at."""
        return len(self._rows)

    def count_seen_before(self) -> int | None:
        """Return how many validation examples the model was trained on before, and not in this run.

        None if it was not trained before.
        """
        if self.earlier is None or not len(self.validation):
            return None
        kept = batches.rows(self.validation.batch(MAX_EXAMPLES))
        return len((kept & self.earlier.rows) - self._rows)

    def begin(self, earlier: Earlier | None, steps: int | None) -> None:
        """Note the run before this one: its samples are used again while the data are the same.

        Args:
            earlier: The `Earlier` run, None if there was none.
            steps: Planned steps of an epoch, None if they are not known.
        """
        self.earlier = earlier
        carried = None if earlier is None else earlier.carried
        if carried is not None and carried.steps == steps and not self.is_given:
            self._same = SameData(carried)

    @property
    def is_carried(self) -> bool:
        """Whether the training examples are those of the run before."""
        return self.train is not self._own

    @property
    def neighbours(self) -> dict[Any, Any]:
        """The nearest neighbours of the baselines by output, which the comparison fills in."""
        same = self._same if self.is_carried else None
        return self._neighbours if same is None else same.carried.neighbours

    @property
    def known_comparison(self) -> tuple[DataFacts, ComparisonFacts] | None:
        """What the comparison of the run before has found, where it holds for this one."""
        same = self._same if self.is_carried else None
        return same.carried.comparison if same is not None and same.has_validation else None

    def as_earlier(self, state: tuple[float, ...], *, steps: int | None = None) -> Earlier | None:
        """Return this run as the `Earlier` one of the next, None if no examples were kept.

        Args:
            state: State of the model at its end.
            steps: Steps of an epoch, None if they are not known or no epoch is over.
        """
        facts = self._history.facts
        if not self._rows:
            return None
        part = min(1.0, len(self._rows) / (facts.examples_per_epoch or len(self._rows)))
        loss = self._history.last("loss/start")
        return Earlier(frozenset(self._rows), part, state, loss, carried=self._carry(steps))

    def _carry(self, steps: int | None) -> Carried | None:
        """Return what the next run may use again; None where it is to keep its own.

        Layers that carry their state on are asked about the order of the examples of each run.
        """
        facts, examples = self._history.facts, self._history.facts.examples_per_epoch
        are_stateful = any(layer.is_stateful for layer in facts.layers.values())
        if self.is_given or steps is None or not examples or are_stateful:
            return None
        found = Carried(
            self.train,
            self.validation,
            steps,
            min(1.0, len(self.train) / examples),
            self.validation_batches,
            self._validation_seen,
            self.comparison,
            self.neighbours,
            checked=0 if self._same is None else self._same.carried.checked,
        )
        return found if found.is_small else None

    def next_given(self, examples: int) -> Batch | None:
        """Return the next batch of the given examples, of up to `examples`."""
        if self._given is None:
            return None
        return self._given.next(examples, self.train)

    def take_train_batch(self, step: int, epoch: int, batch: Batch) -> list[Measurement]:
        """Keep a batch if it is wanted; return measurements of what in it is not finite."""
        if self.is_given or not self._own.wants(step):
            return []
        batch = to_host(batch)
        measurements = self.search(step, epoch, batch)
        if self._same is not None:
            self._same.note_train(batch, step)
        if epoch == 0:
            self._order.remember(step, batch)
            self._repeated.note(batch)
            if self._repeated.fraction is not None:
                self._history.note(repeated_batches=self._repeated.fraction)
        if epoch > 0 or self._is_own_loop:
            # An example that repeats would be its own nearest neighbour. What passes in a loop
            # before it is validated may be many epochs.
            batch = self._only_new(batch)
        self._rows |= batches.rows(batch)
        if batches.size(batch):
            self._own.add(step, batch)
        self._choose_train()
        return measurements

    def _only_new(self, batch: Batch) -> Batch:
        """Return the examples of a batch that were not seen, and count how many come again."""
        new = batches.without(batch, self._rows)
        found, examples = self._known_in_a_row
        is_known = not batches.size(new)
        self._known_in_a_row = (found + 1, examples + batches.size(batch)) if is_known else (0, 0)
        return new

    def _choose_train(self) -> None:
        """Use the training examples of the run before as long as the data are the same."""
        same = self._same
        self.train = same.carried.train if same is not None and same.has_train else self._own

    def forget(self, step: int) -> None:
        """Give up the batch of a step of this run, which training left out."""
        if not self.is_given:
            self._own.forget(step)

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
        if self._same is not None and self._same.is_open:
            return self._same.checks_validation(index)
        return index >= self._validation_seen and self.validation.wants(index)

    def take_validation_batch(self, index: int, batch: Batch) -> None:
        """Keep a batch of the validation data if it is wanted."""
        if self._same is not None and self._same.is_open:
            self._same.note_validation(index, batch)
            self._choose_train()
        if self.wants_validation_batch(index):
            self.validation.add(index, to_host(batch))
            self._validation_seen = index + 1

    def end_validation(self, count: int) -> None:
        """Note that a pass over the validation data, of so many batches, is over."""
        self.validation_batches = count
        if self._same is None or not self._same.is_open:
            return
        self._same.end_validation(count)
        self._choose_train()
        if self._same.has_validation:
            self.validation = self._same.carried.validation
            self._validation_seen = self._same.carried.validation_seen

    @property
    def is_whole_validation(self) -> bool:
        """Whether the kept examples cover all of the validation data."""
        return self.validation.next_index(self._validation_seen - 1) >= self.validation_batches
