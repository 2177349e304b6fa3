"""The samplers and pruners of a search, and the random seed of each trial."""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState

from keras_babysit.search.agreement import first_trusted_rung
from keras_babysit.search.record import RUNNING, STOPPED, by_promise, latest
from keras_babysit.search.space import Range
from keras_babysit.search.storage import ignore_experimental_warning
from keras_babysit.search.suggest import distribution_of, parameter_name, stored, suggest_from

MIN_OBSERVATIONS = 5
"""Smallest number of trials inside of the ranges from which a model samples."""

MAX_OBSERVATIONS = 300
"""Largest number of trials that a model is fitted to, the best ones among them: the time that a
model takes grows with it."""


@dataclass(frozen=True)
class Context:
    """What is known when a trial is sampled.

    Args:
        round: Its round.
        rung: Index of the fidelity of its round.
        index: Its index among the new trials of the round.
        ranges: The ranges of the round, by name.
        records: Function that returns the other trials so far.
    """

    round: int
    rung: int
    index: int
    ranges: dict
    records: Callable


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
            self._samplers = {trial.number: self._make(seed=_seed(self._seed, trial.number))}
        return self._samplers[trial.number]


class SequenceSampler(optuna.samplers.BaseSampler):
    """Samples the points of a scrambled Sobol sequence, which cover the space more evenly.

    The point of a trial depends on its index in its round only, so that workers need to share
    nothing. Optuna's `QMCSampler` begins with random points, as many as there are workers, since it
    takes the space from the first trial that ends.

    Args:
        space: The search space by name; each hyperparameter is a dimension of the sequence. Others
            are sampled at random.
        seed: Seed of the search.

    Attributes:
        context: Function that returns the `Context` of a trial; None to count by trial number.

    Reference:
        Godbole et al., "Deep learning tuning playbook", 2023: quasi-random search to explore.
    """

    def __init__(self, space, seed):
        self._names = [parameter_name(dimension) for dimension in space.values()]
        self._seed = seed
        self._known = (None, None)
        self.context = None

    def infer_relative_search_space(self, study, trial):
        """See `optuna.samplers.BaseSampler`."""
        return {}

    def sample_relative(self, study, trial, search_space):
        """See `optuna.samplers.BaseSampler`."""
        return {}

    def sample_independent(self, study, trial, param_name, param_distribution):
        """See `optuna.samplers.BaseSampler`."""
        now = self.context(trial) if self.context else None
        place = (0, trial.number) if now is None else (now.round, now.index)
        return self.sample(place, param_name, param_distribution)

    def sample(self, place, name, distribution):
        """Return the value of a hyperparameter at a `(round, index)`."""
        if name not in self._names:
            rng = np.random.default_rng([self._seed, *place, *name.encode()])
            return value_at(distribution, float(rng.random()))
        return value_at(distribution, self._point(place)[self._names.index(name)])

    def _point(self, place):
        if self._known[0] != place:
            from scipy.stats import qmc

            number, index = place
            sequence = qmc.Sobol(len(self._names), seed=_seed(self._seed, number))
            if index:
                sequence.fast_forward(index)
            self._known = place, sequence.random(1)[0]
        return self._known[1]


class CoarseToFineSampler(SequenceSampler):
    """Samples the first round from a Sobol sequence, and later ones from a model.

    The model is fitted to the trials inside of the ranges of the round, as ranked by `by_promise`:
    each one has the quantile of the normal distribution at its rank as its value. So trials of
    several fidelities can be combined where ranks hold. A trial that a cause stopped violates a
    constraint.

    Args:
        make: Function that takes `seed=` and returns an Optuna sampler, the model.
        space: See `SequenceSampler`.
        seed: Seed of the search.
    """

    def __init__(self, make, space, seed):
        super().__init__(space, seed)
        self._make = make
        self._twin = (None, None)  # number of a trial, and a trial of the model's study

    def sample_independent(self, study, trial, param_name, param_distribution):
        """See `optuna.samplers.BaseSampler`."""
        if self._twin[0] != trial.number:
            self._twin = (trial.number, self._make_twin(trial))
        twin = self._twin[1]
        if twin is None:
            return super().sample_independent(study, trial, param_name, param_distribution)
        return suggest_from(twin, param_name, param_distribution)

    def _make_twin(self, trial):
        """Return a trial of a study that holds the trials to learn from; None without enough."""
        now = self.context(trial)
        if now is None or now.round == 0:
            return None
        observed = observations(now.records(), now.ranges, now.rung)
        if sum(one.state == TrialState.COMPLETE for one in observed) < MIN_OBSERVATIONS:
            return None
        known = optuna.create_study(sampler=self._make(_seed(self._seed, now.round, now.index)))
        known.add_trials(observed)
        return known.ask()


