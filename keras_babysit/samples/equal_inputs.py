"""Examples whose inputs are all the same, although their targets differ."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_babysit.samples.batches import contents

MIN_EXAMPLES = 64

MIN_ENTRIES = 8
"""Entries of one example from which on two are not equal by chance."""

DIFFERENT = 0.5
"""Fraction of the other examples that must differ from each other: of a few codes, many are equal.
"""

AS_MIXED = 0.5
"""How mixed the targets of the equal inputs must be, as a fraction of how mixed all targets are.
What is empty may rightly have one target, such as background."""


def equal_fraction(
    leaf: np.ndarray[Any, Any], targets: Sequence[np.ndarray[Any, Any]]
) -> float | None:
    """Return the fraction of the examples that have the most frequent input, with mixed targets.

    Args:
        leaf: Inputs; numbers.
        targets: The arrays of targets.

    Returns:
        A number in [0, 1]; None if there is more than one array of targets, if examples are few or
        small, if the others repeat as well, or if the targets of the equal inputs are the same.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 8))
        >>> x[:60] = 0.0
        >>> equal_fraction(x, [np.arange(100) % 3])
        0.6
    """
    count = len(leaf)
    if count < MIN_EXAMPLES or leaf.size < MIN_ENTRIES * count or len(targets) != 1:
        return None
    if leaf.dtype.kind not in "fiub" or targets[0].dtype.kind not in "fiub":
        return None
    if len(targets[0]) != count:
        return None
    rows = contents(leaf)
    (most, frequency), *_ = Counter(rows).most_common(1)
    others = count - frequency
    if frequency < 2 or len(set(rows)) - 1 < DIFFERENT * others:
        return None
    are_equal = np.array([row == most for row in rows])
    mixed, all_mixed = _mixed(targets[0][are_equal]), _mixed(targets[0])
    return frequency / count if mixed >= AS_MIXED * all_mixed > 0 else None


def _mixed(targets: np.ndarray[Any, Any]) -> float:
    """Return the variance of targets, the mean over their entries.

    Of classes, too, it is 0 if all are of one, and about the same in any mixed part of them.
    """
    values = targets.reshape(len(targets), -1).astype("float64")
    return float(np.nan_to_num(values).var(axis=0).mean())
