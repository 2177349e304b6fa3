"""The data of a search, and its division into folds."""

import copy
import numbers
import zlib

import keras
import numpy as np

from keras_babysit.backends import backend
from keras_babysit.samples.batches import take


class Examples:
    """Inputs, targets and sample weights, indexed by rows.

    Args:
        x: Inputs: an array, tensor or data frame, or a list, tuple or dictionary of them.
        y: Targets of the same types, or None.
        sample_weight: Weight of each example, or None.

    Raises:
        TypeError: If one of them is not made of arrays, or holds other values than numbers; with
            TensorFlow, text is allowed as well.
        ValueError: If their numbers of examples differ.
    """

    def __init__(self, x, y=None, sample_weight=None):
        self._parts = [to_arrays(name, part) for name, part in _named(x, y, sample_weight)]
        given = [part for part in self._parts if part is not None]
        sizes = {len(leaf) for leaf in keras.tree.flatten(given)}
        if len(sizes) != 1:
            raise ValueError(
                "Arguments `x`, `y` and `sample_weight` must have the same number of examples. "
                f"Received: {sorted(sizes)} examples"
            )
        self.size = sizes.pop()

    @property
    def checksum(self):
        """A checksum of all values and their types."""
        code = 0
        for leaf in keras.tree.flatten(self._parts):
            if leaf is not None:
                code = zlib.crc32(f"{leaf.dtype}{leaf.shape}".encode(), code)
                code = zlib.crc32(_bytes(leaf), code)
        return code

    @property
    def y(self):
        """The targets as one array; None if there are several or none."""
        return self._parts[1] if isinstance(self._parts[1], np.ndarray) else None

    def take(self, rows):
        """Return `(x, y, sample_weight)` of these rows, with None for what was not given."""
        return take(tuple(self._parts), rows)


def make_folds(examples, cv, seed, groups=None):
    """Return `(train, validation)` row numbers of each fold. All trials share them.

    Args:
        examples: The `Examples`.
        cv: Number of folds, a scikit-learn splitter, or an iterable of `(train, validation)` row
            numbers. With a number, the folds are stratified where `y` holds classes. A splitter
            that shuffles without its own `random_state` gets the seed of the search.
        seed: Seed of the search.
        groups: Group of each example, for splitters that keep groups together.

    Raises:
        ValueError: If there are fewer examples than folds, or a fold is empty.
        TypeError: If `cv` has another type.
    """
    if isinstance(cv, int) and not isinstance(cv, bool):
        cv = _splitter(examples, cv, seed)
    if hasattr(cv, "split") and not isinstance(cv, str):
        cv = _seeded(cv, seed)
        targets = np.zeros(examples.size) if examples.y is None else _labels(examples.y)
        pairs = cv.split(np.zeros((examples.size, 1)), targets, groups)
    elif hasattr(cv, "__iter__") and not isinstance(cv, str):
        pairs = cv
    else:
        raise TypeError(
            "Argument `cv` must be a number of folds, a scikit-learn splitter, or an iterable of "
            f"`(train, validation)` row numbers. Received: cv={cv!r}"
        )
    folds = [tuple(_rows(part, examples.size) for part in pair) for pair in pairs]
    if not folds or any(len(part) == 0 for pair in folds for part in pair):
        raise ValueError(
            "Every fold must have training and validation examples. Received: "
            f"{len(folds)} folds of {[[len(part) for part in pair] for pair in folds]} examples"
        )
    return folds


def fingerprint(folds):
    """Return a checksum of the folds, to compare those of several workers."""
    code = 0
    for pair in folds:
        for part in pair:
            code = zlib.crc32(np.ascontiguousarray(part, "<i8").tobytes(), code)
    return code


def to_arrays(name, part):
    """Return arrays, tensors, data frames and lists of numbers as NumPy arrays.

    Raises:
        TypeError: If a leaf of the structure is none of these, or holds other values than numbers.
    """
    if part is None:
        return None
    if isinstance(part, list | tuple) and not any(hasattr(leaf, "shape") for leaf in part):
        part = np.asarray(part)  # a list of numbers
    return keras.tree.map_structure(lambda leaf: _to_array(name, leaf), part)


