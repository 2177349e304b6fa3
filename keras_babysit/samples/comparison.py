"""Validation examples beside training examples: scale, offset, order of the axes, tokens."""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from keras_babysit.facts import ComparisonFacts, ShiftFacts
from keras_babysit.samples.copies import count_copies
from keras_babysit.samples.data_facts import classes_of, describe_target
from keras_babysit.samples.fitted_column import compare_columns
from keras_babysit.samples.related import compare_related
from keras_babysit.samples.word_meanings import compare_words
from keras_babysit.typing import Batch, Nested

MIN_EXAMPLES = 32
"""Examples of either kind that are needed: a mean of about 30 is near enough to normal."""

MAX_ENTRIES = 4_000_000
"""Entries of an array that are compared; further rows are omitted."""

MAX_COLUMNS = 1024
"""Columns that are compared, evenly spaced where there are more."""

MAX_QUANTILES = 100_000
"""Entries from which the distribution of all entries is read."""

Z_SHRINK = 3.0
"""Standard errors that a difference is shrunk by: those of a two-sided 99.7 % interval."""

MAX_RATIO = 1e9
"""Largest ratio that is reported, so that a size of zero is no infinity."""

OUTLIERS = 0.02
"""Fraction of the examples, at least one, that do not count for the size, the largest ones."""

LARGEST = 0.9
"""Quantile of the columns by how much they differ that `largest_ratio` is."""

Z_OTHER, Z_SAME = 10.0, 4.5
"""Standard errors from which on two means differ, and up to which they agree: 4.5 are exceeded by
chance once in 150,000 times, and up to a few hundred means are compared. Between them nothing is
said. With 1,024 examples 10 are a difference of 0.44 standard deviations."""

MAX_MEAN, MAX_LOG = 0.3, 0.4
"""A column counts as standardised with a mean within 0.3 of 0, and a standard deviation within a
factor of e^0.4 = 1.5 of 1: statistics of other data of the same kind, such as those of ImageNet for
photographs, leave about as much."""

BLOCKS = 8
"""Blocks per axis in which the means of an image are compared."""

MAX_ORDERED_COLUMNS = 64
"""Columns of a table up to which their order is compared."""

MIN_TOKENS = 4
"""Tokens of an example that make a text. A single number may identify a user, and the users of the
validation data may be new on purpose."""


def compare(train: Batch, validation: Batch, *, are_tokens: bool = False) -> ComparisonFacts:
    """Return the `ComparisonFacts` of two batches `(x, y, sample_weight)` of arrays.

    Args:
        train: Training examples.
        validation: Validation examples.
        are_tokens: Whether the model looks inputs up in an embedding: whole numbers are indices
            then, whose size means nothing.
    """
    sides = [[_leaves(part) for part in batch[:2]] for batch in (train, validation)]
    (x, y), (x_val, y_val) = sides
    sizes = [max(map(len, part), default=0) for part in (x, x_val)]
    known = ComparisonFacts(train_examples=sizes[0], validation_examples=sizes[1])
    if len(x) != len(x_val) or not min(sizes):
        return known
    rows, rows_val = _weighted(x, train[2]), _weighted(x_val, validation[2])
    copies: dict[str, Any] = count_copies(rows, rows_val, are_tokens=are_tokens)
    related = compare_related((rows, rows_val), (y, y_val), are_tokens=are_tokens)
    words = compare_words((rows, rows_val), (y, y_val)) if are_tokens else {}
    columns = {} if are_tokens else compare_columns((rows, rows_val), (y, y_val))
    known = replace(known, **copies, **related, **words, **columns)
    if min(sizes) < MIN_EXAMPLES:
        return known
    same_targets = len(y) == len(y_val)
    return replace(
        known,
        inputs=tuple(_shift(*pair, are_tokens) for pair in zip(x, x_val, strict=True)),
        targets=tuple(map(_target_shift, y, y_val)) if same_targets else (),
    )


