"""How many examples a score uses, by its estimated cost."""

from keras_babysit.backends import backend
from keras_babysit.samples.batch_size import BatchSize
from keras_babysit.samples.sample import MAX_EXAMPLES, SLICES, Sample
from keras_babysit.schedule.pace import REPEAT_FRACTION, Pace
from keras_babysit.schedule.schedule import Schedule

SCORE_PER_PROBE = 0.5
"""Cost of a score as a fraction of that of a probe, to start and per example: it has no backward
pass and reads nothing of the layers but their gates."""

MIN_SCORE_EXAMPLES = 128
"""Examples that a score uses at least: 16 in each of the slices that give its standard error."""

PROBES_PER_PASS = 4
"""Size of one pass of an uncompiled score, in probes. A score keeps one layer at a time in memory,
and each operation has a fixed cost. Where that cost is small beside the work per example, smaller
tensors are faster, because they fit the caches."""

COMPILATION_MARGIN = 3
"""Compilations of a score that the budget must allow for one of them to be worth it: otherwise a
few uncompiled scores say more."""


def start_seconds(layers: int, *, is_compiled: bool) -> float:
    """Return the estimated fixed cost of a score of `layers` layers, in seconds."""
    start = SCORE_PER_PROBE * backend.start_seconds(layers, is_compiled=is_compiled)
    return start if is_compiled else REPEAT_FRACTION * start


def is_worth_compiling(schedule: Schedule, layers: int) -> bool:
    """Return whether to compile the scores of a run, before its first step."""
    return schedule.allows_once(COMPILATION_MARGIN * start_seconds(layers, is_compiled=True), 0)


class ScorePlan:
    """Chooses how many examples each score uses, and estimates its cost.

    Args:
        schedule: The `Schedule` of the run.
        layers: Number of layers.
        is_compiled: Whether the score is compiled.
        probes: The `Pace` of the probes.
        batch_size: The `BatchSize` of the model.

    Attributes:
        examples: Maximum number of examples of each sample that the next score uses.
    """

    def __init__(
        self,
        schedule: Schedule,
        layers: int,
        *,
        is_compiled: bool,
        probes: Pace,
        batch_size: BatchSize,
    ) -> None:
        self.examples = MAX_EXAMPLES
        self._schedule = schedule
        self._layers = layers
        self._is_compiled = is_compiled
        self._start = start_seconds(layers, is_compiled=is_compiled)
        self._probes = probes
        self._batch_size = batch_size
        self._pace = Pace(fixed=self._start)
        self._probes_per_pass = PROBES_PER_PASS

    def choose(self, train: Sample, validation: Sample) -> None:
        """Choose for two samples: all of their examples, or a part where the budget is too small.

        While there are no validation examples, as many as training examples are expected.
        """
        self.examples = max(len(train), len(validation))
        while self._may_take_fewer and not self._is_allowed(train, validation):
            self.examples //= 2
        seconds = self._seconds(train, validation)
        again = seconds if self._is_compiled else self._start + seconds
        self._schedule.estimate("score", self._start + seconds, again=again)

    def at_a_time(self, examples: int) -> int:
        """Return how many examples to score at a time, where a probe uses `examples`."""
        seconds = self._probes.per_example() * examples
        is_small = seconds < PROBES_PER_PASS * backend.start_seconds(
            self._layers, is_compiled=False
        )
        return examples * (self._probes_per_pass if is_small and not self._is_compiled else 1)

    def spare_memory(self) -> None:
        """Use no more examples at a time than a probe from now on."""
        self._probes_per_pass = 1

    def note(self, examples: int, seconds: float) -> None:
        """Record how long it took to score `examples` examples."""
        if examples:
            self._pace.note(examples, seconds)

    @property
    def _may_take_fewer(self) -> bool:
        fewest = max(MIN_SCORE_EXAMPLES, SLICES * (self._batch_size.only or 0))
        return not backend.COMPILES_EACH_SIZE and self.examples >= 2 * fewest

    def _is_allowed(self, train: Sample, validation: Sample) -> bool:
        return self._schedule.has_left(self._start + self._seconds(train, validation))

    def _seconds(self, train: Sample, validation: Sample) -> float:
        """Return the estimated seconds of the examples."""
        counts = [sample.subsample_size(self.examples) for sample in (train, validation)]
        examples = counts[0] + (counts[1] or counts[0])
        if self._is_compiled:  # its first pass includes the compilation; probes are a better guide
            return SCORE_PER_PROBE * self._probes.per_example() * examples
        measured = self._pace.per_example()
        if measured:
            return measured * examples
        # An upper bound: a part of it is the fixed cost of operations. The smallest score is taken
        # without asking and is the measurement for the next, unless it consists of many passes.
        is_asked = self._may_take_fewer or self._batch_size.only is not None
        return SCORE_PER_PROBE * self._probes.most_per_example() * examples if is_asked else 0.0
