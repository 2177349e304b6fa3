"""Validation examples beside training examples of the same series, or of the same group."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from keras_babysit.samples.copies import MIN_ROWS, row_keys, some_numbers, squared_distances
from keras_babysit.samples.data_facts import common_classes

MAX_COMPARED = 1024
"""Examples of either kind among which groups are searched. Of groups of four, of which every second
example was kept, seven of eight examples have another one left."""

MIN_STEPS = 8
"""Steps of a window from which on its half tells it apart: four numbers agree by chance in none of
2^96 cases."""

NEAR_SHIFTS, FAR_SHIFTS = 8, 8
"""Shifts by which windows are compared: all of up to 8 steps, and 8 more up to half a window."""

MIN_DIFFERENT = 4
"""Different numbers that the shared half must hold: padding and pauses are alike everywhere."""

MAX_REPEATED = 0.1
"""Fraction of the training windows that may occur more than once. A periodic series without noise
repeats itself, before and after the split."""

MIN_GROUPS = 10
"""Groups that are needed: fewer may be classes, or two instruments."""

LARGEST_GROUP = 0.1
"""Fraction of all examples that a group may hold."""

IN_GROUPS = 0.8
"""Fraction of the examples that must have a group: otherwise a few are near copies."""

GAP = 2.5
"""Factor between the mean distance within groups and between them, of geometric means. The distance
to the nearest neighbour outside of a normal cloud of few dimensions is spread by as much, but
without a gap; see `VALLEY`."""

VALLEY = 0.1
"""Fraction of the distances that may lie in the middle third between the two means, on a scale of
logarithms. Those of one cloud have their peak there."""


class Groups(NamedTuple):
    """What examples of the same group on both sides of the split give away.

    Args:
        grouped: Validation examples whose group has training examples.
        examples: Validation examples that were compared.
        with_group: Error of the nearest training example on the grouped ones: the fraction of wrong
            classes, or the unexplained variance.
        without_group: Error of the nearest training example of another group.
        stderr: Standard error of the difference of the two.
    """

    grouped: int
    examples: int
    with_group: float
    without_group: float
    stderr: float


def count_between(train: np.ndarray, validation: np.ndarray) -> int | None:
    """Return how many validation windows lie between training windows that overlap with them.

    Of a series that was cut into windows and then split in time, a validation window shares steps
    with training windows on one side of it at most. Windows count that share at least half of their
    steps with a training window that begins earlier, and with one that begins later.

    Args:
        train: Training windows `(examples, steps)` or `(examples, steps, features)`, numbers.
        validation: Validation windows of the same shape.

    Returns:
        The number; None if the arrays are no sequences of numbers, or repeat themselves.

    Example:
        >>> series = np.random.default_rng(0).normal(size=300)
        >>> windows = np.lib.stride_tricks.sliding_window_view(series, 10)
        >>> count_between(windows[:200], windows[200:])
        0
        >>> count_between(windows[::2], windows[1:-1:2])
        145
    """
    are_steps = train.ndim in (2, 3) and train.shape[1:] == validation.shape[1:]
    if not are_steps or train.dtype != validation.dtype:
        return None
    steps = train.shape[1]
    if steps < MIN_STEPS or min(len(train), len(validation)) < MIN_ROWS:
        return None
    whole = _keys(train)
    if len(np.unique(whole)) < (1 - MAX_REPEATED) * len(whole):
        return None
    earlier, later = (np.zeros(len(validation), bool) for _ in range(2))
    for shift in _shifts(steps // 2):
        ends = [_keys(leaf[:, shift:]) for leaf in (train, validation)]
        starts = [_keys(leaf[:, :-shift]) for leaf in (train, validation)]
        earlier |= np.isin(starts[1], ends[0])
        later |= np.isin(ends[1], starts[0])
    differ = [len(np.unique(row)) >= MIN_DIFFERENT for row in validation[:, steps // 2 :]]
    return int((earlier & later & np.array(differ)).sum())


def _shifts(most: int) -> list[int]:
    far = np.linspace(NEAR_SHIFTS, most, FAR_SHIFTS + 1).astype(int).tolist()
    return sorted({one for one in (*range(1, NEAR_SHIFTS + 1), *far) if one <= most})


def _keys(leaf: np.ndarray) -> np.ndarray:
    keys = row_keys([leaf])
    assert keys is not None  # of numbers
    return keys


def find_groups(
    train: tuple[np.ndarray, np.ndarray], validation: tuple[np.ndarray, np.ndarray]
) -> Groups | None:
    """Return what groups of similar examples on both sides of the split give away, None if nothing.

    Examples of a patient, a machine or a speaker are far closer to each other than to those of
    another one. Such groups are found as the parts into which the shortest tree that connects all
    examples falls if its long edges are cut, where short and long edges are two kinds with a gap
    between them.

    Args:
        train: Inputs and targets of training examples.
        validation: Inputs and targets of validation examples.

    Returns:
        The `Groups`; None if there are none, or if the targets are neither classes nor numbers.
    """
    (x, y), (x_val, y_val) = train, validation
    if x.shape[1:] != x_val.shape[1:] or min(len(x), len(x_val)) < MIN_ROWS:
        return None
    targets = _targets(y, y_val)
    if targets is None:
        return None
    counts = min(MAX_COMPARED, len(x)), min(MAX_COMPARED, len(x_val))
    rows, others = some_numbers(x, counts[0]), some_numbers(x_val, counts[1])
    known, wanted = (some_numbers(t, n) for t, n in zip(targets, counts, strict=True))
    both = np.concatenate([rows, others])
    spread = rows.std(axis=0)
    if not np.isfinite(both).all() or not spread.any():
        return None
    both = (both - rows.mean(axis=0)) / np.where(spread > 0, spread, 1)
    distances = _distances(both)
    groups = _groups(distances)
    if groups is None:
        return None
    are_whole = all(bool((leaf == np.round(leaf)).all()) for leaf in (y, y_val))
    if are_whole and _are_classes(groups, np.concatenate([known, wanted])):
        return None
    count = len(rows)
    is_same = groups[count:, None] == groups[None, :count]
    is_grouped = is_same.any(axis=1)
    if is_grouped.sum() < 2:
        return None
    apart = distances[count:, :count][is_grouped]
    is_same, wanted = is_same[is_grouped], wanted[is_grouped]
    errors = [
        _errors(known, wanted, np.where(allowed, apart, np.inf)) for allowed in (is_same, ~is_same)
    ]
    difference = errors[1] - errors[0]
    return Groups(
        int(is_grouped.sum()),
        len(others),
        float(errors[0].mean()),
        float(errors[1].mean()),
        float(difference.std() / np.sqrt(len(difference))),
    )


def _targets(y: np.ndarray, y_val: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return targets as numbers whose squared difference is an error; None if they are neither."""
    if not all(leaf.dtype.kind in "fiub" and np.isfinite(leaf).all() for leaf in (y, y_val)):
        return None
    if y.shape[1:] != y_val.shape[1:] or y[:1].size > MIN_ROWS:
        return None
    classes = common_classes(y, y_val)
    if classes is not None:
        rows = np.eye(1 + max(map(np.max, classes))) / np.sqrt(2)
        return rows[classes[0]], rows[classes[1]]
    first, second = (leaf.reshape(len(leaf), -1).astype("float64") for leaf in (y, y_val))
    variance = first.var(axis=0).sum()
    return None if variance <= 0 else (first / np.sqrt(variance), second / np.sqrt(variance))


