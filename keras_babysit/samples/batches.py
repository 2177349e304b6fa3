"""Batches `(x, y, sample_weight)` of tensors or arrays: their size, and some of their rows."""

import math
from collections.abc import Collection, Sequence
from typing import Any

import keras
import numpy as np

from keras_babysit.backends import backend
from keras_babysit.typing import Batch, Tensor

MAX_DENSE_ENTRIES = 2**24
"""Entries of a sparse tensor up to which it is made dense: 64 MiB of float32, as much as a sample
may take on the host."""

KEY_EXAMPLES = 8
"""Examples at the start of a batch that tell it from others: no two shuffled ones begin alike."""


def size(batch: Batch) -> int:
    """Return the number of examples of a batch `(x, y, sample_weight)`."""
    return next((leaf.shape[0] for leaf in _leaves(batch) if len(leaf.shape)), 0)


def is_dense(batch: Batch) -> bool:
    """Return whether no part of a batch is sparse or ragged, so that it can be kept as arrays."""
    return all(map(backend.is_dense, _leaves(batch)))


def densify(batch: Batch) -> Batch:
    """Return a batch with dense tensors in place of sparse ones that are small enough."""
    return keras.tree.map_structure(_dense_if_small, batch)


def _dense_if_small(leaf: Tensor) -> Tensor:
    if leaf is None or backend.is_dense(leaf):
        return leaf
    entries = [size for size in leaf.shape if size is not None]
    is_small = len(entries) == len(leaf.shape) and math.prod(entries) <= MAX_DENSE_ENTRIES
    return backend.densify(leaf) if is_small else leaf


def take(batch: Batch, rows: Any) -> Batch:
    """Return some examples of a batch, in the same structure.

    Args:
        batch: Nested tensors or arrays with the examples along their first axis, or None leaves.
        rows: A slice; of arrays also a list or an array of indices.

    Example:
        >>> take((np.arange(4), None, {"weight": np.ones(4)}), slice(1, 3))[0].tolist()
        [1, 2]
    """
    return keras.tree.map_structure(lambda leaf: None if leaf is None else leaf[rows], batch)


def rows(batch: Batch) -> set[int]:
    """Return a set of keys of the examples of a batch of arrays; equal inputs have equal keys."""
    return set(keys(batch))


def without(batch: Batch, known: Collection[int]) -> Batch:
    """Return a batch of arrays without the examples whose key is in `known`."""
    return take(batch, [row for row, key in enumerate(keys(batch)) if key not in known])


def keys(batch: Batch) -> list[int]:
    """Return a key of each example of a batch of arrays; equal inputs have equal keys."""
    inputs = [np.ascontiguousarray(leaf) for leaf in _leaves(batch[0])]
    return list(map(hash, zip(*map(contents, inputs), strict=True)))


def key(batch: Batch) -> tuple[int, ...] | None:
    """Return what tells a batch from others: the keys of its first examples.

    Returns:
        A tuple; None for inputs that do not lie one after the other.

    Example:
        >>> one, other = (np.arange(32.0)[:, None], None, None), (np.ones((32, 1)), None, None)
        >>> key(one) == key(one), key(one) == key(other)
        (True, False)
    """
    inputs = (batch[0], None, None)
    return tuple(keys(to_host(keep(inputs, KEY_EXAMPLES)))) if is_dense(inputs) else None


def content(example: Any) -> bytes:
    """Return the bytes that say what an example, a part of an array, is.

    Arrays of strings hold pointers, or are as wide as their longest string.

    Example:
        >>> content(np.array(["a"], object)) == content(np.array(["a", "bcd"])[:1])
        True
    """
    example = np.asarray(example)
    if example.dtype.kind in "OUS":
        return repr(example.tolist()).encode()
    return np.ascontiguousarray(example).tobytes()


def contents(examples: np.ndarray) -> list[bytes]:
    """Return `content` of each example of an array, faster than one by one.

    Example:
        >>> array = np.arange(6.0).reshape(3, 2)
        >>> contents(array) == [content(row) for row in array]
        True
    """
    if examples.dtype.kind in "OUS":
        return list(map(content, examples))
    whole, count = examples.tobytes(), len(examples)
    width = len(whole) // max(1, count)
    return [whole[width * row : width * (row + 1)] for row in range(count)]


def keep(batch: Batch, examples: int) -> Batch:
    """Return the first `examples` examples of a batch; the batch itself if it has no more.

    One that is not dense comes as it is: its examples do not lie one after the other.
    """
    return batch if size(batch) <= examples or not is_dense(batch) else take(batch, slice(examples))


def _leaves(batch: Batch) -> list[Tensor]:
    return [leaf for leaf in keras.tree.flatten(batch) if leaf is not None]


def n_bytes(batch: Batch) -> int:
    """Return the memory that a batch of tensors or arrays takes, in bytes."""
    return sum(map(_leaf_bytes, _leaves(batch)))


def _leaf_bytes(leaf: Tensor) -> int:
    if isinstance(leaf, np.ndarray) and leaf.dtype == object:  # strings
        return sum(map(len, leaf.ravel().tolist()))
    if hasattr(leaf, "nbytes"):
        return int(leaf.nbytes)
    if not backend.is_dense(leaf):
        return 0
    itemsize = getattr(getattr(leaf, "dtype", None), "size", None)  # TensorFlow's
    return np.asarray(leaf).nbytes if itemsize is None else itemsize * math.prod(leaf.shape)


def join(batches: Sequence[Batch]) -> Batch:
    """Return one batch of all; the largest where examples differ in shape, as padded sequences."""
    if len(batches) == 1:
        return batches[0]
    try:
        return keras.tree.map_structure(
            lambda *leaves: None if leaves[0] is None else np.concatenate(leaves), *batches
        )
    except ValueError:
        return max(batches, key=size)


def unpack(batch: Batch) -> Batch:
    """Return a batch as `(x, y, sample_weight)` of arrays in the dtypes of `fit`."""
    return to_host(keras.utils.unpack_x_y_sample_weight(batch))


def to_host(batch: Batch) -> Batch:
    """Return a batch with arrays in place of tensors; double precision becomes `floatx`.

    In place of what is sparse or ragged there is None.
    """
    return keras.tree.map_structure(_to_array, batch)


def _to_array(leaf: Tensor) -> np.ndarray | None:
    if leaf is None or not backend.is_dense(leaf):
        return None
    is_host = isinstance(leaf, np.ndarray | list | float | int)
    array = np.array(leaf if is_host else backend.to_numpy(leaf))
    return array.astype(keras.config.floatx()) if array.dtype == "float64" else array
