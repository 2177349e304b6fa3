"""Whether the batches of one epoch are the same batch again and again."""

from keras_babysit.samples import batches
from keras_babysit.typing import Batch

MIN_BATCHES = 4
"""Batches after which the fraction is reported."""

MIN_DIFFERENT = 8
"""Different examples of a batch that are needed: sets of a few kinds of examples meet by chance."""

MOSTLY_DIFFERENT = 0.5
"""Fraction of a batch that must be different examples, for the same reason."""


class RepeatedBatches:
    """Counts batches of one epoch that hold the same examples as an earlier one.

    Args:
        knows_epoch: Whether the batches are of one epoch. In a loop of the user's they may be of
            several, in which examples come again; then only one batch over and over counts.

    Example:
        >>> import numpy as np
        >>> data, counted = np.arange(64, dtype="float32").reshape(32, 2), RepeatedBatches()
        >>> for _ in range(4):
        ...     counted.note((data[:16], None, None))
        >>> counted.fraction
        1.0
    """

    def __init__(self, *, knows_epoch: bool = True) -> None:
        self._knows_epoch = knows_epoch
        self._seen: set[frozenset[int]] = set()
        self._count = 0
        self._repeated = 0

    @property
    def fraction(self) -> float | None:
        """Fraction of the batches after the first one that repeat one, in tenths; None at first.

        A finer one would be another fact after each batch, and facts are logged as they change.
        """
        if self._count < MIN_BATCHES:
            return None
        if not self._knows_epoch and len(self._seen) > 1:
            return 0.0
        return round(self._repeated / (self._count - 1), 1)

    def note(self, batch: Batch) -> None:
        """Count a batch `(x, y, sample_weight)` of arrays."""
        examples = frozenset(batches.keys(batch))
        if len(examples) < max(MIN_DIFFERENT, MOSTLY_DIFFERENT * batches.size(batch)):
            return
        self._count += 1
        self._repeated += examples in self._seen
        self._seen.add(examples)
