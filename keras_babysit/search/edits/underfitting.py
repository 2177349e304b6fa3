"""Best trials that fit poorly."""

from __future__ import annotations

from keras_babysit.findings import Remedy
from keras_babysit.search.edits._fit import agree, leaders, more_of
from keras_babysit.search.edits.edit import Edit, Outcome
from keras_babysit.search.traits import CAPACITY


def underfitting(outcome: Outcome) -> list[Edit]:
    """Move ranges towards more capacity where the best trials fit poorly and show no gap.

    Most of the three best trials, and the best of all, must be what `rules.underfitting` calls
    poor: on their training data no better than a constant answer, or beaten by nearest neighbours.
    A parameter gives capacity if the number of weights of the models grows or falls with it.

    Args:
        outcome: What is known after the round.

    Returns:
        One edit per such parameter; advice without a range where none is searched.

    Reference:
        CS231n, "Babysitting the learning process": no gap, increase model capacity.
    """
    best = leaders(outcome)
    if not agree(best, "underfitting") or agree(best, "overfitting"):
        return []
    remedy = Remedy(
        "Search over larger models.",
        'keras.layers.Dense(hp.Int("units", 64, 512, sampling="log"), activation="relu")',
    )
    return more_of(
        outcome,
        "underfitting",
        CAPACITY,
        "The best trials fit their training data poorly and show no gap.",
        remedy,
        "CS231n, Babysitting the learning process: no gap, increase model capacity",
    )
