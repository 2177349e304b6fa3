"""The samplers and pruners of a search, and the random seed of each trial."""

import numpy as np
import optuna

SAMPLERS = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}


class SeededSampler(optuna.samplers.BaseSampler):
    """Seeds the sampler of each trial with the seed of the search and the trial's number.

    Workers run the same script with the same seed. With one plain sampler each, they would all
    sample the same points.

    Args:
        make: Function that takes `seed=` and returns a sampler.
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
    """Return the sampler for an argument `sampler`.

    Raises:
        ValueError: If it is neither a known name nor an Optuna sampler.
    """
    if isinstance(sampler, optuna.samplers.BaseSampler):
        return sampler
    if sampler not in SAMPLERS:
        raise ValueError(
            f"Argument `sampler` must be one of {list(SAMPLERS)} or an Optuna sampler. Received: "
            f"sampler={sampler!r}"
        )
    return SeededSampler(SAMPLERS[sampler], seed)


def read_pruner(pruner):
    """Return the pruner for an argument `pruner`.

    Raises:
        ValueError: If it is neither a known name, None, nor an Optuna pruner.
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
