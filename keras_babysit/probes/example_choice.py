"""Which examples a measurement uses: those of the step, or those of the reference sample."""

from keras_babysit.backends import backend
from keras_babysit.probes import notices
from keras_babysit.samples import batches
from keras_babysit.samples.sample import SLICES
from keras_babysit.schedule.plan import MAX_PROBE_EXAMPLES, SMALL_BATCH


class ExampleChoice:
    """Chooses the examples of each probe and each score of one run.

    Args:
        reference: The `ReferenceSample` of the run.
        batch_size: The `BatchSize` of the model.
        schedule: The `Schedule` of the run, whose plan says how many examples to measure on.
        max_examples: Most examples of one probe, at least 1.

    Attributes:
        max_examples: The same now; it falls once, where memory was not enough.

    Example:
        >>> from keras_babysit.history import History
        >>> from keras_babysit.samples import ReferenceSample
        >>> from keras_babysit.samples.batch_size import BatchSize
        >>> from keras_babysit.schedule import Schedule
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        >>> choice = ExampleChoice(ReferenceSample(History()), BatchSize(model), Schedule())
        >>> choice.choose(None) is None  # no batch of a step, and the reference sample is empty
        True
        >>> batch = (np.ones((300, 4)), np.ones((300, 1)), None)
        >>> choice.choose(batch)[0].shape
        (256, 4)
    """

    def __init__(self, reference, batch_size, schedule, *, max_examples=MAX_PROBE_EXAMPLES):
        self.max_examples = max_examples
        self._reference = reference
        self._batch_size = batch_size
        self._schedule = schedule
        self._unlimited = max_examples
        self._step_examples = 0  # of the largest batch so far

    @property
    def is_carried(self):
        """Whether the reference sample is that of an earlier run."""
        return self._reference.is_carried

    @property
    def can_use_reference(self):
        """Whether the reference sample is enough to measure on without the batch of a step."""
        only = self._batch_size.only
        takes_any = only is None or self._batch_size.is_too_small
        return takes_any or len(self._reference.train) >= only

    @property
    def _most_of_a_step(self):
        return min(self.max_examples, self._schedule.plan.step_examples)

    def choose(self, batch):
        """Return the examples of the next probe.

        Args:
            batch: The batch of the step that comes next, None if there is none.

        Returns:
            A batch `(x, y, sample_weight)`, None if there is nothing to measure on.
        """
        reference, only = self._reference, self._batch_size.only
        if reference.is_given:
            return reference.next_given(only or self._most_of_a_step)
        size = 0 if batch is None else batches.size(batch)
        self._step_examples = max(size, self._step_examples)
        if only and not self._batch_size.is_too_small:
            if size == only:
                return batch
            return reference.train.batch(only) if self.can_use_reference else None
        enough = SMALL_BATCH
        if backend.COMPILES_EACH_SIZE:
            enough = max(SMALL_BATCH, self._step_examples)
        if batch is not None and size >= min(enough, len(reference.train)):
            return batches.keep(batch, self._most_of_a_step)
        return reference.train.batch(self._count_reference())

    def cut(self, batch):
        """Return what the plan allows of a batch that was chosen before the plan was made."""
        return batch if self._batch_size.only else batches.keep(batch, self._most_of_a_step)

    def count_scored(self, sample, at_a_time):
        """Return how many examples of a sample to score at a time.

        Where the backend compiles for each number of examples, the number is that of the other
        sample too, unless that is far smaller.

        Args:
            sample: The `Sample` to score.
            at_a_time: How many to take where any number costs the same.
        """
        if self._batch_size.only:
            return self._batch_size.only
        if not backend.COMPILES_EACH_SIZE:
            return at_a_time
        both = (self._reference.train, self._reference.validation)
        lengths = {id(one): len(one) // SLICES for one in both if len(one) >= SLICES}
        most, least = lengths.get(id(sample), 1), min(lengths.values(), default=1)
        return min(self.max_examples, power_of_two(least if most <= SLICES * least else most))

    def can_shrink(self, error):
        """Return whether fewer examples may help against an error: once, if memory ran out."""
        is_first = self.max_examples == self._unlimited
        return backend.is_out_of_memory(error) and is_first and not self._batch_size.only

    def shrink(self, size):
        """Use fewer examples from now on; return the notice that says so.

        A quarter of them, and no more than a step has: memory is enough for those.
        """
        self.max_examples = max(1, min(size // 4, self._step_examples or size))
        return notices.memory_is_short(self.max_examples, size)

    def _count_reference(self):
        """Return how many examples of the reference sample to measure on: as many as planned.

        Where the backend compiles for each number of examples, as many as a step has; and while
        there are fewer, a power of two, of which there are few.
        """
        kept = len(self._reference.train)
        wanted = min(max(SMALL_BATCH, self._step_examples), self._most_of_a_step)
        if backend.COMPILES_EACH_SIZE:
            return wanted if kept >= wanted else power_of_two(kept)
        return min(self.max_examples, max(wanted, self._schedule.plan.examples))


def power_of_two(number):
    """Return the largest power of two up to a number, at least 1.

    Example:
        >>> [power_of_two(number) for number in (0, 1, 31, 32)]
        [1, 1, 16, 32]
    """
    return 2 ** (max(1, number).bit_length() - 1)
