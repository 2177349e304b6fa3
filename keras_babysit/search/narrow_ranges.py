"""Narrowing ranges around the best trials."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from keras_babysit.search.record import Record, by_promise
from keras_babysit.search.space import Range

MIN_KEPT_TRIALS = 3
"""Smallest number of trials that a new range spans: two good ones may be close by chance."""

SIGNIFICANT_DIGITS = 3
"""Number of significant digits of the ends of a new range, rounded outwards."""


def narrow_ranges(
    records: Iterable[Record],
    ranges: Mapping[str, Range],
    *,
    keep: float = 0.2,
    min_width: float = 1 / 3,
    margin: float = 0.25,
    finished: int | None = None,
) -> dict[str, Range]:
    """Return narrower ranges around the best trials of all rounds.

    On the axis of each range (see `Range`), the new range spans the best `max(3, keep * n)` of n
    trials, plus a margin of `margin` times that span at both ends. It is at least `min_width` times
    as wide as the old range, and stays within it.

    Args:
        records: The trials so far; with `finished`, only those to narrow around, best first.
        ranges: The current ranges by name.
        keep: Fraction of the trials to narrow around, in (0, 1].
        min_width: Smallest width of a new range, as a fraction of the old width, in (0, 1].
        margin: Margin at each end, as a fraction of the span of the best trials; at least 0.
        finished: Number of trials of which `keep` is a fraction; None for those in `records`.

    Returns:
        The new range of each name. A range with fewer than 3 scored trials stays as it is.

    Example:
        >>> lr = Range("lr", 1e-4, 1.0, sampling="log")
        >>> trials = [
        ...     Record(n, params={"lr": v}, space={"lr": lr}, scores=[abs(v - 0.03)])
        ...     for n, v in enumerate([1e-4, 1e-3, 0.01, 0.03, 0.1, 1.0])
        ... ]
        >>> new = narrow_ranges(trials, {"lr": lr})["lr"]
        >>> new.low, new.high
        (0.000427, 0.0703)

    Reference:
        CS231n, "Hyperparameter optimization": search coarse to fine, in log space.
    """
    given = list(records)
    if finished is None:
        finished = sum(record.is_finished for record in given)
        given = by_promise(given)
    kept = given[: max(MIN_KEPT_TRIALS, math.ceil(keep * finished))]
    return {name: _narrowed(one, kept, min_width, margin) for name, one in ranges.items()}


def _narrowed(old: Range, kept: list[Record], min_width: float, margin: float) -> Range:
    low, high = old.axis
    positions = [position for record in kept if (position := record.position(old.name)) is not None]
    positions = [min(max(position, low), high) for position in positions]
    if len(positions) < MIN_KEPT_TRIALS:
        return old
    pad = margin * (max(positions) - min(positions))
    new_low, new_high = min(positions) - pad, max(positions) + pad
    lack = min_width * (high - low) - (new_high - new_low)
    if lack > 0:
        new_low, new_high = new_low - lack / 2, new_high + lack / 2
    # Shift the range back inside the old one, at the same width.
    new_low, new_high = new_low - max(0.0, new_high - high), new_high + max(0.0, low - new_low)
    return readable_range(old, max(new_low, low), min(new_high, high))


def readable_range(old: Range, low: float, high: float) -> Range:
    """Return `old` from `low` to `high` on its axis, with ends rounded outwards to 3 digits."""
    ends = round_outward(old.from_axis(low), -1), round_outward(old.from_axis(high), 1)
    clipped = (min(max(end, old.low), old.high) for end in ends)
    return old.between(*clipped)


def round_outward(value: float, direction: int) -> float:
    """Return `value` rounded up (direction 1) or down (-1) to few significant digits."""
    if value == 0 or not math.isfinite(value):
        return value
    unit = 10.0 ** (math.floor(math.log10(abs(value))) + 1 - SIGNIFICANT_DIGITS)
    rounded = round(value / unit) * unit  # a value that is short already stays
    if abs(rounded - value) > 1e-9 * abs(value):
        rounded = (math.ceil if direction > 0 else math.floor)(value / unit) * unit
    return float(f"{rounded:.{SIGNIFICANT_DIGITS}g}")
