"""The learning rate to try instead."""

import math

import numpy as np

from keras_babysit.history import History

HEALTHY_RATIO = 1e-3
"""Update ratio of a healthy run (CS231n, "Babysitting the learning process")."""

SMALLEST_FACTOR = 1e-6
"""Smallest factor by which a lower learning rate is suggested: a smaller one would rest on a weight
that began near 0, not on the learning rate."""


def suggest_lower_rate(history: History) -> float | None:
    """Return a lower learning rate to try, None if the present one is not known.

    The first step shows how far the present learning rate moves the weights. The suggested one
    would have moved them by a thousandth, and is at most a tenth of the present one. Without such
    a measurement it is a tenth.
    """
    rate = history.last("optimizer/learning_rate")
    if rate is None:
        return None
    kernels = [t for t in history.targets("updates/ratio") if history.facts.is_kernel(t)]
    first = [history.first("updates/ratio", target) for target in kernels]
    moved = float(np.median([ratio for ratio in first if ratio > 0] or [0.0]))
    factor = HEALTHY_RATIO / moved if moved > 0 and math.isfinite(moved) else 0.1
    return one_digit(rate * min(max(factor, SMALLEST_FACTOR), 0.1))


def one_digit(value: float) -> float:
    """Return `value` rounded to one significant digit."""
    return float(f"{value:.0e}")


def set_rate(value: float | None) -> str:
    """Return the code that sets a learning rate, empty if it is None."""
    return "" if value is None else f"model.optimizer.learning_rate = {value:g}"
