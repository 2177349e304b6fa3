"""Copies of training examples among the validation examples, exact and near."""

from collections.abc import Sequence

import numpy as np

MIN_ROWS = 64

DISTINCT_VALUES = 0.5
"""If one column has at least this fraction of distinct values among the distinct rows, rows are
not equal by chance. Rows of a few categories often are."""

MIN_DIFFERING = 4
"""Columns in which a row must differ from the one most like it, in the median of the rows. Where
many rows differ in one or two, some agree in all by chance."""

MAX_COUNTED = 256
"""Distinct rows that are compared for that, and columns; evenly spaced columns stand for all."""

MAX_COMPARED = 512
"""Examples of either kind among which near copies are searched: the time grows with the product."""

MAX_FEATURES = 1024
"""Numbers per example that distances are computed of, evenly spaced where there are more."""

NEAR = 0.1
"""Fraction of the median distance of training examples to their nearest neighbour below which an
example is a near copy. Training and validation examples of one distribution are equally often so
close; only that more validation examples are is a sign."""


def row_keys(inputs: Sequence[np.ndarray]) -> np.ndarray | None:
    """Return one hash per example of one or several arrays; None where one is not numeric.

    Args:
        inputs: A list of arrays with the examples along their first axis.
    """
    if not inputs or any(leaf.dtype.kind not in "fiub" for leaf in inputs):
        return None
    keys = []
    for leaf in inputs:
        flat = np.ascontiguousarray(leaf.reshape(len(leaf), -1)) + 0  # -0.0 becomes 0.0
        keys.append([hash(row.tobytes()) for row in flat])
    return np.array([hash(key) if len(key) > 1 else key[0] for key in zip(*keys, strict=True)])


def is_fine_grained(leaf: np.ndarray) -> bool:
    """Return whether rows of an array are unlikely to be equal by chance.

    They have many values, or many columns, of which even the rows that are most alike differ in
    several.

    Args:
        leaf: An array with the examples along its first axis.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> is_fine_grained(rng.random((500, 64)) < 0.5)  # 2^64 possible rows
        True
        >>> is_fine_grained(rng.random((500, 64)) < 0.01)  # most rows have one 1, or none
        False
    """
    flat = np.unique(leaf.reshape(len(leaf), -1)[:5000], axis=0)
    if len(flat) < MIN_ROWS <= len(leaf):
        return False  # a few kinds of examples that repeat, not accidental copies
    if flat.shape[1] >= MIN_ROWS and _differing(flat) >= MIN_DIFFERING:
        return True
    distinct = max(len(np.unique(column)) for column in flat.T)
    return len(flat) > 1 and leaf.dtype.kind == "f" and distinct > DISTINCT_VALUES * len(flat)


def _differing(rows: np.ndarray) -> float:
    """Return in how many columns a row differs from the one most like it, as a median."""
    columns = np.linspace(0, rows.shape[1] - 1, min(rows.shape[1], MAX_COUNTED)).astype(int)
    some = rows[:: -(-len(rows) // MAX_COUNTED)][:, columns]
    nearest = [np.sort((some != row).sum(axis=1))[1] for row in some]  # the first is the row itself
    return float(np.median(nearest) * rows.shape[1] / len(columns))


def count_copies(
    train: Sequence[np.ndarray], validation: Sequence[np.ndarray], *, are_tokens: bool = False
) -> dict[str, int]:
    """Return what `ComparisonFacts` say of copies, by field.

    Args:
        train: The arrays of inputs of training examples.
        validation: Those of validation examples.
        are_tokens: Whether whole numbers are indices, between which there is no distance.
    """
    if not all(map(len, [*train, *validation])):
        return {}
    keys, keys_val = row_keys(train), row_keys(validation)
    if keys is None or keys_val is None or _repeats(keys) or _repeats(keys_val):
        return {}
    both = zip(train, validation, strict=False)
    if not any(all(map(is_fine_grained, one)) for one in both):
        return {}
    is_copy = np.isin(keys_val, keys)
    found = {"copies": int(is_copy.sum())}
    if len(train) == 1 and not are_tokens:
        found |= _count_near(train[0], validation[0][~is_copy])
    return found


def _repeats(keys: np.ndarray) -> bool:
    """Return whether most examples of one side occur there more than once, as in toy data."""
    return len(np.unique(keys)) < DISTINCT_VALUES * len(keys)


def _count_near(train: np.ndarray, validation: np.ndarray) -> dict[str, int]:
    """Return how many examples of either kind have a training example close by."""
    if train.shape[1:] != validation.shape[1:] or min(len(train), len(validation)) < MIN_ROWS:
        return {}
    count = min(MAX_COMPARED, len(train), len(validation))
    both = [some_numbers(leaf, count) for leaf in (train, validation)]
    if not all(np.isfinite(leaf).all() for leaf in both):
        return {}
    middle, spread = both[0].mean(axis=0), both[0].std(axis=0)
    one, other = ((leaf - middle) / np.where(spread > 0, spread, 1) for leaf in both)
    within = _nearest(one, one, are_same=True)
    limit = NEAR * np.median(within)
    if limit <= 0:
        return {}
    return {
        "near_copies": int((_nearest(other, one) < limit).sum()),
        "near_within": int(((within < limit) & (within > 0)).sum()),
        "near_examples": count,
    }


def some_numbers(leaf: np.ndarray, count: int) -> np.ndarray:
    """Return `count` examples, evenly spaced, as rows of up to `MAX_FEATURES` numbers.

    Args:
        leaf: An array with the examples along its first axis.
        count: Number of examples, at most as many as there are.
    """
    flat = leaf.reshape(len(leaf), -1)
    flat = flat[:, :: max(1, -(-flat.shape[1] // MAX_FEATURES))]
    return np.asarray(flat[np.linspace(0, len(flat) - 1, count).astype(int)].astype("float64"))


def squared_distances(rows: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Return the squared distance of each row to each of others; rounding may leave it below 0."""
    found: np.ndarray = (
        np.square(rows).sum(axis=1)[:, None] - 2 * rows @ among.T + np.square(among).sum(axis=1)
    )
    return found


def _nearest(rows: np.ndarray, among: np.ndarray, *, are_same: bool = False) -> np.ndarray:
    """Return the distance of each row to the nearest one among others."""
    squares = squared_distances(rows, among)
    if are_same:
        np.fill_diagonal(squares, np.inf)
    distances: np.ndarray = np.sqrt(np.maximum(squares.min(axis=1), 0))
    return distances
