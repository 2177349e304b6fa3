"""The samplers of a search, and how each trial gets random numbers of its own."""

import numpy as np
import optuna

SAMPLERS = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}


class Seeded(optuna.samplers.BaseSampler):
    """Gives every trial random numbers that depend on the seed and its number alone.

    Workers that start the same script share the seed; a plain sampler would draw the same points
    in each of them.

    Args:
        make: Returns a sampler from `seed=`.
        seed: Seed of the search.
    """

    def __init__(self, make, seed):
        self._make = make
        self._seed = seed
        self._samplers = {}

    def infer_relative_search_space(self, study, trial):
        """See `optuna.samplers.BaseSampler`."""
        return self._sampler(trial).infer_relative_search_space(study, trial)

    def sample_relative(self, study, trial, search_space):
        """See `optuna.samplers.BaseSampler`."""
        return self._sampler(trial).sample_relative(study, trial, search_space)

    def sample_independent(self, study, trial, param_name, param_distribution):
        """See `optuna.samplers.BaseSampler`."""
        sampler = self._sampler(trial)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def _sampler(self, trial):
        if trial.number not in self._samplers:
            seed = np.random.SeedSequence([self._seed, trial.number]).generate_state(1)[0]
            self._samplers = {trial.number: self._make(seed=int(seed))}
        return self._samplers[trial.number]


def read_sampler(sampler, seed):
    """Return the sampler that an argument stands for.

    Raises:
        ValueError: If it is neither a known name nor a sampler.
    """
    if isinstance(sampler, optuna.samplers.BaseSampler):
        return sampler
    if sampler not in SAMPLERS:
        raise ValueError(
            f"Argument `sampler` must be one of {list(SAMPLERS)} or an Optuna sampler. Received: "
            f"sampler={sampler!r}"
        )
    return Seeded(SAMPLERS[sampler], seed)


def read_pruner(pruner):
    """Return the pruner that an argument stands for.

    Raises:
        ValueError: If it is neither a known name nor a pruner.
    """
    if pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=5)
    if pruner is None:
        return optuna.pruners.NopPruner()
    if isinstance(pruner, optuna.pruners.BasePruner):
        return pruner
    raise ValueError(
        f'Argument `pruner` must be "median", None or an Optuna pruner. Received: {pruner!r}'
    )