def observations(records, ranges, rung):
    """Return trials for a model: those inside of the ranges, as Optuna's `FrozenTrial`s.

    Args:
        records: The trials so far.
        ranges: The ranges by name.
        rung: Index of the fidelity of the round.
    """
    records = latest(records)
    ordered = by_promise(records, first_trusted_rung(records, rung))
    count = len(ordered)
    values = [statistics.NormalDist().inv_cdf((k + 0.5) / (count + 0.5)) for k in range(count)]
    stopped = [(r, values[-1] if values else 0.0, 1.0) for r in records if r.state == STOPPED]
    known = [(r, value, -1.0) for r, value in zip(ordered, values, strict=True)]
    found = []
    for record, value, constraint in _thinned(known + stopped):
        params, distributions = _located(record, ranges)
        if params:
            found.append(
                optuna.trial.create_trial(
                    value=value,
                    params=params,
                    distributions=distributions,
                    constraints={"stopped": constraint},
                )
            )
    for record in records:
        params, distributions = _located(record, ranges) if record.state == RUNNING else ({}, {})
        if params:
            found.append(
                optuna.trial.create_trial(
                    state=TrialState.RUNNING, params=params, distributions=distributions
                )
            )
    return found


def _thinned(known):
    """Return the better half of as many trials as a model can take, and others at random."""
    if len(known) <= MAX_OBSERVATIONS:
        return known
    best, rest = known[: MAX_OBSERVATIONS // 2], known[MAX_OBSERVATIONS // 2 :]
    chosen = np.random.default_rng(0).choice(len(rest), MAX_OBSERVATIONS // 2, replace=False)
    return best + [rest[index] for index in sorted(chosen)]


def _located(record, ranges):
    """Return the parameters and distributions of a trial; empty if it lies outside of a range."""
    params, distributions = {}, {}
    for name, dimension in record.space.items():
        if name not in record.params:
            continue
        now = ranges.get(name, dimension)
        if isinstance(dimension, Range) and now.kind != dimension.kind:
            now = dimension
        value = record.params[name]
        distribution = distribution_of(now)
        number = stored(now, value) if isinstance(now, Range) else value
        if isinstance(now, Range) and not now.low <= value <= now.high:
            return {}, {}
        params[parameter_name(now)] = number
        distributions[parameter_name(now)] = distribution
    return params, distributions


def value_at(distribution, fraction):
    """Return the value of a distribution below which this fraction of its values lies."""
    if isinstance(distribution, CategoricalDistribution):
        choices = distribution.choices
        return choices[min(int(fraction * len(choices)), len(choices) - 1)]
    low, high, step = distribution.low, distribution.high, distribution.step
    is_float = isinstance(distribution, FloatDistribution)
    half = 0 if step is None else step / 2  # each value has the same width around it
    low, high = low - half, high + half
    if distribution.log:
        value = math.exp(math.log(low) + fraction * (math.log(high) - math.log(low)))
    else:
        value = low + fraction * (high - low)
    if step is not None:
        value = distribution.low + step * round((value - distribution.low) / step)
    value = min(max(value, distribution.low), distribution.high)
    return float(value) if is_float else int(value)


def read_sampler(sampler, seed, space=None):
    """Return the sampler for an argument `sampler`.

    Args:
        sampler: `"random"`, `"qmc"`, `"tpe"`, `"gp"`, or an Optuna sampler.
        seed: Seed of the search.
        space: The search space by name.

    Raises:
        ValueError: If it is neither a known name nor an Optuna sampler.
        ImportError: If Optuna's Gaussian process lacks PyTorch.
    """
    if isinstance(sampler, optuna.samplers.BaseSampler):
        return sampler
    if sampler == "qmc":
        return SequenceSampler(space or {}, seed)
    if sampler not in SAMPLERS:
        raise ValueError(
            f"Argument `sampler` must be one of {[*SAMPLERS, 'qmc']} or an Optuna sampler. "
            f"Received: sampler={sampler!r}"
        )
    return SeededSampler(SAMPLERS[sampler], seed)


def read_pruner(pruner, folds=None):
    """Return the pruner for an argument `pruner`.

    Raises:
        ValueError: If it is neither a known name, None, nor an Optuna pruner.
    """
    if pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=5)
    if pruner == "wilcoxon":
        with ignore_experimental_warning():
            return optuna.pruners.WilcoxonPruner(p_threshold=0.1, n_startup_steps=2)
    if pruner is None:
        return optuna.pruners.NopPruner()
    if isinstance(pruner, optuna.pruners.BasePruner):
        return pruner
    raise ValueError(
        'Argument `pruner` must be "median", "wilcoxon", None or an Optuna pruner. Received: '
        f"{pruner!r}"
    )


def _random(seed):
    return optuna.samplers.RandomSampler(seed=seed)


def _tpe(seed):
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=MIN_OBSERVATIONS)


def _gp(seed):
    with ignore_experimental_warning():
        return optuna.samplers.GPSampler(seed=seed, n_startup_trials=MIN_OBSERVATIONS)


SAMPLERS = {"random": _random, "tpe": optuna.samplers.TPESampler, "gp": _gp}
MODELS = {"tpe": _tpe, "gp": _gp}


def _seed(*entropy):
    return int(np.random.SeedSequence(list(entropy)).generate_state(1)[0])
