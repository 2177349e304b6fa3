"""Inputs of 8-bit integers whose arithmetic wrapped around."""

from typing import Any

import numpy as np

LEVELS = 256

BIN = 8
"""Levels that are counted together."""

MIN_SHARE = 0.02
"""Fraction of the entries that must be next to 0 on either side."""

ALIKE = 2.0
"""Factor by which the two sides of 0 may differ: errors and differences are about symmetric."""

PEAK = 4.0
"""Factor by which they are more frequent than any bin in the middle half of the range."""

MIN_ENTRIES = 4096


def is_wrapped(leaf: np.ndarray[Any, Any]) -> bool | None:
    """Return whether small negative numbers appear as large positive ones; None if not known.

    A difference of two `uint8` arrays is taken modulo 256: -1 becomes 255. Then the values next to
    255 are as frequent as those next to 0, as around the center of any distribution, and the middle
    of the range is nearly empty. In pictures, 0 and 255 themselves may be frequent, but what is
    next to both is not.

    Args:
        leaf: Inputs; numbers in [0, 255], or in [0, 1] if they were divided by 255.

    Example:
        >>> numbers = np.random.default_rng(0).integers(0, 20, (2, 100, 64)).astype("uint8")
        >>> is_wrapped(numbers[0] - numbers[1]), is_wrapped(numbers[0] + numbers[1])
        (True, False)
    """
    if leaf.dtype.kind not in "fiu" or leaf.size < MIN_ENTRIES:
        return None
    values = leaf.reshape(-1).astype("float64")
    if not np.isfinite(values).all():
        return None
    scaled = values * (LEVELS - 1) if values.max() <= 1 else values
    levels = np.round(scaled)
    if levels.min() < 0 or levels.max() > LEVELS - 1 or np.abs(scaled - levels).max() > 1e-3:
        return False
    counts = np.bincount(levels.astype(int), minlength=LEVELS)
    above, below = counts[1 : 1 + BIN].sum(), counts[-BIN:].sum()
    middle = counts[LEVELS // 4 : 3 * LEVELS // 4].reshape(-1, BIN).sum(axis=1).max()
    least, most = min(above, below), max(above, below)
    is_frequent = least >= MIN_SHARE * values.size and least >= PEAK * middle
    return bool(is_frequent and most <= ALIKE * least)
