"""Training data that arrives in batches, and may change from epoch to epoch."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from benchmarks.diagnosis.program import Split


class Stream(keras.utils.PyDataset):
    """Yields batches of arrays that belong to it.

    Args:
        split: The data.
        batch_size: Examples of a batch.
        spoil: Changes a batch in place, given the epoch from 0; None for no change.
    """

    def __init__(
        self, split: Split, batch_size: int, spoil: Callable[[Any, Any, int], None] | None = None
    ) -> None:
        super().__init__()
        self._x, self._y = np.array(split.x), np.array(split.y)
        self._batch_size, self._spoil = batch_size, spoil
        self._served = -1  # Keras reads the first batch once more, to see what it is like

    def __len__(self) -> int:
        return -(-len(self._x) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        rows = slice(index * self._batch_size, (index + 1) * self._batch_size)
        x, y = self._x[rows], self._y[rows]
        if self._spoil is not None:
            self._spoil(x, y, max(0, self._served) // len(self))
        self._served += 1
        return x.copy(), y.copy()
