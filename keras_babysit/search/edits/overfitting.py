"""The best trials overfit."""

from __future__ import annotations

from keras_babysit.findings import Remedy
from keras_babysit.search.edits._leaders import increase_traits, leaders, most_show
from keras_babysit.search.edits.edit import Edit, RoundOutcome
from keras_babysit.search.traits import REGULARIZATION


def overfitting(outcome: RoundOutcome) -> list[Edit]:
    """Move ranges towards more regularization where the best trials overfit.

    `rules.overfitting` must report the best trial and most of the three best: the whole 95 %
    confidence interval of the gap between training and validation data, both in inference mode,
    lies above 0.1. A hyperparameter regularizes if the dropout rates, the weight decay or the
    weight penalties of the models change with it.

    Args:
        outcome: State of the search after the round.

    Returns:
        One edit per such hyperparameter; a suggestion without a range if there is none.

    Reference:
        CS231n, "Babysitting the learning process": big gap, increase regularization.
    """
    best = leaders(outcome)
    if not most_show(best, "overfitting"):
        return []
    message = (
        "The best trials overfit: their scores are worse on validation data than on training data "
        f"(by {best[0].gap:.2g} for the best one)."
    )
    remedy = Remedy(
        "Search over more regularization.",
        'keras.layers.Dropout(hp.Float("dropout", 0.0, 0.7))',
    )
    return increase_traits(
        outcome,
        "overfitting",
        REGULARIZATION,
        message,
        remedy,
        "CS231n, Babysitting the learning process: big gap, increase regularization",
    )
