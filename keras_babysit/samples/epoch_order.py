"""Whether the examples come in the same order in each epoch."""

from keras_babysit.samples import batches
from keras_babysit.typing import Batch

EXAMPLES_PER_BATCH = 32
"""Examples of a batch that are compared."""

MIN_FOUND = 10
"""Examples that must have been found again before the fraction is reported."""

MAX_FOUND = 200
"""Examples after which the fraction is accurate enough and comparing stops."""


class EpochOrder:
    """Remembers where in the first epoch examples came, and counts which come elsewhere later.

    Example:
        >>> import numpy as np
        >>> data = np.arange(20, dtype="float32").reshape(10, 2)
        >>> order = EpochOrder()
        >>> order.remember(0, (data, None, None))
        >>> order.note(0, (data[::-1], None, None))
        >>> order.moved_fraction
        1.0
    """

    def __init__(self) -> None:
        # By the key of an example: step of the epoch and row; None if it repeats.
        self._positions: dict[int, tuple[int, int] | None] = {}
        self._found = self._moved = 0

    @property
    def moved_fraction(self) -> float | None:
        """Fraction of the examples that came at another position, in tenths; None at first."""
        return round(self._moved / self._found, 1) if self._found >= MIN_FOUND else None

    @property
    def is_known(self) -> bool:
        """Whether enough examples were found again."""
        return self._found >= MAX_FOUND

    def remember(self, step: int, batch: Batch) -> None:
        """Note where the examples of a batch of the first epoch came.

        Args:
            step: Steps of the epoch before it.
            batch: A batch `(x, y, sample_weight)` of arrays.
        """
        keys = batches.keys(batches.keep(batch, EXAMPLES_PER_BATCH))
        for row, key in enumerate(keys):
            self._positions[key] = None if key in self._positions else (step, row)

    def note(self, step: int, batch: Batch) -> None:
        """Compare where the examples of a batch of a later epoch come."""
        if self.is_known:
            return
        keys = batches.keys(batches.to_host(batches.keep(batch, EXAMPLES_PER_BATCH)))
        for row, key in enumerate(keys):
            position = self._positions.get(key)
            if position is not None:
                self._found += 1
                self._moved += position != (step, row)