def _bytes(array):
    if array.dtype == object:
        return repr(array.tolist()).encode()
    return np.ascontiguousarray(array).tobytes()


def _splitter(examples, folds, seed):
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.utils.multiclass import type_of_target

    if not 2 <= folds <= examples.size:
        raise ValueError(
            "Argument `cv` must be at least 2 and at most the number of examples. Received: "
            f"cv={folds}, {examples.size} examples"
        )
    labels = None if examples.y is None else _labels(examples.y)
    if labels is not None and type_of_target(labels) in ("binary", "multiclass"):
        _, counts = np.unique(labels, return_counts=True)
        if counts.min() >= folds:
            return StratifiedKFold(folds, shuffle=True, random_state=seed)
    return KFold(folds, shuffle=True, random_state=seed)


def _seeded(splitter, seed):
    """Return the splitter with a fixed random state, so that it repeats its folds."""
    if getattr(splitter, "random_state", 0) is None and getattr(splitter, "shuffle", True):
        splitter = copy.copy(splitter)
        splitter.random_state = seed
    return splitter


def _labels(y):
    """Return targets in scikit-learn's form: a single column as a vector, one-hot as classes."""
    if y.ndim == 2 and y.shape[1] == 1:
        return y[:, 0]
    if y.ndim == 2 and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all():
        return y.argmax(axis=1)
    return y if y.ndim <= 2 else np.zeros(len(y))


def _rows(part, size):
    rows = np.asarray(part)
    rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(int)
    if len(rows) and not (-size <= rows.min() and rows.max() < size):
        raise ValueError(
            f"Argument `cv` must hold row numbers in [0, {size}). "
            f"Received: {rows.min()} to {rows.max()}"
        )
    return rows


def _named(x, y, sample_weight):
    return (("x", x), ("y", y), ("sample_weight", sample_weight))


def _to_array(name, leaf):
    if hasattr(leaf, "to_numpy"):  # a data frame or a series
        leaf = _from_frame(leaf)
    if not hasattr(leaf, "shape") or not hasattr(leaf, "dtype"):
        raise TypeError(
            f"Argument `{name}` must be an array, or a list, tuple or dictionary of arrays, "
            f"because folds are taken by rows. Received: {type(leaf).__name__}. Load the data into "
            "memory, or search on a part of it."
        )
    array = leaf if isinstance(leaf, np.ndarray) else backend.to_numpy(leaf)
    _check_values(name, array)
    return array.astype(keras.config.floatx()) if array.dtype == "float64" else array


def _from_frame(frame):
    """Return the values of a data frame or series; numbers that may be missing as floats."""
    values = frame.to_numpy()
    if values.dtype == object and _foreign(values) is None:
        filled = [np.nan if not isinstance(one, numbers.Real) else one for one in values.flat]
        values = np.array(filled, "float64").reshape(values.shape)
    return values


def _foreign(values):
    """Return the first value that is neither a number nor the mark of a missing one, or None."""
    for one in values.flat:
        is_missing = one is None or type(one).__name__ == "NAType"
        if not is_missing and not isinstance(one, numbers.Real | np.bool_):
            return one
    return None


def _check_values(name, array):
    """Raise if Keras cannot train on the values: only TensorFlow reads text, and text alone."""
    if array.dtype.kind not in "OSUMm":
        return
    is_object = array.dtype == object
    strange = next(iter(array.flat), None) if not is_object else _foreign(array)
    is_text = all(isinstance(one, str | bytes) for one in array.flat)
    if strange is None or (is_text and keras.backend.backend() == "tensorflow"):
        return
    kind = type(strange).__name__
    raise TypeError(
        f"Argument `{name}` must hold numbers. Received: {strange!r}, of type {kind}. Turn such "
        "values into numbers first, for instance categories by scikit-learn's `OneHotEncoder`, or "
        "all columns by `keras.utils.FeatureSpace`."
    )
