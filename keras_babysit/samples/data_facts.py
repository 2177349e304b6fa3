"""Facts of the data: scale, constant features, labels; computed on the host from a sample."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from keras_babysit.facts import DataFacts, InputFacts, TargetFacts
from keras_babysit.samples.batches import content
from keras_babysit.samples.codes import code_column
from keras_babysit.samples.equal_inputs import equal_fraction
from keras_babysit.samples.later_targets import later_column
from keras_babysit.samples.markers import find_markers
from keras_babysit.samples.reshaped import is_reshaped
from keras_babysit.samples.small_columns import small_columns
from keras_babysit.samples.steps import describe_padding, describe_target_steps
from keras_babysit.samples.target_column import target_column
from keras_babysit.samples.tokens import describe_tokens
from keras_babysit.samples.wrapped import is_wrapped
from keras_babysit.typing import Batch, Nested

MAX_DESCRIBED_ENTRIES = 4_000_000
"""Entries of an array that are read; further rows are omitted."""

MIN_EDGE_ENTRIES = 0.1
"""Fraction of the entries of varying columns that are at the edge of the range, above which columns
that never leave it are background: in pictures, counts and one-hot codes most entries are there."""

MAX_ODD_FRACTION = 0.5
"""Fraction of the columns that never change, from which on they are reported also at the edge."""

MIN_STRETCH_EXAMPLES = 32
"""Minimum number of successive examples of a stretch: fewer are of one class by chance."""

MAX_DIFFERENT = 32
"""Different examples are counted up to this number: it only matters whether there are few."""

MAX_CLASSES = 32
"""Number of classes up to which each is described."""

MIN_STRETCHES = 4
"""Stretches that are needed to say something about the order."""


def describe_data(
    batch: Batch, *, batch_size: int | None = None, max_entries: int = MAX_DESCRIBED_ENTRIES
) -> DataFacts:
    """Return the `DataFacts` of a batch `(x, y, sample_weight)` of arrays.

    Args:
        batch: Examples in the order in which they came.
        batch_size: Number of them in one step; None if they do not come in steps.
        max_entries: Maximum number of entries of an array that are read.
    """
    x, y, sample_weight = batch
    stretch = None if batch_size is None else max(MIN_STRETCH_EXAMPLES, batch_size)
    inputs, targets = _arrays(x, max_entries), _arrays(y, max_entries)
    weights = [one.astype("float64") for one in _arrays(sample_weight, max_entries)]
    each: Sequence[np.ndarray | None] = (
        weights if len(weights) == len(targets) else weights[:1] * len(targets)
    )
    each = each or [None] * len(targets)
    finite = [one for one in weights if one.size and np.isfinite(one).all()]
    return DataFacts(
        examples=max([len(leaf) for leaf in [*inputs, *targets]], default=0),
        different_examples=_different(inputs),
        is_weighted=sample_weight is not None,
        weight_low=float(min(one.min() for one in finite)) if finite else None,
        weight_high=float(max(one.max() for one in finite)) if finite else None,
        inputs=tuple(_describe_input(leaf, targets) for leaf in inputs),
        targets=tuple(
            replace(_describe_labels(leaf, stretch, weight), **describe_target_steps(leaf, inputs))
            for leaf, weight in zip(targets, each, strict=True)
        ),
    )


def _different(inputs: Sequence[np.ndarray]) -> int:
    """Return the number of different examples, at most `MAX_DIFFERENT`."""
    found = set()
    for row in zip(*inputs, strict=False):
        found.add(b"|".join(map(content, row)))
        if len(found) == MAX_DIFFERENT:
            break
    return len(found)


def bad_rows(leaf: np.ndarray) -> np.ndarray:
    """Return the indices of the examples of an array with NaN or infinity."""
    if leaf.dtype.kind != "f":
        return np.zeros(0, int)
    return np.flatnonzero(~np.isfinite(leaf).all(axis=tuple(range(1, leaf.ndim))))


def _arrays(tree: Nested, max_entries: int) -> list[np.ndarray]:
    leaves = [leaf for leaf in keras.tree.flatten(tree) if leaf is not None and np.ndim(leaf)]
    return [leaf[: max(1, max_entries // max(1, leaf[:1].size))] for leaf in leaves]


def _describe_input(leaf: np.ndarray, targets: Sequence[np.ndarray]) -> InputFacts:
    facts = InputFacts(dtype=str(leaf.dtype), shape=leaf.shape[1:])
    if leaf.dtype.kind not in "fiub" or not leaf.size:
        return facts
    values = leaf.astype("float32")
    values = values if np.isfinite(values).all() else np.nan_to_num(values, posinf=0, neginf=0)
    return replace(
        facts,
        rms=float(np.sqrt(np.mean(np.square(values, dtype="float64")))),
        low=float(values.min()),
        high=float(values.max()),
        **_offset(values),
        equal_fraction=equal_fraction(leaf, targets),
        target_column=target_column(leaf, targets),
        later_column=later_column(leaf, targets),
        **_codes(leaf, targets),
        **_constant_features(values),
        **find_markers(values),
        **small_columns(values, targets),
        is_wrapped=is_wrapped(leaf),
        is_reshaped=is_reshaped(leaf),
        **describe_padding(leaf),
        **describe_tokens(leaf),
    )


def _codes(leaf: np.ndarray, targets: Sequence[np.ndarray]) -> dict[str, Any]:
    found = code_column(leaf, targets)
    names = ("code_column", "code_values", "code_explains", "code_error")
    return dict(zip(names, found, strict=True)) if found else {}


def _offset(values: np.ndarray) -> dict[str, Any]:
    """Return mean over deviation of the features, without constant ones: the median, and of all."""
    columns = values.reshape(len(values), -1)
    mean, std = columns.mean(axis=0, dtype="float64"), columns.std(axis=0, dtype="float64")
    varies = std > 1e-6 * np.abs(mean)
    if not varies.any():
        return {"offset": 0.0, "mean_over_std": 0.0}
    mean, std = np.abs(mean[varies]), std[varies]
    return {
        "offset": float(np.median(mean / std)),
        "mean_over_std": float(np.linalg.norm(mean) / np.linalg.norm(std)),
    }


def _constant_features(values: np.ndarray) -> dict[str, Any]:
    """Return what `InputFacts` say of columns that never change, without the edges of a picture.

    A column at the lowest or highest value of the whole table, at 0 or at 1 may be background. It
    is not where such columns are half of the table and the others hardly ever have that value.
    """
    if values.ndim != 2 or len(values) < 2:
        return {}
    is_constant = np.ptp(values, axis=0) == 0
    is_edge = np.isin(values, (values.min(), values.max(), 0, 1))
    is_background = is_constant & is_edge[0]
    has_background = (
        is_edge[:, ~is_constant].mean() > MIN_EDGE_ENTRIES if not is_constant.all() else False
    )
    if has_background or is_constant.mean() < MAX_ODD_FRACTION:
        is_constant &= ~is_background
    columns = np.flatnonzero(is_constant)
    return {
        "features": values.shape[1],
        "constant_features": len(columns),
        "first_constant": int(columns[0]) if len(columns) else None,
    }


def describe_target(leaf: np.ndarray) -> TargetFacts:
    """Return the `TargetFacts` of an array, whose rows are along its first axis."""
    facts = TargetFacts(dtype=str(leaf.dtype), shape=leaf.shape[1:])
    if leaf.dtype.kind not in "fiub" or not leaf.size or not np.isfinite(leaf).all():
        return facts
    values = leaf.reshape(len(leaf), -1).astype("float64")
    sums = values.sum(axis=1)
    is_whole = bool((values == np.round(values)).all())
    is_binary = bool(np.isin(values, (0, 1)).all())
    is_one_hot = bool(is_binary and values.shape[1] > 1 and (sums == 1).all())
    return replace(
        facts,
        low=float(values.min()),
        high=float(values.max()),
        percentile_1=float(np.quantile(values, 0.01)),
        percentile_99=float(np.quantile(values, 0.99)),
        columns=values.shape[1],
        mean=float(values.mean()),
        std=float(values.std()),
        sum_low=float(sums.min()),
        sum_high=float(sums.max()),
        is_whole=is_whole,
        is_binary=is_binary,
        is_one_hot=is_one_hot,
    )


def _describe_labels(
    leaf: np.ndarray, stretch: int | None, weights: np.ndarray | None
) -> TargetFacts:
    """Return the `TargetFacts` of an array, and of the classes that they are."""
    facts = describe_target(leaf)
    if facts.low is None:
        return facts
    values, classes = classes_of(leaf, facts)
    if values is None or classes is None:
        return facts
    facts = replace(facts, **_describe_classes(classes, stretch))
    return facts if len(values) > MAX_CLASSES else replace(facts, **_each(values, classes, weights))


def classes_of(
    leaf: np.ndarray, facts: TargetFacts
) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
    """Return the classes of an array of targets, and the index of that of each example.

    Args:
        leaf: The array.
        facts: Its `TargetFacts`, as `describe_target` returns them.

    Returns:
        Twice None where the targets are not classes.
    """
    values = leaf.reshape(len(leaf), -1)
    if facts.is_one_hot:
        return np.arange(values.shape[1]), values.argmax(axis=1)
    if not facts.is_whole or values.shape[1] > 1:
        return None, None
    found, classes = np.unique(values, return_inverse=True)
    if len(found) > max(2, len(values) // 10):
        return None, None
    return found, classes.ravel()


def common_classes(y: np.ndarray, y_val: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the class of each training and validation example, as an index among those of both.

    Args:
        y: Training targets.
        y_val: Validation targets.

    Returns:
        None where the targets of either are not classes.
    """
    labels = []
    for leaf in (y, y_val):
        values, classes = classes_of(leaf, describe_target(leaf))
        if values is None or classes is None:
            return None
        labels.append(values[classes])
    known = np.unique(np.concatenate(labels))
    return np.searchsorted(known, labels[0]), np.searchsorted(known, labels[1])


