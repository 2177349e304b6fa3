"""Best trials that do much better on their training data."""

from __future__ import annotations

from keras_babysit.findings import Remedy
from keras_babysit.search.edits._fit import agree, leaders, more_of
from keras_babysit.search.edits.edit import Edit, Outcome
from keras_babysit.search.traits import REGULARIZATION


def overfitting(outcome: Outcome) -> list[Edit]:
    """Move ranges towards more regularisation where the best trials have a big gap.

    Most of the three best trials, and the best of all, must have what `rules.overfitting` calls a
    gap: like for like, with its 95 % interval above 0.1. A parameter regularises if the dropout
    rates, weight decay or penalties of the models grow or fall with it.

    Args:
        outcome: What is known after the round.

    Returns:
        One edit per such parameter; advice without a range where none is searched.

    Reference:
        CS231n, "Babysitting the learning process": big gap, increase regularization.
    """
    best = leaders(outcome)
    if not agree(best, "overfitting"):
        return []
    message = (
        f"The best trials do better on training than on validation data (gap {best[0].gap:.2g})."
    )
    remedy = Remedy(
        "Search over more regularisation.",
        'keras.layers.Dropout(hp.Float("dropout", 0.0, 0.7))',
    )
    return more_of(
        outcome,
        "overfitting",
        REGULARIZATION,
        message,
        remedy,
        "CS231n, Babysitting the learning process: big gap, increase regularization",
    )
