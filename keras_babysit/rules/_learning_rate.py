"""The learning rate to try instead."""

import math

import numpy as np

from keras_babysit.actions import ScaleLearningRate
from keras_babysit.history import History
from keras_babysit.rules._headroom import BEST, BEYOND, built_up, headrooms, rate_at_start
from keras_babysit.rules._network import median_ratios

HEALTHY_RATIO = 1e-3
"""Update ratio of a healthy run (CS231n, "Babysitting the learning process")."""

FIRST_RATIO = 5e-3
"""Update ratio that the first step may have, in between a healthy one and the 3e-2 from which on
steps are too long. First steps are long: in networks that train best (`make bench-lr`) they move
the weights by 1e-3 to 1e-1, so that a thousandth would be several times too little."""

RAISED_RATIO = 1e-2
"""Update ratio of the first steps at a learning rate that was raised: the middle, in orders of
magnitude, of the 1e-3 to 1e-1 of networks that train best (`make bench-lr`)."""

LONGEST_RATIO = 1e-1
"""Update ratio that no kernel passes at a learning rate that was raised: the upper end of the same
networks. Where the initial weights of some layers are far too large, their steps are short at any
learning rate that the others bear."""

LEAST_FACTOR = 2.0
"""Least factor by which a higher learning rate is suggested."""

LARGEST_FACTOR = 1000
"""Largest factor by which a higher learning rate is suggested."""

SMALLEST_FACTOR = 1e-6
"""Smallest factor by which a lower learning rate is suggested: a smaller one would rest on a weight
that began near 0, not on the learning rate."""


LEAST_CHANGE = 0.5
"""Largest multiple of the present learning rate that counts as lower."""

LEAST_RATE = 1e-6
"""Least learning rate that is suggested, a tenth of those of fine-tuning (Devlin et al.,
arXiv:1810.04805, appendix A.3: from 2e-5 on). Where only a smaller one would do, the data or the
loss have another scale, which other remedies change."""


def suggest_lower_rate(history: History) -> float | None:
    """Return a lower learning rate to try, None if the present one is not known.

    Where the headroom was measured in the first steps, the suggested one is a tenth of what the
    network bore there, a third for gradient descent, and at most half of the present one.
    Else the first step shows how far the present learning rate moves the weights. The suggested one
    would have moved them by `FIRST_RATIO`, and is at most a tenth of the present one. Without such
    a measurement it is a tenth. One below `LEAST_RATE` is not suggested: None. What momentum adds
    to a step after the first ones counts in both cases (see `built_up`).
    """
    rate = history.last("optimizer/learning_rate")
    if rate is None:
        return None
    measured = rate_at_start(history)
    if measured is not None:
        lower = one_digit(min(measured, LEAST_CHANGE * rate))
        return lower if lower >= LEAST_RATE else None
    kernels = [t for t in history.targets("updates/ratio") if history.facts.is_kernel(t)]
    first = [_full_length(history, target) for target in kernels]
    moved = float(np.median([ratio for ratio in first if ratio > 0] or [0.0]))
    factor = FIRST_RATIO / moved if moved > 0 and math.isfinite(moved) else 0.1
    lower = one_digit(rate * min(max(factor, SMALLEST_FACTOR), 0.1))
    return lower if lower >= LEAST_RATE else None


def raising_factor(history: History) -> float | None:
    """Return the factor by which to raise the learning rate; None if it would be below 2.

    It brings the longest step so far to `RAISED_RATIO` in the median of the kernels, and in none of
    them above `LONGEST_RATIO`. Where the headroom was measured and has an
    end, the raised one is a tenth of what the network bears now.
    """
    ratios = median_ratios(history)[1]
    moved = float(ratios.max(initial=0.0))
    if not moved > 0:
        return None
    named = [t for t in history.targets("updates/ratio") if history.facts.is_kernel(t)]
    longest = max([moved, *(_longest(history, target) for target in named)])
    factor = min(RAISED_RATIO / moved, LONGEST_RATIO / longest, LARGEST_FACTOR)
    room = next(reversed(headrooms(history)), None)
    if room is not None and room.value < BEYOND:
        factor = min(factor, BEST * room.bears)
    return one_digit(factor) if factor >= LEAST_FACTOR else None


def _full_length(history: History, target: str) -> float:
    """Return the first update ratio of a kernel, as it is once momentum has built up."""
    series = history.series("updates/ratio", target)
    return float(series.values[0]) / built_up(history, int(series.steps[0]))


def _longest(history: History, target: str) -> float:
    """Return the largest update ratio of a kernel, 0 if none is finite."""
    values = history.series("updates/ratio", target).values
    return float(values[np.isfinite(values)].max(initial=0.0))


def lower_rate(rate: float, headroom: float | None) -> float:
    """Return a tenth of a learning rate, or of what the network bears if that is less."""
    return one_digit(rate * min(0.1, 0.1 if headroom is None else BEST * headroom))


def one_digit(value: float) -> float:
    """Return `value` rounded to one significant digit."""
    return float(f"{value:.0e}")


def set_rate(history: History, verb: str, value: float | None) -> ScaleLearningRate:
    """Return the change to a learning rate: by a factor of 10 where it is not known.

    Args:
        history: The history of the run.
        verb: `"Lower"` or `"Raise"`.
        value: The learning rate to set; None if it is not known.
    """
    schedule, factor = history.facts.learning_rate_schedule, rate_factor(history, value)
    if factor is None:
        factor = 0.1 if verb == "Lower" else 10.0
    return ScaleLearningRate(factor, value, schedule or "")


def rate_factor(history: History, value: float | None) -> float | None:
    """Return a learning rate as a multiple of the present one, None if one is not known."""
    rate = history.last("optimizer/learning_rate")
    return one_digit(value / rate) if rate and value else None
