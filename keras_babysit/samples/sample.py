"""A kept sample of a stream of batches, spread evenly over what has passed."""

from keras_babysit.samples.batches import join, keep, n_bytes, part, size

MAX_EXAMPLES = 1024
"""Enough for "dead" to mean something: a unit that is open for 1 example in 200 shows up among
1,024 with probability 1 - 0.995^1024 = 0.994."""

MAX_BYTES = 64 * 2**20
"""Bound of the memory that a sample takes on the host."""

SLICES = 8
"""Parts that a sample is scored in; the spread among them gives the standard error."""


class Sample:
    """Keeps some batches of a stream, evenly spread over it, within bounds of number and memory.

    It wants every batch at first. When it is full it wants every second one, each in place of a
    kept one that lies between; when none of those is left, every fourth, and so on. The kept ones
    stay about equally far apart however long the stream is, and none is given up early.

    Args:
        max_examples: Bound of the kept examples.
        max_bytes: Bound of the memory.

    Example:
        >>> sample = Sample(max_examples=4)
        >>> for place in range(8):
        ...     if sample.wants(place):
        ...         sample.add(place, (np.full((1, 2), place), None, None))
        >>> sample.batch(4)[0][:, 0].tolist()
        [0, 2, 4, 6]
        >>> len(sample)
        4
    """

    def __init__(self, *, max_examples=MAX_EXAMPLES, max_bytes=MAX_BYTES):
        self.max_examples = max_examples
        self.max_bytes = max_bytes
        self._stride = 1
        self._kept = []  # (place in the stream, batch)

    def __len__(self):
        """Return the number of kept examples."""
        return sum(size(batch) for _, batch in self._kept)

    def wants(self, place):
        """Return whether the batch at `place` of the stream, counted from 0, is to be added."""
        return place % self._stride == 0

    def next_place(self, place):
        """Return the first place after `place` whose batch is wanted, as far as that is known."""
        return place + self._stride - place % self._stride

    def add(self, place, batch):
        """Keep a batch `(x, y, sample_weight)` of arrays, at most what fits the bounds."""
        batch = keep(batch, self._largest(batch))
        while self._kept and not self._fits(batch):
            between = [entry for entry in self._kept if not self.wants(entry[0])]
            if between:
                self._kept = [entry for entry in self._kept if entry is not between[0]]
            else:
                self._stride *= 2
                if not self.wants(place):
                    return
        self._kept.append((place, batch))

    def forget(self, place):
        """Give up the batch of `place`, if it is kept."""
        self._kept = [entry for entry in self._kept if entry[0] != place]

    def batch(self, examples):
        """Return up to `examples` examples as one batch, the kept batches one after the other."""
        return next(self.slices(examples), None)

    def slices(self, examples):
        """Iterate over the whole sample in batches of `examples`; a smaller rest is left out.

        If the sample holds fewer, it comes as one smaller batch.
        """
        if not self._kept:
            return
        joined = join([batch for _, batch in self._kept])
        total = size(joined)
        examples = min(examples, total)
        for start in range(0, total - examples + 1, examples):
            yield part(joined, start, start + examples)

    def thinned(self, examples):
        """Return a sample of about `examples` of these examples, spread evenly over them."""
        every = self._every(examples)
        if every == 1:
            return self
        thin = Sample()
        joined = join([batch for _, batch in self._kept])
        thin._kept = [(0, part(joined, 0, None, every))]
        return thin

    def count_thinned(self, examples):
        """Return how many examples `thinned` returns."""
        return -(-len(self) // self._every(examples))

    def _every(self, examples):
        return max(1, len(self) // max(1, examples))

    def _largest(self, batch):
        each = max(1, n_bytes(batch) // max(1, size(batch)))
        return min(self.max_examples, max(1, self.max_bytes // each))

    def _fits(self, batch):
        examples = len(self) + size(batch)
        taken = sum(n_bytes(kept) for _, kept in self._kept) + n_bytes(batch)
        return examples <= self.max_examples and taken <= self.max_bytes
