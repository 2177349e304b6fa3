"""What is kept of the data of a run: some of its training and of its validation examples."""

import keras
import numpy as np

from keras_babysit.history import Measurement
from keras_babysit.samples import batches
from keras_babysit.samples.batches import to_host
from keras_babysit.samples.data_facts import bad_rows
from keras_babysit.samples.recurrence import Recurrence
from keras_babysit.samples.sample import MAX_EXAMPLES, Sample

REST = 32
"""One part in so many may be missing of the examples that are needed: batches do not divide it."""


class ReferenceSample:
    """Keeps examples of one run on the host, for probes and scores to measure on.

    Args:
        history: Where it is told what of the data is not finite, and whether they come again.
        given: Examples to measure on (see `read_given`), or None to keep those of the run.

    Attributes:
        train: A `Sample` of the training examples, or of the given ones.
        validation: A `Sample` of the validation examples.
        needed: Training examples that a verdict on dead units needs.
        validation_batches: Batches of a whole pass over the validation data, as far as known.
    """

    def __init__(self, history, given=None):
        self.train = Sample()
        self.validation = Sample()
        self.needed = MAX_EXAMPLES
        self.validation_batches = 0
        self._history = history
        self._given = given
        self._validation_seen = 0  # batches of the validation data up to the latest kept one
        self._rows = set()  # the training examples that were kept, by their content
        self._recurrence = Recurrence()

    @property
    def is_given(self):
        """Whether the user gave what to measure on, so that no training examples are kept."""
        return self._given is not None

    @property
    def is_small(self):
        """Whether there are fewer training examples than a verdict on dead units needs."""
        return len(self.train) < self.needed - self.needed // REST

    def next_given(self, examples):
        """Return the next of the given batches, of up to so many examples."""
        return self._given.next(examples, self.train)

    def take_train_batch(self, step, epoch, batch):
        """Keep a batch if it is wanted; return a measurement of each part that is not finite."""
        if self.is_given or not self.train.wants(step):
            return []
        batch = to_host(batch)
        measurements = self.search(step, epoch, batch)
        if epoch > 0:  # what comes again would be its own nearest neighbour
            batch = batches.without(batch, self._rows)
        self._rows |= batches.rows(batch)
        if batches.size(batch):
            self.train.add(step, batch)
        return measurements

    def search(self, step, epoch, batch):
        """Return a measurement of each part of the batch that is not finite, usually none."""
        measurements = []
        for room, tensors in zip(("inputs", "targets"), to_host(batch), strict=False):
            for place, leaf in enumerate(keras.tree.flatten(tensors)):
                rows = () if leaf is None else bad_rows(leaf)
                if len(rows):
                    target = f"{room}[{place}]"
                    count = float(np.sum(~np.isfinite(leaf)))
                    measurements += [
                        Measurement(step, epoch, f"{room}/nonfinite", target, count),
                        Measurement(
                            step, epoch, f"{room}/nonfinite_example", target, float(rows[0])
                        ),
                    ]
        self._history.extend(measurements)
        return measurements

    def note_recurrence(self, batch, steps):
        """Note which examples of a batch came before, in epochs of so many steps."""
        size = self._history.facts.batch_size
        examples = steps * (batches.size(batch) if size is None else size)
        self._recurrence.note(batch, self._rows, examples)
        if self._recurrence.share is not None:
            self._history.note(recurring_fraction=self._recurrence.share)

    def wants_validation_batch(self, place):
        """Return whether the batch at `place` of a pass over the validation data is wanted.

        A pass goes on where the one before was left.
        """
        return place >= self._validation_seen and self.validation.wants(place)

    def take_validation_batch(self, place, batch):
        """Keep a batch of the validation data if it is wanted."""
        if self.wants_validation_batch(place):
            self.validation.add(place, to_host(batch))
            self._validation_seen = place + 1

    @property
    def is_whole_validation(self):
        """Whether the kept validation examples come from a whole pass over the validation data."""
        return self.validation.next_place(self._validation_seen - 1) >= self.validation_batches