def _leaves(tree: Nested) -> list[np.ndarray]:
    return [leaf for leaf in keras.tree.flatten(tree) if leaf is not None and np.ndim(leaf)]


def _weighted(arrays: list[np.ndarray], sample_weight: Any) -> list[np.ndarray]:
    """Return the rows that count. In a graph, weights select the nodes to train on."""
    if not isinstance(sample_weight, np.ndarray) or not sample_weight.ndim:
        return arrays
    counts = sample_weight.reshape(len(sample_weight), -1).any(axis=1)
    return [leaf[counts] for leaf in arrays]


def _target_shift(train: np.ndarray, validation: np.ndarray) -> ShiftFacts:
    """Return the `ShiftFacts` of targets that are numbers; empty ones of classes and labels."""
    kinds = [describe_target(leaf) for leaf in (train, validation)]
    for leaf, facts in zip((train, validation), kinds, strict=True):
        is_class = facts.is_whole and classes_of(leaf, facts)[1] is not None
        if facts.low is None or facts.is_binary or is_class:
            return ShiftFacts()
    return _numbers(train, validation)


def _shift(train: np.ndarray, validation: np.ndarray, are_tokens: bool) -> ShiftFacts:
    if not all(_is_numeric(leaf) for leaf in (train, validation)):
        return ShiftFacts()
    if are_tokens and all(bool((leaf == np.round(leaf)).all()) for leaf in (train, validation)):
        return _tokens(train, validation)
    return _numbers(train, validation)


def _is_numeric(leaf: Any) -> bool:
    return leaf.dtype.kind in "fiub" and leaf.size > 0 and bool(np.isfinite(leaf).all())


def _tokens(train: np.ndarray, validation: np.ndarray) -> ShiftFacts:
    """Return which fraction of the tokens is new, and which would be within the training data."""
    if train[:1].size < MIN_TOKENS:
        return ShiftFacts()

    def fraction(known: np.ndarray, new: np.ndarray) -> float:
        return float(np.mean(~np.isin(new, np.unique(known))))

    return ShiftFacts(
        unseen_fraction=fraction(train, validation),
        unseen_within=fraction(train[::2], train[1::2]),
    )


def _numbers(train: np.ndarray, validation: np.ndarray) -> ShiftFacts:
    if not (_is_numeric(train) and _is_numeric(validation)) or train.ndim != validation.ndim:
        return ShiftFacts()
    if min(len(train), len(validation)) < MIN_EXAMPLES:
        return ShiftFacts()
    train, validation = (_bounded(leaf) for leaf in (train, validation))
    bounds = [float(value) for leaf in (train, validation) for value in (leaf.min(), leaf.max())]
    columns = [_by_column(leaf) for leaf in (train, validation)]
    facts = {}
    if columns[0].shape[-1] == columns[1].shape[-1]:
        facts = dict(zip(("size_ratio", "largest_ratio", "offset"), _sizes(*columns), strict=True))
    return ShiftFacts(
        train_low=bounds[0],
        train_high=bounds[1],
        low=bounds[2],
        high=bounds[3],
        misfit=_misfit(train, validation, bounds),
        train_standardized=_standardized(columns[0]),
        standardized=_standardized(columns[1]),
        order=_order(train, validation),
        **facts,
    )