def _distances(rows: np.ndarray) -> np.ndarray:
    distances: np.ndarray = np.sqrt(np.maximum(squared_distances(rows, rows), 0))
    np.fill_diagonal(distances, 0)
    return distances


def _groups(distances: np.ndarray) -> np.ndarray | None:
    """Return the number of the group of each example, None if they are in no groups."""
    edges, lengths = _shortest_tree(distances)
    is_positive = lengths > 1e-6 * np.median(distances)
    if is_positive.mean() < 1 - MAX_REPEATED:
        return None  # equal rows: categories, or copies
    limit = _gap(np.log(lengths[is_positive]))
    if limit is None:
        return None
    groups = np.arange(len(distances))
    for (one, other), length in zip(edges, lengths, strict=True):
        if length <= np.exp(limit):
            groups[groups == groups[other]] = groups[one]
    _, groups, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    are_small = sizes.max() <= LARGEST_GROUP * len(groups)
    are_many = (sizes >= 2).sum() >= MIN_GROUPS
    have_all = sizes[sizes >= 2].sum() >= IN_GROUPS * len(groups)
    return groups if are_small and are_many and have_all else None


def _shortest_tree(distances: np.ndarray) -> tuple[list[tuple[int, int]], np.ndarray]:
    """Return the edges of the shortest tree that connects all examples, and their lengths.

    After Prim; SciPy has it too, but the package does not require SciPy.
    """
    nearest, parent = distances[0].copy(), np.zeros(len(distances), int)
    is_in = np.zeros(len(distances), bool)
    is_in[0] = True
    edges, lengths = [], []
    for _ in range(len(distances) - 1):
        new = int(np.where(is_in, np.inf, nearest).argmin())
        edges.append((int(parent[new]), new))
        lengths.append(nearest[new])
        is_in[new] = True
        closer = distances[new] < nearest
        nearest, parent = np.where(closer, distances[new], nearest), np.where(closer, new, parent)
    return edges, np.array(lengths)


