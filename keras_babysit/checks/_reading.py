"""Determines the range of an output from its values, not from names."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_babysit.checks.result import Unknown

if TYPE_CHECKING:
    from keras_babysit.checks.case import Case

RANGE_DRAWS = 12
"""Number of random weights for which the range of an output is read. A single linear unit has the
same sign under all of them, and so looks one-sided, with probability 2^-11."""

MIN_RANGE_DRAWS = 2

STRESS_EXAMPLES = 32

NEAR_LIMIT = 0.9
"""Fraction of a limit of 1 or -1 from which on an output has come near it."""

MIN_NORMALIZED_ROWS = 8
"""Number of rows away from 0 and 1 that must sum to 1 before the output counts as normalized."""


@dataclasses.dataclass(frozen=True)
class OutputRange:
    """The values that an output can take, whatever the weights.

    Args:
        low: Lower bound; -inf if there is none.
        high: Upper bound; inf if there is none, NaN if it is not known.
        is_distribution: Whether every row sums to 1 without negative values. A single column is a
            distribution if it is always 1.
        is_constant: Whether the output is the same for all weights and inputs.
    """

    low: float
    high: float
    is_distribution: bool
    is_constant: bool

    @property
    def is_known(self) -> bool:
        """Whether the range is known. A constant output hides it, except a softmax of one unit."""
        return self.is_distribution or not (self.is_constant or np.isnan(self.high))


def read_ranges(case: "Case") -> list[OutputRange]:
    """Return the `OutputRange` of each output, measured with large random weights.

    Raises:
        Unknown: If the outputs are not finite for these weights.
    """
    x = case.few(STRESS_EXAMPLES)
    for training in (
        False,
        True,
    ):  # batch normalization keeps a deep network finite in training mode
        draws = []
        for seed in range(RANGE_DRAWS):
            case.need_time(passes=1, examples=STRESS_EXAMPLES)
            values = case.perturbed(3.0, seed)
            draws.append(case.forward(x, trainable=values, training=training)[0])
            if not all(np.isfinite(leaf).all() for leaf in draws[-1]):
                break
            by_output = list(zip(*draws, strict=True))
            ranges = [_range(values) for values in by_output]
            if len(draws) >= MIN_RANGE_DRAWS and all(map(_is_settled, ranges, by_output)):
                return ranges
        else:
            return ranges
    raise Unknown("the output is not finite for random weights")


def _is_settled(bounds: OutputRange, values: Sequence[np.ndarray]) -> bool:
    """Return whether further draws cannot change a range.

    That is so once values lie outside of [-1, 1], or once enough rows sum to 1. Rows of zeros and
    ones may do so by chance if all units are saturated; rows with values in between may not.
    """
    between = sum(int(np.sum((v.max(axis=-1) < 0.99) & (v.max(axis=-1) > 0.01))) for v in values)
    is_unbounded = min(v.min() for v in values) < -1.01 and max(v.max() for v in values) > 1.01
    is_normalized = bounds.is_distribution and between >= MIN_NORMALIZED_ROWS
    return not bounds.is_constant and (is_normalized or is_unbounded)


def _range(values: Sequence[np.ndarray]) -> OutputRange:
    y = np.stack([np.asarray(value, "float64") for value in values])
    is_constant = bool(np.ptp(y) < 1e-6)
    columns = y.shape[-1] if y.ndim > 2 else 1
    sums = y.sum(axis=-1) if columns > 1 else y
    sums_to_one = (columns > 1 or is_constant) and np.abs(sums - 1).max() < 0.01
    low, high = float(y.min()), float(y.max())
    if sums_to_one and low >= 0:
        return OutputRange(0.0, 1.0, is_distribution=True, is_constant=is_constant)
    bound = next((bound for bound in (0.0, -1.0) if _is_bound(y, bound, low)), -np.inf)
    # What has a lower limit and stays below 1 may have an upper one that it did not come near.
    is_open = high > 1 + 1e-6 or (high <= NEAR_LIMIT and np.isinf(bound))
    return OutputRange(
        low=bound,
        high=np.inf if is_open else 1.0 if high > NEAR_LIMIT else np.nan,
        is_distribution=False,
        is_constant=is_constant,
    )


def _is_bound(y: np.ndarray, bound: float, low: float) -> bool:
    """Return whether an output reaches a lower bound, and never falls below it."""
    if bound == 0.0:
        return low >= 0
    return low >= bound - 1e-6 and low < NEAR_LIMIT * bound and y.max() <= 1 + 1e-6
