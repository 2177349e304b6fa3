"""What a hyperparameter does to the model, told by the model and not by the parameter's name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_babysit.search.record import Record

CAPACITY = ("weights",)
REGULARIZATION = ("dropout", "weight_decay", "penalty")

LEAST_TRIALS = 5
"""Trials below which no connection is read from them."""

SURE = 2.6
"""Standard errors of a rank correlation, 1 / sqrt(n - 1), that make it more than chance (1 %)."""


def traits(model: Any) -> dict[str, float]:
    """Return the numbers of a built model that tell capacity and regularisation.

    `weights`: how many it has; `dropout`: sum of the rates; `weight_decay`: of the optimizer;
    `penalty`: sum of the factors of L1 and L2 penalties on weights.
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


def direction(records: Iterable[Record], name: str, which: Sequence[str]) -> int:
    """Return 1 if one of these traits grows with the hyperparameter, -1 if it falls, else 0.

    Told by Spearman's rank correlation over the trials.
    """
    placed = [(r.place(name), r.traits) for r in records if r.traits]
    pairs = [(place, known) for place, known in placed if place is not None]
    if len(pairs) < LEAST_TRIALS:
        return 0
    places = [place for place, _ in pairs]
    found = [rank_correlation(places, [known.get(t, 0.0) for _, known in pairs]) for t in which]
    strongest = max(found, key=abs)
    return int(np.sign(strongest)) if abs(strongest) * math.sqrt(len(pairs) - 1) > SURE else 0


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Spearman's rank correlation, with ties; 0 if one of them does not vary.

    Example:
        >>> rank_correlation([1, 2, 3, 4], [10, 20, 20, 90]) > 0.9
        True
    """
    one, other = (_ranks(values) - _ranks(values).mean() for values in (first, second))
    scale = math.sqrt(float(one @ one) * float(other @ other))
    return float(one @ other) / scale if scale > 0 else 0.0


def _ranks(values: Sequence[float]) -> NDArray[np.float64]:
    array = np.asarray(values, float)
    ranks: NDArray[np.float64] = (array[:, None] > array).sum(axis=1) + 0.0
    ranks += ((array[:, None] == array).sum(axis=1) - 1) / 2
    return ranks