def _gap(logs: np.ndarray) -> float | None:
    """Return the middle of the gap between two kinds of lengths, None if there is one kind."""
    logs = np.sort(logs)
    count = np.arange(1, len(logs))
    below = np.cumsum(logs)[:-1] / count
    above = (logs.sum() - np.cumsum(logs)[:-1]) / (len(logs) - count)
    between = count * (len(logs) - count) * np.square(above - below)  # after Otsu
    best = int(between.argmax())
    low, high = below[best], above[best]
    third = (high - low) / 3
    is_middle = (logs > low + third) & (logs < high - third)
    if high - low < np.log(GAP) or is_middle.mean() > VALLEY:
        return None
    return float((low + high) / 2)


def _are_classes(groups: np.ndarray, targets: np.ndarray) -> bool:
    """Return whether a group is what is to be recognized, as a person by pictures of the face.

    Of the target of a group, other groups have others, and there is a class for most groups.
    """
    values, of = np.unique(targets, axis=0, return_inverse=True)
    of = of.ravel()
    first = np.full(groups.max() + 1, -1)
    first[groups[::-1]] = of[::-1]
    agrees = float((of == first[groups]).mean())
    most = len(values) <= len(targets) / 2
    return most and agrees >= IN_GROUPS and len(np.unique(first)) >= 0.5 * len(first)


def _errors(known: np.ndarray, wanted: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Return the squared error of the nearest allowed training example, for each example."""
    errors: np.ndarray = np.square(wanted - known[distances.argmin(axis=1)]).sum(axis=1)
    return errors


def compare_related(
    inputs: tuple[Sequence[np.ndarray], Sequence[np.ndarray]],
    targets: tuple[Sequence[np.ndarray], Sequence[np.ndarray]],
    *,
    are_tokens: bool = False,
) -> dict[str, Any]:
    """Return what `ComparisonFacts` say of related examples, by field.

    Args:
        inputs: The arrays of training inputs and those of validation inputs.
        targets: The arrays of targets of both.
        are_tokens: Whether whole numbers are indices, between which there is no distance.
    """
    if len(inputs[0]) != 1 or are_tokens or inputs[0][0].dtype.kind not in "fiub":
        return {}
    x, x_val = inputs[0][0], inputs[1][0]
    found: dict[str, Any] = {"between": count_between(x, x_val)}
    if len(targets[0]) == len(targets[1]) == 1:
        groups = find_groups((x, targets[0][0]), (x_val, targets[1][0]))
        if groups is not None:
            found |= {
                "grouped": groups.grouped,
                "grouped_examples": groups.examples,
                "error_with_group": groups.with_group,
                "error_without_group": groups.without_group,
                "group_stderr": groups.stderr,
            }
    return found
