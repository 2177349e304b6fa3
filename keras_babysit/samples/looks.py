"""What one look at a training batch says: its size, its spread, its most frequent target."""

from typing import Any

import keras
import numpy as np

from keras_babysit.samples import batches
from keras_babysit.samples.batches import to_host
from keras_babysit.typing import Batch, Nested

EXAMPLES = 64
"""Examples of a batch that are looked at."""

MIN_EXAMPLES = 8
"""Examples that are needed: fewer may be of one class by chance."""


def describe_batch(batch: Batch) -> dict[tuple[str, str], float]:
    """Return numbers of a batch `(x, y, sample_weight)` by quantity and target.

    Empty for fewer than 8 examples, and for what is not finite or not numeric.

    Example:
        >>> x, y = np.full((8, 2), 3.0), np.arange(8) % 2
        >>> found = describe_batch((x, y, None))
        >>> found["inputs/rms", "inputs[0]"], found["inputs/spread", "inputs[0]"]
        (3.0, 0.0)
        >>> found["targets/most_frequent", "targets[0]"]
        0.5
    """
    if batches.size(batch) < MIN_EXAMPLES:
        return {}
    x, y, _ = to_host(batches.keep(batch, EXAMPLES))
    found = {}
    for index, leaf in _numeric(x):
        values = leaf.astype("float64")
        square = np.mean(np.square(values))
        spread = np.mean(np.square(values - values.mean(axis=0)))
        found["inputs/rms", f"inputs[{index}]"] = float(np.sqrt(square))
        found["inputs/spread", f"inputs[{index}]"] = float(np.sqrt(spread))
    for index, leaf in _numeric(y):
        _, counts = np.unique(leaf.reshape(len(leaf), -1), axis=0, return_counts=True)
        found["targets/most_frequent", f"targets[{index}]"] = float(counts.max() / len(leaf))
    return found


def _numeric(tree: Nested) -> list[tuple[int, np.ndarray]]:
    """Return the arrays of finite numbers of several examples, each with its index."""
    leaves = enumerate(keras.tree.flatten(tree))
    return [(index, leaf) for index, leaf in leaves if _is_numeric(leaf)]


def _is_numeric(leaf: Any) -> bool:
    is_array = isinstance(leaf, np.ndarray) and leaf.ndim > 0 and leaf.dtype.kind in "fiub"
    return is_array and len(leaf) >= MIN_EXAMPLES and bool(np.isfinite(leaf).all())
