"""Whether training examples repeat unchanged in later epochs: augmented ones do not."""

from keras_babysit.samples import batches
from keras_babysit.samples.batches import to_host
from keras_babysit.typing import Batch

EXAMPLES_PER_BATCH = 32
"""Examples of a batch that are compared."""

MIN_EXPECTED = 10
"""Repeated examples to expect, if none were changed, before the fraction is reported. That fewer
than half of them are found then has a probability of 3 %, and less with every further batch."""

MAX_EXPECTED = 100
"""Repeated examples to expect after which the fraction is accurate enough and counting stops."""


class Recurrence:
    """Counts the examples of later epochs that are in the reference sample of the first ones.

    Example:
        >>> import numpy as np
        >>> data = np.arange(12, dtype="float32").reshape(4, 3)
        >>> known, same, changed = batches.rows((data, None, None)), Recurrence(), Recurrence()
        >>> for _ in range(3):
        ...     same.note((data[::-1], None, None), known, 4)
        ...     changed.note((data + 0.1, None, None), known, 4)
        >>> same.fraction, changed.fraction
        (1.0, 0.0)
    """

    def __init__(self) -> None:
        self._found = 0
        self._expected = 0.0

    @property
    def fraction(self) -> float | None:
        """Fraction of the expected repeats that were found, in tenths; None at first.

        A finer one would be another fact after each batch, and facts are logged as they change.
        """
        if self._expected < MIN_EXPECTED:
            return None
        return round(min(1.0, self._found / self._expected), 1)

    def note(self, batch: Batch, known: set[int], examples: float) -> None:
        """Look for examples of a batch among known ones.

        Args:
            batch: A batch `(x, y, sample_weight)` of a later epoch.
            known: Keys of the reference sample, as `batches.rows` returns them.
            examples: Number of examples of an epoch, at least 1.
        """
        if not known or self._expected >= MAX_EXPECTED:
            return
        keys = batches.rows(to_host(batches.keep(batch, EXAMPLES_PER_BATCH)))
        self._found += len(keys & known)
        self._expected += len(keys) * min(1.0, len(known) / examples)
