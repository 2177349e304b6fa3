"""The data to check: a bounded sample of any input of `fit`, and what is known about the rest."""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from keras_babysit.backends import backend
from keras_babysit.checks._inputs import require_examples, require_same_length
from keras_babysit.samples import batches
from keras_babysit.samples.batches import take, to_host, unpack
from keras_babysit.samples.sample import Sample
from keras_babysit.typing import Batch, Nested

MAX_ARRAY_ROWS = 20_000
"""Maximum number of rows of an array that are read. More rows hardly sharpen the statistics."""

MAX_STREAMED = 1024
"""Maximum number of examples that are read from a stream, which bounds the time it takes."""

MAX_SAMPLE_BYTES = 128 * 2**20
"""Maximum size of the sample in memory, in bytes."""


@dataclasses.dataclass(frozen=True)
class Data:
    """A sample of a data set, on the host.

    Args:
        x: Inputs in the structure that the model takes.
        y: Targets, or None.
        sample_weight: Weights of the examples, or None.
        is_stream: Whether the data arrives in batches, which `fit` takes in the given order.
            `fit` shuffles arrays by default.
        total: Number of examples in the data set; None if unknown.
        batch_size: Batch size of a stream; None for arrays.
        is_used_up: Whether reading consumed the data, as with a generator.
    """

    x: Any
    y: Any
    sample_weight: Any
    is_stream: bool
    total: int | None
    batch_size: int | None = None
    is_used_up: bool = False

    @property
    def batch(self) -> Batch:
        """The sample as one batch."""
        return (self.x, self.y, self.sample_weight)

    def __len__(self) -> int:
        return batches.size(self.batch)

    @property
    def is_whole(self) -> bool:
        """Whether the sample is the whole data set."""
        return self.total == len(self)

    def some(self, examples: int, seed: int = 0) -> Batch:
        """Return up to `examples` examples, shuffled and drawn without replacement."""
        rows = np.random.default_rng(seed).permutation(len(self))[:examples]
        return take(self.batch, rows)

    def amount(self) -> str:
        """Return the size of the sample as text, e.g. `"a sample of 1,024 examples"`."""
        if self.is_whole:
            return f"{len(self):,} examples"
        of_all = f" of {self.total:,}" if self.total else ""
        return f"a sample of {len(self):,}{of_all} examples"


def read_data(
    x: Nested, y: Nested | None = None, sample_weight: Nested | None = None, *, name: str = "x"
) -> Data:
    """Return the `Data` for the x, y and sample_weight that `fit` would take.

    Raises:
        ValueError: If there are no examples, or if x, y and sample_weight differ in length.
        TypeError: If y or sample_weight is given together with a dataset.
    """
    if is_stream(x):
        if y is not None or sample_weight is not None:
            raise TypeError(
                f"Arguments `y` and `sample_weight` must be None if `{name}` is a dataset, which "
                f"provides its own. Received: {name} of type {type(x).__name__}"
            )
        return _read_stream(x, name)
    return _read_arrays(x, y, sample_weight, name)


def read_validation(data: Any) -> Data | None:
    """Return the `Data` for `validation_data`; None if `data` is None."""
    if data is None:
        return None
    if isinstance(data, tuple | list) and not is_stream(data):
        if len(data) not in (2, 3):
            raise ValueError(
                "Argument `validation_data` must be (x, y), (x, y, sample_weight) or a dataset. "
                f"Received: {len(data)} entries"
            )
        return read_data(*data, name="validation_data")
    return read_data(data, name="validation_data")


def split(
    x: Nested, y: Nested, sample_weight: Nested, fraction: float
) -> tuple[tuple[Nested, Nested, Nested], tuple[Nested, Nested, Nested]]:
    """Return training and validation arrays as `fit(validation_split=fraction)` makes them.

    The last rows are the validation data: `fit` splits before it shuffles.

    Raises:
        ValueError: If `fraction` is outside (0, 1), the data arrive in batches, or a part is empty.
    """
    if not 0 < fraction < 1:
        raise ValueError(
            f"Argument `validation_split` must be in [0, 1). Received: validation_split={fraction}"
        )
    if is_stream(x):
        raise ValueError(
            "Argument `validation_split` is only for arrays, as in `fit`. Received: x of type "
            f"{type(x).__name__}. Pass `validation_data` instead."
        )
    arrays = (_listed(x), _listed(y), _listed(sample_weight))
    arrays = keras.tree.map_structure(_as_array, arrays)
    require_same_length(*arrays)
    count = batches.size(arrays)
    first = int(count * (1 - fraction))
    if not 0 < first < count:
        raise ValueError(
            "Argument `validation_split` must leave examples on both sides. Received: "
            f"validation_split={fraction} with {count} examples"
        )
    rows = np.arange(count)
    return take(arrays, rows[:first]), take(arrays, rows[first:])


