"""The inputs of any kind of training data, batch by batch."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np

from keras_babysit.typing import Tensor

_ROWS_PER_SLICE = 8192


def batches(data: Any, *, steps: int | None = None) -> Iterator[Any]:
    """Yield the inputs of each batch of `data`, without targets and sample weights.

    Args:
        data: An array or tensor of examples, which is sliced; or an iterable of batches: a
            `tf.data.Dataset`, a `keras.utils.PyDataset`, a PyTorch `DataLoader`, a generator or a
            list. If a batch is a tuple or list, its first entry is used.
        steps: Number of batches to read; None for all.

    Returns:
        An iterator over the inputs, in their original types.

    Raises:
        ValueError: If `data` is infinite and `steps` is None.
        TypeError: If `data` is neither an array nor iterable.
    """
    if steps is None and _never_ends(data):
        raise ValueError("Argument `steps` must be given for infinite data. Received: steps=None")
    return itertools.islice(_all_batches(data), steps)


def blocks(examples: Iterable[np.ndarray], rows: int) -> Iterator[np.ndarray]:
    """Yield the same examples in arrays of `rows` to `2 * rows` rows; the last may be shorter.

    Small arrays are concatenated. Large ones are split without copying.
    """
    pending: list[np.ndarray] = []
    for array in examples:
        pending.append(array)
        if sum(map(len, pending)) >= rows:
            joined = np.concatenate(pending) if len(pending) > 1 else array
            yield from np.array_split(joined, len(joined) // rows)
            pending = []
    if pending:
        yield np.concatenate(pending)


def to_numpy(inputs: Tensor) -> np.ndarray:
    """Return the array of numbers in a tensor or array of any library."""
    if keras.ops.is_tensor(inputs):
        inputs = keras.ops.convert_to_numpy(inputs)
    array = np.asarray(inputs)
    if array.ndim < 2 or array.dtype.kind not in "biuf":
        raise ValueError(
            "Argument `data` must hold numbers in batches of shape (batch_size, ...). "
            f"Received: shape={array.shape}, dtype={array.dtype}"
        )
    return array


def _never_ends(data: Any) -> bool:
    if isinstance(data, keras.utils.PyDataset):
        return data.num_batches is None
    # -1 is tf.data.INFINITE_CARDINALITY; TensorFlow might not be installed.
    return hasattr(data, "element_spec") and int(data.cardinality()) == -1


def _all_batches(data: Any) -> Iterator[Any]:
    if hasattr(data, "shape") and hasattr(data, "__array__"):
        starts = range(0, data.shape[0], _ROWS_PER_SLICE)
        return (data[start : start + _ROWS_PER_SLICE] for start in starts)
    if isinstance(data, keras.utils.PyDataset):
        indices = itertools.count() if data.num_batches is None else range(data.num_batches)
        return (_inputs(data[index]) for index in indices)
    if not isinstance(data, Iterable):
        raise TypeError(
            "Argument `data` must be an array, a dataset or an iterable of batches. "
            f"Received: data of type {type(data).__name__}"
        )
    return (_inputs(batch) for batch in data)


def _inputs(batch: Tensor) -> Any:
    return batch[0] if isinstance(batch, tuple | list) else batch
