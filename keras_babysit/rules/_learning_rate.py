"""The learning rate to try instead."""

import math

import numpy as np

from keras_babysit.history import History

HEALTHY_RATIO = 1e-3
"""Update ratio of a healthy run (CS231n, "Babysitting the learning process")."""

FIRST_RATIO = 5e-3
"""Update ratio that the first step may have, in between a healthy one and the 3e-2 from which on
steps are too long. First steps are long: in networks that train best (`make bench-lr`) they move
the weights by 1e-3 to 1e-1, so that a thousandth would be several times too little."""

SMALLEST_FACTOR = 1e-6
"""Smallest factor by which a lower learning rate is suggested: a smaller one would rest on a weight
that began near 0, not on the learning rate."""


LEAST_RATE = 1e-6
"""Least learning rate that is suggested, a tenth of those of fine-tuning (Devlin et al.,
arXiv:1810.04805, appendix A.3: from 2e-5 on). Where only a smaller one would do, the data or the
loss have another scale, which other remedies change."""


def suggest_lower_rate(history: History) -> float | None:
    """Return a lower learning rate to try, None if the present one is not known.

    The first step shows how far the present learning rate moves the weights. The suggested one
    would have moved them by `FIRST_RATIO`, and is at most a tenth of the present one. Without such
    a measurement it is a tenth. One below `LEAST_RATE` is not suggested: None.
    """
    rate = history.last("optimizer/learning_rate")
    if rate is None:
        return None
    kernels = [t for t in history.targets("updates/ratio") if history.facts.is_kernel(t)]
    first = [history.first("updates/ratio", target) for target in kernels]
    moved = float(np.median([ratio for ratio in first if ratio > 0] or [0.0]))
    factor = FIRST_RATIO / moved if moved > 0 and math.isfinite(moved) else 0.1
    lower = one_digit(rate * min(max(factor, SMALLEST_FACTOR), 0.1))
    return lower if lower >= LEAST_RATE else None


def one_digit(value: float) -> float:
    """Return `value` rounded to one significant digit."""
    return float(f"{value:.0e}")


def set_rate(history: History, value: float | None) -> str:
    """Return the code that sets a learning rate, empty if it is None.

    An optimizer that holds a schedule refuses a number: then the code scales the schedule. It is
    empty where the schedule is of a kind that keeps its values elsewhere.
    """
    schedule, factor = history.facts.learning_rate_schedule, rate_factor(history, value)
    if schedule is None:
        return "" if value is None else f"model.optimizer.learning_rate = {value:g}"
    if factor is None or schedule not in (*STARTING_SCHEDULES, "PiecewiseConstantDecay"):
        return ""
    if schedule == "PiecewiseConstantDecay":
        scale = f'rate["values"] = [{factor:g} * value for value in rate["values"]]'
    else:
        names = '("initial_learning_rate", "warmup_target")'
        scale = f"rate.update({{k: {factor:g} * rate[k] for k in {names} if rate.get(k)}})"
    return f'{OPTIMIZER_CONFIG}rate = config["learning_rate"]["config"]\n{scale}\n{COMPILE_AGAIN}'


def rate_factor(history: History, value: float | None) -> float | None:
    """Return a learning rate as a multiple of the present one, None if one is not known."""
    rate = history.last("optimizer/learning_rate")
    return one_digit(value / rate) if rate and value else None


OPTIMIZER_CONFIG = "config = model.optimizer.get_config()\n"
COMPILE_AGAIN = "model.compile(type(model.optimizer).from_config(config), model.loss)"
"""Code around a change of the arguments of an optimizer: it is made anew."""

STARTING_SCHEDULES = (
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "PolynomialDecay",
)
"""The schedules of Keras that start at `initial_learning_rate`."""