def weighted(data: Data, class_weight: Mapping[int, float]) -> Data:
    """Return the data with the sample weights that `fit` makes of `class_weight`.

    A class without a key has the weight 1; keys that are no class are passed over.

    Raises:
        ValueError: If there are sample weights too, or the targets are not one array of classes.
    """
    if data.sample_weight is not None:
        raise ValueError(
            "Argument `class_weight` cannot be combined with sample weights. Multiply them "
            "yourself, and pass `sample_weight`."
        )
    leaves = [leaf for leaf in keras.tree.flatten(data.y) if leaf is not None]
    if len(leaves) != 1 or leaves[0].dtype.kind not in "fiub":
        raise ValueError(
            "Argument `class_weight` needs targets that are one array of classes. Received: "
            f"{len(leaves)} arrays" + (f" of {leaves[0].dtype}" if len(leaves) == 1 else "")
        )
    y = np.reshape(leaves[0], (len(leaves[0]), -1))
    classes = np.argmax(y, axis=1) if y.shape[1] > 1 else np.round(y[:, 0])
    known, rows = np.unique(classes, return_inverse=True)
    weights = np.array([class_weight.get(int(one), 1.0) for one in known], "float32")
    return dataclasses.replace(data, sample_weight=weights[rows.ravel()])


def is_stream(x: Any) -> bool:
    """Return whether `x` yields batches rather than being arrays of examples."""
    if isinstance(x, keras.utils.PyDataset | Iterator) or callable(x):
        return True
    is_array = hasattr(x, "shape") or hasattr(x, "__array__")
    return hasattr(x, "__iter__") and not is_array and not isinstance(x, dict | list | tuple | str)


def batches_of(stream: Any) -> Iterator[Any]:
    """Return an iterator over the batches of a stream, as the stream yields them.

    An infinite `PyDataset` is cut off at a million batches.
    """
    if isinstance(stream, keras.utils.PyDataset):
        count = stream.num_batches
        return (stream[index] for index in range(1_000_000 if count is None else count))
    return iter(stream() if callable(stream) else stream)


def _read_stream(stream: Any, name: str) -> Data:
    sample = Sample(max_examples=MAX_STREAMED, max_bytes=MAX_SAMPLE_BYTES)
    size = 0
    for index, batch in enumerate(itertools.islice(batches_of(stream), MAX_STREAMED)):
        batch = unpack(batch)
        require_same_length(*batch, name=name)
        size = size or batches.size(batch)
        sample.add(index, batch)
        if len(sample) + size > MAX_STREAMED:
            break
    require_examples(len(sample), name)
    x, y, sample_weight = next(sample.slices(MAX_STREAMED))
    used_up = isinstance(stream, Iterator)
    return Data(x, y, sample_weight, True, _length(stream, size), size, used_up)


def _length(stream: Any, batch_size: int) -> int | None:
    """Return the approximate number of examples in a stream; None if it has no known length."""
    if isinstance(stream, Iterator) or callable(stream):
        return None
    try:
        count = stream.num_batches if isinstance(stream, keras.utils.PyDataset) else len(stream)
    except TypeError:  # of unknown or infinite length
        return None
    return None if count is None else count * batch_size


def _read_arrays(x: Nested, y: Nested, sample_weight: Nested, name: str) -> Data:
    batch = (_listed(x), _listed(y), _listed(sample_weight))
    batch = keras.tree.map_structure(_as_array, batch)
    require_same_length(*batch, name=name)
    total = batches.size(batch)
    require_examples(total, name)
    each = max(1, sum(a.nbytes for a in keras.tree.flatten(batch) if a is not None) // total)
    limit = max(1, min(MAX_ARRAY_ROWS, MAX_SAMPLE_BYTES // each))
    if total > limit:
        rows = np.sort(np.random.default_rng(0).choice(total, limit, replace=False))
        batch = take(batch, rows)
    x, y, sample_weight = to_host(batch)
    return Data(x, y, sample_weight, False, total)


def _listed(x: Any) -> Any:
    """Return a list of plain numbers as one array; a list of arrays means several inputs."""
    is_plain = isinstance(x, list | tuple) and not any(hasattr(leaf, "shape") for leaf in x)
    return np.asarray(x) if is_plain else x


def _as_array(leaf: Any) -> np.ndarray | None:
    if leaf is None or isinstance(leaf, np.ndarray):
        return leaf
    if keras.ops.is_tensor(leaf):
        return np.asarray(backend.to_numpy(leaf))
    if hasattr(leaf, "detach"):  # a PyTorch tensor on another backend
        leaf = leaf.detach().cpu()
    return np.asarray(leaf)
