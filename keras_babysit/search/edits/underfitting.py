"""The best trials underfit."""

from __future__ import annotations

from keras_babysit.findings import Remedy
from keras_babysit.search.edits._leaders import increase_traits, leaders, most_show
from keras_babysit.search.edits.edit import Edit, RoundOutcome
from keras_babysit.search.traits import CAPACITY


def underfitting(outcome: RoundOutcome) -> list[Edit]:
    """Move ranges towards more capacity where the best trials underfit without a gap.

    `rules.underfitting` must report the best trial and most of the three best: on its training data
    a model is no better than a constant prediction, or worse than nearest neighbours. A
    hyperparameter controls capacity if the number of weights of the models changes with it.

    Args:
        outcome: State of the search after the round.

    Returns:
        One edit per such hyperparameter; a suggestion without a range if there is none.

    Reference:
        CS231n, "Babysitting the learning process": no gap, increase model capacity.
    """
    best = leaders(outcome)
    if not most_show(best, "underfitting") or most_show(best, "overfitting"):
        return []
    remedy = Remedy(
        "Search over larger models.",
        'keras.layers.Dense(hp.Int("units", 64, 512, sampling="log"), activation="relu")',
    )
    return increase_traits(
        outcome,
        "underfitting",
        CAPACITY,
        "The best trials underfit: their scores are poor on training data too, without a gap to "
        "the validation data.",
        remedy,
        "CS231n, Babysitting the learning process: no gap, increase model capacity",
    )
