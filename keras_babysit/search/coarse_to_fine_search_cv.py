"""Random search in rounds, over ranges that narrow from round to round."""

from keras_babysit.search.fidelity import read_fidelities
from keras_babysit.search.phases import plan_phases
from keras_babysit.search.randomized_search_cv import RandomizedSearchCV
from keras_babysit.search.rounds import Steering
from keras_babysit.search.sampler import MODELS, CoarseToFineSampler


class CoarseToFineSearchCV(RandomizedSearchCV):
    """Search in rounds: many short trials in wide ranges first, fewer and longer ones later.

    The first round samples a quasi-random sequence and trains one fold for a third of the epochs.
    Then the best third goes on: its training continues where it ended, for all epochs of the fold,
    and in the third round on all folds. The best trial of the second round is completed at once.
    Each round adds new trials, which a model of the trials so far samples in narrower ranges; they
    are trained stage by stage, as far as they are among the best third at each stage.

    What short trials teach is used where it holds: two further trials go on as controls, and ranges
    narrow only if the ranks before and after agree (see `agreement`). `findings_` reports the rank
    correlation.

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
        rounds: Number of rounds. From the third one on, trials reach all folds and epochs.
        fidelity: How far each round trains: `"auto"` as above, None for all folds and epochs in
            every round, or a list with one `(folds, epochs)` per round.
        keep: Fraction of the trials to narrow around, in (0, 1].
        min_width: Smallest width of a range, as a fraction of its width in the round before, in
            (0, 1].
        margin: Margin of a new range around the best trials, as a fraction of their spread, and
            distance by which a range is widened or moved, as a fraction of its width; at least 0.
        widen: Whether a range may extend beyond the range that the build function declares.
        reruns: How often each of the 3 best trials is trained again with other seeds at the end.
        sampler: What samples the rounds after the first one: `"tpe"`; `"gp"`, a Gaussian process,
            which needs PyTorch; `"qmc"` or `"random"`; or an Optuna sampler, for all rounds.
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
        ...     build, objective="val_loss", max_trials=8, rounds=3, cv=2, seed=0, verbose=0
        ... ).fit(x, x.sum(axis=1, keepdims=True), epochs=2)
        >>> first, second, _ = (ranges["learning_rate"] for ranges in search.ranges_)
        >>> second.width < first.width
        True

    Reference:
        CS231n, "Hyperparameter optimization": search coarse to fine, in log space. Li et al., "A
        system for massively parallel hyperparameter tuning", MLSys 2020. Falkner et al., "BOHB",
        ICML 2018.
    """

    def __init__(
        self,
        hypermodel,
        *,
        objective,
        max_trials,
        rounds=3,
        fidelity="auto",
        keep=0.2,
        min_width=1 / 3,
        margin=0.25,
        widen=True,
        reruns=2,
        sampler="tpe",
        **kwargs,
    ):
        super().__init__(
            hypermodel,
            objective=objective,
            max_trials=max_trials,
            sampler=sampler,
            reruns=reruns,
            **kwargs,
        )
        if not 1 <= rounds <= max_trials:
            raise ValueError(
                "Argument `rounds` must be at least 1 and at most `max_trials`. Received: "
                f"rounds={rounds}, max_trials={max_trials}"
            )
        self.rounds = rounds
        self.fidelity = fidelity
        self.steering = Steering(keep, min_width, margin, widen)

    def _phases(self, space, ask, rungs):
        return plan_phases(round_sizes(self.max_trials, self.rounds), rungs, self.reruns)

    def _fidelities(self, folds, epochs):
        return read_fidelities(self.fidelity, self.rounds, folds, epochs)

    def _make_sampler(self, space):
        if self.sampler in MODELS:
            return CoarseToFineSampler(MODELS[self.sampler], space, self.seed)
        return super()._make_sampler(space)

    def _steering(self):
        return self.steering


def round_sizes(trials, rounds):
    """Return the number of new trials of each round.

    Each of the first three rounds has half as many as the one before: early rounds are cheap and
    cover the whole space, and in later ones most of the work is in trials that go on. Further
    rounds have as many as the second one.

    Example:
        >>> round_sizes(24, 3)
        [15, 6, 3]
    """
    weights = [(4, 2, 1)[number] if number < 3 else 2 for number in range(rounds)]
    sizes = [max(1, trials * weight // sum(weights)) for weight in weights]
    sizes[0] += trials - sum(sizes)
    return sizes
