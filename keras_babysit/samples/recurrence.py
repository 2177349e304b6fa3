"""Whether training examples come again as they were: those that are augmented do not."""

from keras_babysit.samples import batches
from keras_babysit.samples.batches import to_host

AT_A_TIME = 32
"""Examples of a batch that are looked at."""

ENOUGH = 10
"""Examples that had to come again, if none were changed, before their share is told: that fewer
than half of them do then has a probability of 3 %, and less with every further batch."""

PLENTY = 100
"""So many make the share as sure as anybody needs it."""


class Recurrence:
    """Counts the examples of later epochs that are among those kept of the first ones.

    Example:
        >>> import numpy as np
        >>> data = np.arange(12, dtype="float32").reshape(4, 3)
        >>> known, same, changed = batches.rows((data, None, None)), Recurrence(), Recurrence()
        >>> for _ in range(3):
        ...     same.note((data[::-1], None, None), known, 4)
        ...     changed.note((data + 0.1, None, None), known, 4)
        >>> same.share, changed.share
        (1.0, 0.0)
    """

    def __init__(self):
        self._met = 0
        self._expected = 0.0

    @property
    def share(self):
        """Share, in tenths, of the examples that came again of those that had to; None at first.

        A finer one would be another fact at each look, and facts are logged as they change.
        """
        if self._expected < ENOUGH:
            return None
        return round(min(1.0, self._met / self._expected), 1)

    def note(self, batch, known, examples):
        """Look for examples of a batch among known ones.

        Args:
            batch: A batch `(x, y, sample_weight)` of a later epoch.
            known: `sample.rows` of kept examples.
            examples: How many an epoch has, at least 1.
        """
        if not known or self._expected >= PLENTY:
            return
        keys = batches.rows(to_host(batches.keep(batch, AT_A_TIME)))
        self._met += len(keys & known)
        self._expected += len(keys) * min(1.0, len(known) / examples)