def _bounded(leaf: np.ndarray) -> np.ndarray:
    return leaf[: max(MIN_EXAMPLES, MAX_ENTRIES // max(1, leaf[:1].size))].astype("float32")


def _by_column(leaf: np.ndarray) -> np.ndarray:
    """Return an array `(examples, positions, columns)`."""
    values = leaf.reshape(len(leaf), -1, leaf.shape[-1] if leaf.ndim > 1 else 1)
    return values[..., :: max(1, -(-values.shape[-1] // MAX_COLUMNS))]


def _sizes(
    train: np.ndarray, validation: np.ndarray
) -> tuple[float, float, float] | tuple[None, None, None]:
    """Return the ratio of the root mean squares, that of one of ten columns, and the offset.

    The first and the last are medians over the columns. All are shrunk by their standard errors
    towards no difference. A column that is zero in both does not count. None where no column does.
    """
    square, square_error = _mean_square(train)
    square_val, square_val_error = _mean_square(validation)
    mean, mean_error = _mean(train)
    mean_val, mean_val_error = _mean(validation)
    counts = (square > 0) | (square_val > 0)
    if not counts.any():
        return None, None, None
    # Of no example the square is not zero but below that of one.
    least = np.maximum(square, square_val) / MAX_RATIO**2
    first, second = (np.maximum(one, least) for one in (square, square_val))
    with np.errstate(all="ignore"):
        ratio = 0.5 * np.log(second / first)
        error = 0.5 * np.hypot(square_error / first, square_val_error / second)
        ratio = np.sign(ratio) * np.maximum(0, np.abs(ratio) - Z_SHRINK * error)
        spread = train.std(axis=(0, 1), dtype="float64")
        spread = np.maximum(spread, 1e-6 * np.sqrt(np.maximum(square, square_val)))
        offset = np.abs(mean_val - mean) - Z_SHRINK * np.hypot(mean_error, mean_val_error)
        offset = np.maximum(0, offset) / spread
    return (
        float(np.exp(np.median(ratio[counts]))),
        float(np.exp(np.quantile(np.abs(ratio[counts]), LARGEST))),
        float(min(MAX_RATIO, np.median(offset[counts]))),
    )


def _standardized(columns: np.ndarray) -> float:
    """Return which fraction of the columns that vary has about mean 0 and standard deviation 1."""
    flat = columns.reshape(-1, columns.shape[-1])
    mean, spread = flat.mean(axis=0, dtype="float64"), flat.std(axis=0, dtype="float64")
    varies = spread > 0
    is_unit = (np.abs(mean) < MAX_MEAN) & (np.abs(np.log(np.where(varies, spread, 1))) < MAX_LOG)
    return float(is_unit[varies].mean()) if varies.any() else 0.0


def _mean(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of each column and its standard error over the examples."""
    return _over_examples(values.mean(axis=1, dtype="float64"))


def _mean_square(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the same of the squares, without the largest examples: one may be an outlier."""
    each = np.sort(np.square(values, dtype="float64").mean(axis=1), axis=0)
    return _over_examples(each[: len(each) - max(1, int(OUTLIERS * len(each)))])


def _over_examples(each: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return each.mean(axis=0), each.std(axis=0) / math.sqrt(len(each))


def _misfit(train: np.ndarray, validation: np.ndarray, bounds: Sequence[float]) -> float | None:
    """Return how far the distributions of all entries differ once the ranges are alike."""
    low, high, low_val, high_val = bounds
    if high <= low or high_val <= low_val:
        return None
    one, other = (_some(leaf) for leaf in (train, validation))
    other = low + (other - low_val) * ((high - low) / (high_val - low_val))
    # Rounded, so that a value and its image compare as equal.
    one, other = (np.sort(np.round((v - low) / (high - low), 4)) for v in (one, other))
    points = np.unique(np.concatenate([one, other]))
    below = [np.searchsorted(v, points, side="right") / len(v) for v in (one, other)]
    return float(np.abs(below[0] - below[1]).max())


def _some(leaf: np.ndarray) -> np.ndarray:
    flat = leaf.reshape(-1)
    return flat[:: max(1, len(flat) // MAX_QUANTILES)].astype("float64")


# ------------------------------------------------------------------------------- order of the axes


def _order(train: np.ndarray, validation: np.ndarray) -> str | None:
    """Return what must be done to the axes of the validation data to fit the training data."""
    if train.shape[1:] != validation.shape[1:]:
        return None
    if train.ndim == 2:
        return "columns" if _are_columns_moved(train, validation) else None
    changes = _changes(train)
    if not changes:
        return None
    summary = functools.partial(_summary, is_image=train.ndim == 4)
    reference = summary(train)
    if _distance(reference, summary(validation)) < Z_OTHER:
        return None
    distances = {
        name: _distance(reference, summary(change(validation))) for name, change in changes.items()
    }
    best = min(distances, key=distances.__getitem__)
    return best if distances[best] < Z_SAME else None


def _changes(leaf: np.ndarray) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Return by name what may have happened to the axes of images or sequences."""
    if leaf.ndim == 3:
        return {"time": lambda v: v[:, ::-1]} if leaf.shape[1] > 1 else {}
    if leaf.ndim != 4:
        return {}
    changes = {"up-down": lambda v: v[:, ::-1], "left-right": lambda v: v[:, :, ::-1]}
    if leaf.shape[-1] == 3:
        changes["channels"] = lambda v: v[..., ::-1]
    if leaf.shape[1] == leaf.shape[2]:
        changes["transposed"] = lambda v: v.transpose(0, 2, 1, 3)
    return changes


def _summary(leaf: np.ndarray, *, is_image: bool) -> np.ndarray:
    """Return numbers of each example that say where it is bright, and in which channel.

    The channels are compared within an example, where they differ far less than between examples.
    """
    if not is_image:
        return _blocks(leaf, 1)
    channels = leaf.mean(axis=(1, 2), dtype="float64")
    colours = channels - channels.mean(axis=1, keepdims=True)
    where = _blocks(_blocks_of(leaf.mean(axis=3)), 2)
    return np.concatenate([where, colours], axis=1)


def _blocks_of(leaf: np.ndarray) -> np.ndarray:
    return leaf[..., None]


def _blocks(leaf: np.ndarray, axes: int) -> np.ndarray:
    """Return the means of up to `BLOCKS` equal parts of each of the first axes, as rows."""
    for axis in range(1, axes + 1):
        parts = np.array_split(np.arange(leaf.shape[axis]), min(BLOCKS, leaf.shape[axis]))
        means = [leaf.take(part, axis=axis).mean(axis=axis, keepdims=True) for part in parts]
        leaf = np.concatenate(means, axis=axis)
    return leaf.reshape(len(leaf), -1).astype("float64")


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return the largest distance of two means in standard errors."""
    error = np.hypot(*(rows.std(axis=0) / math.sqrt(len(rows)) for rows in (first, second)))
    floor = 1e-3 * np.concatenate([first, second]).std() / math.sqrt(len(first))
    distance = np.abs(first.mean(axis=0) - second.mean(axis=0))
    return float((distance / np.maximum(error, max(floor, 1e-30))).max())


def _are_columns_moved(train: np.ndarray, validation: np.ndarray) -> bool:
    """Return whether the columns of a table fit those of the other one in another order.

    They are compared by their mean rank among all entries and its square, which no scale outweighs.
    Columns that fit where they are stay there.
    """
    width = train.shape[1]
    if not 2 <= width <= MAX_ORDERED_COLUMNS:
        return False
    entries = np.sort(train.reshape(-1))
    moments = []
    for leaf in (train, validation):
        both = np.searchsorted(entries, leaf, side="right") + np.searchsorted(entries, leaf)
        rank = both / (2 * len(entries))
        moments.append(np.stack([rank, rank**2], axis=-1))
    means = [m.mean(axis=0) for m in moments]
    errors = [m.std(axis=0) / math.sqrt(len(m)) for m in moments]
    error = np.hypot(errors[0][:, None], errors[1][None])
    distance = np.abs(means[0][:, None] - means[1][None])
    z = (distance / np.maximum(error, 1e-4)).max(axis=-1)  # (training, validation)
    moved = np.flatnonzero(np.diag(z) >= Z_SAME)
    if len(moved) < 2 or (np.diag(z)[moved] < Z_OTHER).any():
        return False
    among = z[np.ix_(moved, moved)]
    partners = among.argmin(axis=0)
    is_permutation = len(set(partners.tolist())) == len(moved)
    return bool(is_permutation and (among.min(axis=0) < Z_SAME).all())
