"""Steps of sequences: which are padding, and whether the targets are the steps that come next."""

from collections.abc import Sequence
from typing import Any

import numpy as np

FILL = 0
"""The value of padding: that of `keras.utils.pad_sequences`, and what `mask_zero` masks."""

MIN_STEPS = 4
"""Steps of a sequence; with fewer there is hardly a run of padding to tell from data."""

ONE_VALUE = 0.999
"""Fraction of the targets on padding that are equal, from which on they are padding as well."""

SHIFTED = 0.95
"""Fraction of the steps whose target is the next step of the input, from which on the task is to
predict the next step. The rest may be marks of start and end."""

MIN_CHANGES = 0.1
"""Fraction of the steps that must differ from the one before: in a series that hardly changes, the
next step is also the current one."""


def is_sequence(leaf: np.ndarray) -> bool:
    """Return whether an array of inputs may be sequences `(n, steps)` or `(n, steps, features)`.

    Rows of numbers are sequences only if they are whole: the columns of a table are no steps.
    """
    if leaf.dtype.kind not in "fiub" or leaf.ndim not in (2, 3) or leaf.shape[1] < MIN_STEPS:
        return False
    return leaf.ndim == 3 or is_whole(leaf)


def is_whole(leaf: np.ndarray) -> bool:
    """Return whether every entry of an array is a whole number."""
    return leaf.dtype.kind in "iub" or bool((leaf == np.round(leaf)).all())


def padded_steps(leaf: np.ndarray) -> np.ndarray:
    """Return which steps are padding, `(n, steps)`: the first and the last ones that are all 0.

    A sequence that is 0 throughout is padding throughout.

    Args:
        leaf: Sequences `(n, steps)` or `(n, steps, features)`.

    Example:
        >>> padded_steps(np.array([[0, 5, 0, 7, 0, 0]])).astype(int).tolist()
        [[1, 0, 0, 0, 1, 1]]
    """
    front, behind = _edges(leaf)
    return np.asarray(front | behind)


def describe_padding(leaf: np.ndarray) -> dict[str, Any]:
    """Return what `InputFacts` say of the padding of an array of inputs.

    Example:
        >>> describe_padding(np.array([[0, 5, 0, 7, 0, 0]]))["padded_behind"]
        0.3333333333333333
    """
    if not is_sequence(leaf):
        return {}
    front, behind = _edges(leaf)
    is_empty = front.all(axis=1, keepdims=True)  # no data: at neither end of them
    return {
        "is_whole": is_whole(leaf),
        "padded_in_front": float((front & ~is_empty).mean()),
        "padded_behind": float((behind & ~is_empty).mean()),
    }


def describe_target_steps(target: np.ndarray, inputs: Sequence[np.ndarray]) -> dict[str, Any]:
    """Return what `TargetFacts` say of a target that has a value for each step of an input.

    Args:
        target: The targets, `(n, steps)` or `(n, steps, columns)`.
        inputs: The arrays of inputs.
    """
    if target.dtype.kind not in "fiub" or target.ndim not in (2, 3):
        return {}
    found: dict[str, Any] = {}
    for index, leaf in enumerate(inputs):
        if not is_sequence(leaf) or leaf.shape[:2] != target.shape[:2]:
            continue
        on_padding = padding_of_target(target, leaf)
        if on_padding is not None and on_padding.mean() > found.get("on_padding", 0.0):
            found |= {"on_padding": float(on_padding.mean()), "padded_input": index}
        if _is_next(target, leaf):
            found.setdefault("next_of_input", index)
    return found


def padding_of_target(target: np.ndarray, leaf: np.ndarray) -> np.ndarray | None:
    """Return which steps of the targets are padding, `(n, steps)`; None if that is not clear.

    They are where those of the input are, and the targets there are all equal but those elsewhere
    are not.
    """
    is_padding = padded_steps(leaf)
    if not is_padding.any() or is_padding.all():
        return None
    rows = target.reshape(*target.shape[:2], -1)
    there, elsewhere = rows[is_padding], rows[~is_padding]
    value = np.median(there, axis=0)
    is_equal = (there == value).all(axis=1).mean() >= ONE_VALUE
    return is_padding if is_equal and (elsewhere != value).any() else None


def _edges(leaf: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = leaf.reshape(*leaf.shape[:2], -1)
    is_fill = (rows == FILL).all(axis=2)
    front = np.logical_and.accumulate(is_fill, axis=1)
    behind = np.logical_and.accumulate(is_fill[:, ::-1], axis=1)[:, ::-1]
    return front, behind


def _is_next(target: np.ndarray, leaf: np.ndarray) -> bool:
    """Return whether the target of each step is the next step of the input, padding left out."""
    if target.ndim == 3 and target.shape[2] > 1 and leaf.ndim == 2:
        numbers = _numbers_of(target)
        if numbers is None:
            return False
        target = numbers
    if target[..., None].size != leaf[..., None].size:
        return False
    data = ~padded_steps(leaf)
    is_data = data[:, 1:] & data[:, :-1]
    rows, targets = (one.reshape(*one.shape[:2], -1) for one in (leaf, target))
    if not is_data.any():
        return False
    following = (targets[:, :-1] == rows[:, 1:]).all(axis=2)[is_data].mean()
    changes = (rows[:, :-1] != rows[:, 1:]).any(axis=2)[is_data].mean()
    return bool(following >= SHIFTED and changes >= MIN_CHANGES)


def is_same_step(target: np.ndarray, leaf: np.ndarray) -> bool:
    """Return whether the target of each step is the token of the same step, padding left out.

    Args:
        target: The targets, `(n, steps)`, `(n, steps, 1)` or one-hot `(n, steps, classes)`.
        leaf: An array of inputs. Only tokens count: sequences of features may be reconstructed.

    Example:
        >>> words = np.array([[3, 1, 4, 1, 5, 9]])
        >>> is_same_step(words, words), is_same_step(words[:, 1:], words[:, :-1])
        (True, False)
    """
    if leaf.ndim != 2 or not is_sequence(leaf) or leaf.shape[:2] != target.shape[:2]:
        return False
    if target.ndim == 3:
        one_column = target[..., 0] if target.shape[2] == 1 else _numbers_of(target)
        if one_column is None:
            return False
        target = one_column
    data = ~padded_steps(leaf)
    is_data = data[:, 1:] & data[:, :-1]
    if target.ndim != 2 or not is_data.any():
        return False
    changes = (leaf[:, :-1] != leaf[:, 1:])[is_data].mean()
    return bool((target == leaf)[data].mean() >= SHIFTED and changes >= MIN_CHANGES)


def _numbers_of(target: np.ndarray) -> np.ndarray | None:
    """Return the class numbers of one-hot targets, None if they are not one-hot."""
    is_one_hot = np.isin(target, (0, 1)).all() and (target.sum(axis=2) <= 1).all()
    return target.argmax(axis=2) if is_one_hot else None
