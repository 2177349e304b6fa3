"""The step from coarse to fine: ranges around the best trials."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from keras_babysit.search.record import Record, ranking
from keras_babysit.search.space import Range

LEAST_KEPT = 3
"""Trials that a new range must at least span: two lucky ones lie close together by chance."""

READABLE = 3
"""Significant digits of the ends of a new range; they are rounded outwards."""


def narrow_ranges(
    records: Iterable[Record],
    ranges: Mapping[str, Range],
    *,
    keep: float = 0.2,
    min_width: float = 1 / 3,
    margin: float = 0.25,
) -> dict[str, Range]:
    """Return narrower ranges around the best trials of all rounds.

    On the axis of each range (see `Range`) the new one spans the best `max(3, keep * n)` of n
    trials, grows by `margin` of that span at both ends, is at least `min_width` of the old width,
    and never leaves the old range.

    Args:
        records: The trials so far.
        ranges: The present ranges.
        keep: Share of the trials to narrow around, in (0, 1].
        min_width: Least width, as a share of the old width, in (0, 1].
        margin: What is added at each end, as a share of the span of the best trials; at least 0.

    Returns:
        The new range of each name; the old one where fewer than 3 trials have a score.

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
    kept = _best_of(list(records), keep)
    return {name: _narrowed(one, kept, min_width, margin) for name, one in ranges.items()}


def _best_of(records: list[Record], keep: float) -> list[Record]:
    ranked = ranking(records)
    finished = sum(record.is_over for record in records)
    return ranked[: max(LEAST_KEPT, math.ceil(keep * finished))]


def _narrowed(old: Range, kept: list[Record], min_width: float, margin: float) -> Range:
    low, high = old.axis
    places = [place for record in kept if (place := record.place(old.name)) is not None]
    places = [min(max(place, low), high) for place in places]
    if len(places) < LEAST_KEPT:
        return old
    pad = margin * (max(places) - min(places))
    new_low, new_high = min(places) - pad, max(places) + pad
    lack = min_width * (high - low) - (new_high - new_low)
    if lack > 0:
        new_low, new_high = new_low - lack / 2, new_high + lack / 2
    # What hangs over one end is given to the other, so that the width stays.
    new_low, new_high = new_low - max(0.0, new_high - high), new_high + max(0.0, low - new_low)
    return placed(old, max(new_low, low), min(new_high, high))


def placed(old: Range, low: float, high: float) -> Range:
    """Return `old` from `low` to `high` on its axis, with ends that read well."""
    ends = outward(old.from_axis(low), -1), outward(old.from_axis(high), 1)
    clipped = (min(max(end, old.low), old.high) for end in ends)
    return old.between(*clipped)


def outward(value: float, direction: int) -> float:
    """Return `value` in few digits, not below it (direction 1) or not above it (-1)."""
    if value == 0 or not math.isfinite(value):
        return value
    unit = 10.0 ** (math.floor(math.log10(abs(value))) + 1 - READABLE)
    rounded = round(value / unit) * unit  # if it was readable before, it stays as it is
    if abs(rounded - value) > 1e-9 * abs(value):
        rounded = (math.ceil if direction > 0 else math.floor)(value / unit) * unit
    return float(f"{rounded:.{READABLE}g}")
