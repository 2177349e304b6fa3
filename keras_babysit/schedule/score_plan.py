"""How many examples a score takes, by what it is foretold to take of the budget."""

from keras_babysit.backends import backend
from keras_babysit.samples.sample import MAX_EXAMPLES, SLICES
from keras_babysit.schedule.pace import AGAIN, Pace

SIZE = 0.5
"""What a score takes as a share of what a probe takes, to start and for each example: it has no way
back, and looks at the gates alone."""

FEWEST = 128
"""Examples that a score takes at least: 16 in each of the parts that its margin comes from."""

AT_A_TIME = 4
"""Times the examples of a probe that an uncompiled score takes at a time: it only goes forward and
keeps no more than a layer, and its operations cost something whatever they work on. Where they work
on so much that four times as many hardly count, smaller tensors are faster: caches hold them."""

SHARE = 3
"""What it takes to compile a score, as a part of the budget: where that is more than a third, a few
scores that are not compiled tell more."""


def start_seconds(layers, *, is_compiled):
    """Return about how long a score of so many layers takes, but for its examples."""
    start = SIZE * backend.start_seconds(layers, is_compiled=is_compiled)
    return start if is_compiled else AGAIN * start


def is_worth_compiling(schedule, layers):
    """Return whether to compile the scores of a run, before its first step."""
    return schedule.grants(SHARE * start_seconds(layers, is_compiled=True), 0)


class ScorePlan:
    """Chooses how many examples each score takes, and foretells what that takes.

    Args:
        schedule: The `Schedule` of the run.
        layers: Number of layers.
        is_compiled: Whether the score is compiled.
        probes: The `Pace` of the probes.
        batch_size: The `BatchSize` of the model.

    Attributes:
        examples: Of each sample that the next score takes at most.
    """

    def __init__(self, schedule, layers, *, is_compiled, probes, batch_size):
        self.examples = MAX_EXAMPLES
        self._schedule = schedule
        self._layers = layers
        self._is_compiled = is_compiled
        self._start = start_seconds(layers, is_compiled=is_compiled)
        self._probes = probes
        self._batch_size = batch_size
        self._pace = Pace(fixed=self._start)
        self._at_a_time = AT_A_TIME

    def choose(self, train, validation):
        """Choose for two samples: all of them, or a part where the budget does not spare that.

        Validation examples that have not come yet are taken to be as many as training examples.
        """
        self.examples = max(len(train), len(validation))
        while self._may_take_fewer and not self._is_spared(train, validation):
            self.examples //= 2
        seconds = self._seconds(train, validation)
        again = seconds if self._is_compiled else self._start + seconds
        self._schedule.foresee("score", self._start + seconds, again=again)

    def at_a_time(self, examples):
        """Return how many examples to score at a time, where a probe takes so many."""
        seconds = self._probes.per_example() * examples
        is_small = seconds < AT_A_TIME * backend.start_seconds(self._layers, is_compiled=False)
        return examples * (self._at_a_time if is_small and not self._is_compiled else 1)

    def spare_memory(self):
        """Take no more examples at a time than a probe from now on."""
        self._at_a_time = 1

    def note(self, examples, seconds):
        """Note what it took to score so many examples."""
        if examples:
            self._pace.note(examples, seconds)

    @property
    def _may_take_fewer(self):
        fewest = max(FEWEST, SLICES * (self._batch_size.only or 0))
        return not backend.COMPILES_EACH_SIZE and self.examples >= 2 * fewest

    def _is_spared(self, train, validation):
        return self._schedule.spares(self._start + self._seconds(train, validation))

    def _seconds(self, train, validation):
        """Return what the examples take."""
        counts = [sample.count_thinned(self.examples) for sample in (train, validation)]
        examples = counts[0] + (counts[1] or counts[0])
        if self._is_compiled:  # its first pass holds the compilation, and a probe tells enough
            return SIZE * self._probes.per_example() * examples
        measured = self._pace.per_example()
        if measured:
            return measured * examples
        # The most that it may be: operations take a part of that, whatever they work on. The fewest
        # are scored without asking, and tell it for the next score, unless that is many passes.
        is_asked = self._may_take_fewer or self._batch_size.only is not None
        return SIZE * self._probes.most_per_example() * examples if is_asked else 0.0
