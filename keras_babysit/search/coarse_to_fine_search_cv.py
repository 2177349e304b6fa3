"""Random search in rounds, over ranges that narrow from round to round."""

from keras_babysit.search.randomized_search_cv import RandomizedSearchCV
from keras_babysit.search.rounds import Steering


class CoarseToFineSearchCV(RandomizedSearchCV):
    """Random search in rounds: wide ranges first, narrower ones around the best trials later.

    After each round every range is narrowed around the best trials of all rounds, on a log scale
    where the hyperparameter is sampled on one, to at least `min_width` of its width (see
    `narrow_ranges`). Then the edits in `keras_babysit.search.edits` change it:

    - It ends where the trials beyond a value were stopped for the same cause.
    - It is widened where the best trial lies at its edge.
    - It moves towards more regularization where the best trials overfit.
    - It moves towards more capacity where the best trials underfit.

    `findings_` explains each edit.

    Args:
        hypermodel: See `BaseSearchCV`.
        objective: See `BaseSearchCV`.
        max_trials: Number of trials of all rounds and workers together.
        rounds: Number of rounds.
        keep: Fraction of the trials to narrow around, in (0, 1].
        min_width: Smallest width of a range, as a fraction of its width in the round before, in
            (0, 1].
        margin: Margin of a new range around the best trials, as a fraction of their spread, and
            distance by which a range is widened or moved, as a fraction of its width; at least 0.
        widen: Whether a range may extend beyond the range that the build function declares.
        **kwargs: Further arguments of `RandomizedSearchCV` and `BaseSearchCV`.

    Raises:
        ValueError: If there are fewer trials than rounds, or a fraction is out of range.

    Example:
        >>> def build(hp):
        ...     rate = hp.Float("learning_rate", 1e-4, 1.0, sampling="log")
        ...     model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        ...     model.compile(keras.optimizers.SGD(rate), "mse")
        ...     return model
        >>> x = np.random.default_rng(0).normal(size=(60, 2))
        >>> search = CoarseToFineSearchCV(
        ...     build, objective="val_loss", max_trials=8, rounds=2, cv=2, seed=0, verbose=0
        ... ).fit(x, x.sum(axis=1, keepdims=True), epochs=2)
        >>> first, second = (ranges["learning_rate"] for ranges in search.ranges_)
        >>> second.width < first.width
        True

    Reference:
        CS231n, "Hyperparameter optimization": search coarse to fine, in log space.
    """

    def __init__(
        self,
        hypermodel,
        *,
        objective,
        max_trials,
        rounds=3,
        keep=0.2,
        min_width=1 / 3,
        margin=0.25,
        widen=True,
        **kwargs,
    ):
        super().__init__(hypermodel, objective=objective, max_trials=max_trials, **kwargs)
        if not 1 <= rounds <= max_trials:
            raise ValueError(
                "Argument `rounds` must be at least 1 and at most `max_trials`. Received: "
                f"rounds={rounds}, max_trials={max_trials}"
            )
        self.rounds = rounds
        self.steering = Steering(keep, min_width, margin, widen)

    def _rounds(self, space, ask):
        sizes = [len(range(r, self.max_trials, self.rounds)) for r in range(self.rounds)]
        return [{(r, index): {} for index in range(size)} for r, size in enumerate(sizes)]

    def _steering(self):
        return self.steering
