"""Traits of a model, and which hyperparameters control them, whatever their names are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_babysit.history import History
from keras_babysit.probes.headroom import MULTIPLES
from keras_babysit.search.record import Record

CAPACITY = ("weights",)
REGULARIZATION = ("dropout", "weight_decay", "penalty")

RATE, STABLE_RATE = "learning_rate", "stable_rate"

MIN_TRIALS = 5
"""Smallest number of trials from which the effect of a hyperparameter is inferred."""

MIN_STANDARD_ERRORS = 2.6
"""Number of standard errors, 1 / sqrt(n - 1), of a rank correlation that is significant at 1 %."""


def traits(model: Any) -> dict[str, float]:
    """Return numbers that describe the capacity and regularization of a built model.

    `weights`: number of trainable weights; `dropout`: sum of the dropout rates; `weight_decay`:
    that of the optimizer; `penalty`: sum of the factors of the L1 and L2 weight penalties.
    """
    layers = model._flatten_layers(include_self=False)
    rates = [getattr(x, "rate", 0.0) for x in layers if "Dropout" in type(x).__name__]
    regularizers = [v.regularizer for v in model.trainable_variables if v.regularizer is not None]
    factors = [float(getattr(r, name, 0) or 0) for r in regularizers for name in ("l1", "l2")]
    return {
        "weights": float(sum(math.prod(v.shape) for v in model.trainable_variables)),
        "dropout": float(sum(rates)),
        "weight_decay": float(getattr(model.optimizer, "weight_decay", None) or 0.0),
        "penalty": sum(factors),
    }


def rates(history: History) -> dict[str, float]:
    """Return the learning rate of the first step, and the highest one that the network bore.

    The second, `stable_rate`, is the upper end of the interval of the headroom times the learning
    rate, the least of all steps at which it was measured: the update of momentum grows over the
    first steps. It is missing where the headroom was not measured, or not to its end.
    """
    used = history.series("optimizer/learning_rate")
    highs, found = history.series("optimizer/headroom_high"), []
    for step, high in zip(highs.steps.tolist(), highs.values.tolist(), strict=True):
        before = used.values[used.steps <= step]
        if len(before) and 0 < high < MULTIPLES[-1]:
            found.append(float(high * before[-1]))
    known = {RATE: float(used.values[0])} if len(used) else {}
    return known | ({STABLE_RATE: min(found)} if found else {})


def effect_direction(records: Iterable[Record], name: str, which: Sequence[str]) -> int:
    """Return 1 if a trait increases with the hyperparameter, -1 if it decreases, 0 otherwise.

    It is inferred from Spearman's rank correlation over the trials.
    """
    trials = [(r.position(name), r.traits) for r in records if r.traits]
    pairs = [(position, known) for position, known in trials if position is not None]
    if len(pairs) < MIN_TRIALS:
        return 0
    positions = [position for position, _ in pairs]
    found = [rank_correlation(positions, [known.get(t, 0.0) for _, known in pairs]) for t in which]
    strongest = max(found, key=abs)
    return (
        int(np.sign(strongest))
        if abs(strongest) * math.sqrt(len(pairs) - 1) > MIN_STANDARD_ERRORS
        else 0
    )


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Spearman's rank correlation, with ties; 0 if one of the sequences is constant.

    Example:
        >>> rank_correlation([1, 2, 3, 4], [10, 20, 20, 90]) > 0.9
        True
    """
    one, other = (centered_ranks(values) for values in (first, second))
    scale = math.sqrt(float(one @ one) * float(other @ other))
    return float(one @ other) / scale if scale > 0 else 0.0


def centered_ranks(values: Sequence[float]) -> NDArray[np.float64]:
    """Return the ranks, averaged over ties, minus their mean.

    Example:
        >>> centered_ranks([10.0, 30.0, 30.0])
        array([-1. ,  0.5,  0.5])
    """
    array = np.asarray(values, float)
    _, inverse, counts = np.unique(array, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts + 1) / 2)[inverse]
    centered: NDArray[np.float64] = ranks - ranks.mean()
    return centered