def _each(values: np.ndarray, classes: np.ndarray, weights: np.ndarray | None) -> dict[str, Any]:
    """Return what `TargetFacts` say of each class."""
    counts = np.bincount(classes, minlength=len(values))
    facts = {
        "classes": tuple(map(float, values)),
        "class_fractions": tuple(map(float, counts / len(classes))),
    }
    if weights is None or weights.size != len(weights) or not np.isfinite(weights).all():
        return facts
    sums = np.bincount(classes, weights=weights.ravel()[: len(classes)], minlength=len(values))
    return facts | {"class_weights": tuple(map(float, sums / np.maximum(counts, 1)))}


def _describe_classes(classes: np.ndarray, stretch: int | None) -> dict[str, Any]:
    """Return what `TargetFacts` say of the most frequent class, of all and within a stretch."""
    facts: dict[str, Any] = {"largest_fraction": float(np.bincount(classes).max() / len(classes))}
    whole = len(classes) // stretch if stretch else 0
    if stretch and whole >= MIN_STRETCHES:
        parts = classes[: whole * stretch].reshape(whole, stretch)
        fractions = [np.bincount(part).max() / stretch for part in parts]
        facts |= {"stretch": stretch, "largest_fraction_of_stretch": float(np.mean(fractions))}
    return facts
