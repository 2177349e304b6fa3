"""Random search."""

import numbers

from keras_babysit.search.base_search_cv import BaseSearchCV
from keras_babysit.search.phases import plan_phases
from keras_babysit.search.sampler import read_sampler


class RandomizedSearchCV(BaseSearchCV):
    """Random search with cross-validation: each trial samples all hyperparameters.

    Random search covers each single hyperparameter better than a grid of the same size.

    Args:
        hypermodel: See `BaseSearchCV`.
        objective: See `BaseSearchCV`.
        max_trials: Number of trials of all workers together.
        sampler: `"random"`; `"qmc"`, a scrambled Sobol sequence; `"tpe"`; `"gp"`, a Gaussian
            process, which needs PyTorch; or an Optuna sampler.
        **kwargs: Further arguments of `BaseSearchCV`.

    Raises:
        ValueError: If `max_trials` is below 1 or `sampler` is unknown.

    Example:
        >>> def build(hp):
        ...     rate = hp.Float("learning_rate", 1e-4, 1.0, sampling="log")
        ...     model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        ...     model.compile(keras.optimizers.SGD(rate), "mse")
        ...     return model
        >>> x = np.random.default_rng(0).normal(size=(60, 2))
        >>> search = RandomizedSearchCV(
        ...     build, objective="val_loss", max_trials=4, cv=2, seed=0, verbose=0
        ... )
        >>> sorted(search.fit(x, x.sum(axis=1, keepdims=True), epochs=2).best_params_)
        ['learning_rate']

    Reference:
        Bergstra and Bengio, "Random search for hyper-parameter optimization", JMLR 13, 2012.
    """

    def __init__(self, hypermodel, *, objective, max_trials, sampler="random", **kwargs):
        super().__init__(hypermodel, objective=objective, **kwargs)
        if not (isinstance(max_trials, numbers.Integral) and max_trials >= 1):
            raise ValueError(
                f"Argument `max_trials` must be at least 1. Received: max_trials={max_trials!r}"
            )
        self.max_trials = max_trials
        self.sampler = sampler
        read_sampler(sampler, self.seed)  # raises here rather than in `fit`

    def _phases(self, space, ask, rungs):
        return plan_phases([self.max_trials], rungs, self.reruns)

    def _make_sampler(self, space):
        return read_sampler(self.sampler, self.seed, space)
