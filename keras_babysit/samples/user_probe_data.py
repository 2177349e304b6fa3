"""The user's own examples to measure on, in any form in which `fit` takes data."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator

import keras
import numpy as np

from keras_babysit.samples import batches
from keras_babysit.samples.batches import unpack
from keras_babysit.samples.sample import MAX_EXAMPLES, Sample
from keras_babysit.typing import Batch, Probe


class UserProbeData:
    """Gives batches `(x, y, sample_weight)` of arrays to measure on.

    Args:
        draw: Returns an iterator over batches: all of a fixed set, or one new batch.
        is_fresh: Whether each call of `draw` gives new examples.
    """

    def __init__(self, draw: Callable[[], Iterator[Batch]], *, is_fresh: bool) -> None:
        self._draw = draw
        self._is_fresh = is_fresh
        self._turn = 0

    def count_inputs(self) -> int:
        """Return the number of inputs of the first batch."""
        return len(keras.tree.flatten(next(iter(self._draw()))[0]))

    def fill(self, sample: Sample) -> None:
        """Put the examples into `sample` if it is empty, as many as it takes."""
        if len(sample):
            return
        for index, batch in enumerate(self._draw()):
            if index and len(sample) + batches.size(batch) > sample.max_examples:
                return
            sample.add(index, batch)

    def next(self, examples: int, sample: Sample) -> Batch | None:
        """Return the next batch of up to `examples`; a fixed set gives its slices in turn."""
        self.fill(sample)
        if self._is_fresh:
            return batches.keep(next(iter(self._draw())), examples)
        slices = list(sample.slices(examples))
        self._turn += 1
        return slices[(self._turn - 1) % len(slices)] if slices else None


def read_user_probe_data(probe: Probe) -> UserProbeData:
    """Return the examples that the argument `probe` of the callbacks gives.

    Args:
        probe: `(x, y)` or `(x, y, sample_weight)`, a dataset as `fit` takes it (`tf.data.Dataset`,
            `keras.utils.PyDataset`, `torch.utils.data.DataLoader`), or a callable that returns a
            batch each time it is called.

    Raises:
        TypeError: If it is none of these.
        ValueError: If x and y differ in their number of examples, or if there are no examples.
    """
    if isinstance(probe, tuple) and len(probe) in (2, 3):
        batch = _checked(unpack(probe))
        return UserProbeData(functools.partial(_only, batch), is_fresh=False)
    if isinstance(probe, keras.utils.PyDataset):
        return UserProbeData(functools.partial(_of_dataset, probe), is_fresh=False)
    if hasattr(probe, "__iter__") and not isinstance(probe, np.ndarray | str | dict):
        return UserProbeData(functools.partial(_of_batches, probe), is_fresh=False)
    if callable(probe):
        return UserProbeData(functools.partial(_drawn, probe), is_fresh=True)
    raise TypeError(
        "Argument `probe` must be a tuple (x, y) or (x, y, sample_weight), a dataset, or a "
        f"callable that returns such a tuple. Received: {type(probe).__name__}"
    )


# Functions of this module rather than closures: a callback that holds them can be pickled.


def _only(batch: Batch) -> Iterator[Batch]:
    return iter([batch])


def _of_dataset(dataset: keras.utils.PyDataset) -> Iterator[Batch]:
    return (unpack(dataset[index]) for index in range(min(len(dataset), MAX_EXAMPLES)))


def _of_batches(batches_: Iterable[Batch]) -> Iterator[Batch]:
    return (unpack(batch) for batch in itertools.islice(batches_, MAX_EXAMPLES))


def _drawn(draw: Callable[[], Batch]) -> Iterator[Batch]:
    return iter([_checked(unpack(tuple(draw())))])


def _checked(batch: Batch) -> Batch:
    sizes = {len(leaf) for leaf in keras.tree.flatten(batch) if leaf is not None and leaf.ndim}
    if len(sizes) != 1 or 0 in sizes:
        raise ValueError(
            "The arrays of argument `probe` must have one and the same number of examples, at "
            f"least 1. Received: {sorted(sizes)} examples"
        )
    return batch
