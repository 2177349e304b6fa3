"""A sample of a stream of batches, spaced evenly over what has passed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import keras
import numpy as np

from keras_babysit.samples.batches import join, keep, n_bytes, size, take
from keras_babysit.typing import Batch

MAX_EXAMPLES = 1024
"""Enough for "dead" to mean something: a unit that is open for 1 example in 200 shows up among
1,024 with probability 1 - 0.995^1024 = 0.994."""

MAX_REFERENCE_BYTES = 64 * 2**20
"""Limit of the memory that a sample takes on the host."""

GOLDEN = (5**0.5 - 1) / 2
"""Multiples of it, modulo 1, are spread evenly and have no period. Where the batches of an epoch
come again and again, every eighth of the stream would be the same few batches."""

SLICES = 8
"""Number of slices that a sample is scored in; their variance gives the standard error."""


class _Entry(NamedTuple):
    """A kept batch, its position in the stream, and what counting it again and again would take."""

    position: int
    batch: Batch
    size: int
    n_bytes: int


class Sample:
    """Keeps some batches of a stream, evenly spaced, within limits of number and memory.

    It wants every batch at first. When it is full it wants half of them, and each replaces a kept
    one of the other half; when none of those is left, a quarter, and so on. The kept ones stay
    about equally far apart however long the stream is, and none is dropped early. Their index
    alone decides, by its multiple of the golden ratio: in a stream that repeats itself, they are
    spread over the period as well.

    Args:
        max_examples: Maximum number of kept examples.
        max_bytes: Maximum memory of the kept examples.

    Example:
        >>> sample = Sample(max_examples=4)
        >>> for index in range(8):
        ...     if sample.wants(index):
        ...         sample.add(index, (np.full((1, 2), index), None, None))
        >>> sample.batch(4)[0][:, 0].tolist()
        [0, 2, 4, 5]
        >>> len(sample)
        4
    """

    def __init__(
        self, *, max_examples: int = MAX_EXAMPLES, max_bytes: int = MAX_REFERENCE_BYTES
    ) -> None:
        self.max_examples = max_examples
        self.max_bytes = max_bytes
        self._stride = 1
        self._kept: list[_Entry] = []
        self._examples = self._bytes = 0  # of all that is kept

    def __len__(self) -> int:
        """Return the number of kept examples."""
        return self._examples

    @property
    def wants_all(self) -> bool:
        """Whether every batch was wanted so far."""
        return self._stride == 1

    def wants(self, index: int) -> bool:
        """Return whether the batch at `index` of the stream, counted from 0, is to be added."""
        return index * GOLDEN % 1 < 1 / self._stride

    def next_index(self, index: int) -> int:
        """Return the first index after `index` whose batch is wanted, as far as that is known."""
        later = index + 1
        while later * GOLDEN % 1 >= 1 / self._stride:  # a part of the steps of a run: no calls
            later += 1
        return later

    def add(self, index: int, batch: Batch) -> None:
        """Keep a batch `(x, y, sample_weight)` of arrays, or as much of it as the limits allow."""
        batch = keep(batch, self._largest(batch))
        while self._kept and not self._fits(batch):
            between = next((one for one in self._kept if not self.wants(one.position)), None)
            if between is not None:
                self._drop(between)
            else:
                self._stride *= 2
                if not self.wants(index):
                    return
        self._append(index, batch)

    def forget(self, index: int) -> None:
        """Drop the batch at `index`, if it is kept."""
        for entry in [one for one in self._kept if one.position == index]:
            self._drop(entry)

    @property
    def joined_size(self) -> int:
        """Number of examples that make one batch: of several shapes, those of the largest batch."""
        batch = self.batch(self._examples)
        return 0 if batch is None else size(batch)

    @property
    def n_bytes(self) -> int:
        """Memory that the kept examples take, in bytes."""
        return self._bytes

    def batches(self) -> list[Batch]:
        """Return the kept batches."""
        return [one.batch for one in self._kept]

    def positions(self) -> list[int]:
        """Return the positions of the kept batches in the stream."""
        return [one.position for one in self._kept]

    def at(self, position: int) -> Batch:
        """Return the kept batch at a position of the stream."""
        return next(one.batch for one in self._kept if one.position == position)

    @property
    def is_weighted(self) -> bool:
        """Whether the kept examples have weights."""
        return any(one.batch[2] is not None for one in self._kept)

    def unweighted(self) -> Sample:
        """Return a sample of the same examples that count alike, without those of weight 0.

        Keras divides by the number of all examples, so that the weights have mean 1.

        Example:
            >>> sample = Sample()
            >>> sample.add(0, (np.ones((2, 3)), np.ones(2), np.array([0.0, 5.0])))
            >>> sample.unweighted().batch(2)[2].tolist()
            [0.0, 2.0]
        """
        found = Sample(max_examples=self.max_examples, max_bytes=self.max_bytes)
        found._stride = self._stride
        each = [keras.tree.flatten(one.batch[2]) for one in self._kept]
        counts = [np.ravel(leaf) != 0 for leaves in each for leaf in leaves if leaf is not None]
        fraction = float(np.mean(np.concatenate(counts))) if counts else 1.0

        def weigh(weight: Batch) -> Batch:
            return _counting(weight, 1 / fraction) if 0 < fraction < 1 else None

        for one in self._kept:
            x, y, weight = one.batch
            found._append(one.position, (x, y, weigh(weight)))
        return found

    def batch(self, examples: int) -> Batch | None:
        """Return up to `examples` examples as one batch, in their order; None if empty."""
        return next(self.slices(examples), None)

    def slices(self, examples: int) -> Iterator[Batch]:
        """Iterate over the whole sample in batches of `examples`; a smaller rest is omitted.

        A sample that holds fewer comes as one smaller batch.
        """
        if not self._kept:
            return
        joined = join([one.batch for one in self._kept])
        total = size(joined)
        examples = min(examples, total)
        for start in range(0, total - examples + 1, examples):
            yield take(joined, slice(start, start + examples))

    def subsample(self, examples: int) -> Sample:
        """Return a sample of about `examples` of these examples: one of each stretch of them.

        Where in its stretch it is, is drawn with a fixed seed: of examples that alternate between
        two classes, such as the pairs of a siamese network, every second one would be of one class.

        Example:
            >>> sample = Sample()
            >>> sample.add(0, (np.arange(8), None, None))
            >>> sample.subsample(4).batch(4)[0].tolist()
            [1, 3, 5, 6]
        """
        spacing = self._spacing(examples)
        if spacing == 1:
            return self
        subsample = Sample()
        joined = join([one.batch for one in self._kept])
        starts = np.arange(0, size(joined), spacing)
        within = np.random.default_rng(0).integers(spacing, size=len(starts))
        rows = np.minimum(starts + within, size(joined) - 1)
        subsample._append(0, take(joined, rows))
        return subsample

    def _spacing(self, examples: int) -> int:
        return max(1, len(self) // max(1, examples))

    def _largest(self, batch: Batch) -> int:
        each = max(1, n_bytes(batch) // max(1, size(batch)))
        return int(min(self.max_examples, max(1, self.max_bytes // each)))

    def _fits(self, batch: Batch) -> bool:
        examples, taken = len(self) + size(batch), self._bytes + n_bytes(batch)
        return bool(examples <= self.max_examples and taken <= self.max_bytes)

    def _append(self, index: int, batch: Batch) -> None:
        entry = _Entry(index, batch, size(batch), n_bytes(batch))
        self._kept.append(entry)
        self._examples += entry.size
        self._bytes += entry.n_bytes

    def _drop(self, entry: _Entry) -> None:
        self._kept = [one for one in self._kept if one is not entry]
        self._examples -= entry.size
        self._bytes -= entry.n_bytes


def _counting(weights: Batch, value: float) -> Batch:
    """Return a value for each weight that is not 0, and 0 for each that is."""
    return keras.tree.map_structure(
        lambda leaf: None if leaf is None else np.where(leaf != 0, value, 0).astype("float32"),
        weights,
    )
