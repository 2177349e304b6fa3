"""Which points are sampled: a quasi-random sequence first, then a model of the trials so far."""

import dataclasses

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from keras_babysit.search import Choice, Range, Record
from keras_babysit.search.sampler import (
    MODELS,
    CoarseToFineSampler,
    Context,
    SequenceSampler,
    observations,
    value_at,
)
from keras_babysit.search.suggest import distribution_of, suggest

pytestmark = pytest.mark.any_backend

LR = Range("rate", 1e-4, 1.0, sampling="log")
DIMENSIONS = [
    LR,
    Range("dropout", 0.0, 0.5),
    Range("units", 8, 128, sampling="log", is_int=True),
    Range("layers", 1, 4, is_int=True),
    Range("momentum", 0.5, 0.99, sampling="reverse_log"),
    Range("steps", 0.0, 1.0, step=0.1),
    Range("width", 16, 64, step=16, is_int=True),
    Choice("activation", ("relu", "tanh")),
]
SPACE = {one.name: one for one in DIMENSIONS}


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=lambda one: one.name)
def test_the_distribution_is_that_of_the_suggestion(dimension):
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    suggest(trial, dimension)
    assert list(trial.distributions.values()) == [distribution_of(dimension)]


def test_fractions_are_quantiles():
    assert value_at(FloatDistribution(1e-4, 1.0, log=True), 0.5) == pytest.approx(0.01)
    assert value_at(FloatDistribution(0.0, 4.0), 0.25) == 1.0
    counts = np.bincount(
        [value_at(IntDistribution(0, 3), f) for f in (np.arange(1000) + 0.5) / 1000]
    )
    assert counts.tolist() == [250] * 4
    assert {value_at(IntDistribution(2, 8, step=3), f) for f in (0, 0.5, 0.99)} == {2, 5, 8}
    choices = CategoricalDistribution(("a", "b"))
    assert [value_at(choices, f) for f in (0.0, 0.49, 0.5, 0.999)] == ["a", "a", "b", "b"]


def points(sampler, count):
    study = optuna.create_study(sampler=sampler)
    rows = []
    for _ in range(count):
        trial = study.ask()
        rows.append([suggest(trial, one) for one in SPACE.values()])
    return rows


def test_the_sequence_covers_each_range_evenly_and_depends_on_the_seed():
    rows = points(SequenceSampler(SPACE, 0), 16)
    eighths = [int(8 * (LR.to_axis(row[0]) - LR.axis[0]) / LR.width) for row in rows]
    assert np.bincount(eighths).tolist() == [2] * 8  # random points leave gaps
    assert sum(row[-1] == "relu" for row in rows) == 8
    assert rows == points(SequenceSampler(SPACE, 0), 16) != points(SequenceSampler(SPACE, 1), 16)


def trials(count, good=0.03):
    """Return complete trials whose cost is the distance from a good learning rate."""
    rates = np.geomspace(1e-4, 1.0, count)
    costs = [abs(np.log(rate / good)) for rate in rates]
    return [
        Record(n, params={"rate": r}, space={"rate": LR}, scores=(c,), rung_scores=(c,))
        for n, (r, c) in enumerate(zip(rates, costs, strict=True))
    ]


def sampled(model, records, ranges, count=8, round_number=1):
    """Return the learning rates of new trials."""
    sampler = CoarseToFineSampler(MODELS[model], {"rate": LR}, 0)
    sampler.context = lambda trial: Context(round_number, 0, trial.number, ranges, lambda: records)
    study = optuna.create_study(sampler=sampler)
    return [suggest(study.ask(), ranges["rate"]) for _ in range(count)]


def test_the_model_samples_near_the_good_ones_within_the_ranges():
    narrow = LR.between(1e-3, 0.5)
    found = sampled("tpe", trials(20), {"rate": narrow})
    assert all(1e-3 <= rate <= 0.5 for rate in found)
    near = sum(abs(np.log(rate / 0.03)) < 1.5 for rate in found)
    assert near > sum(abs(np.log(r / 0.03)) < 1.5 for r in sampled("tpe", [], {"rate": narrow}))


def test_what_was_stopped_is_a_constraint():
    records = trials(12)
    bad = [
        Record(50 + n, state="stopped", params={"rate": r}, space={"rate": LR})
        for n, r in enumerate([0.3, 0.5, 0.9])
    ]
    running = [Record(60, state="running", params={"rate": 0.1}, space={"rate": LR})]
    found = observations([*records, *bad, *running], {"rate": LR.between(1e-3, 1.0)}, rung=0)
    done = [one for one in found if one.state == TrialState.COMPLETE]
    assert all(1e-3 <= one.params["rate"] <= 1 for one in found)
    assert sum(one.constraints["stopped"] > 0 for one in done) == 3
    assert [one.params for one in found if one.state == TrialState.RUNNING] == [{"rate": 0.1}]
    values = [one.value for one in done if one.constraints["stopped"] < 0]
    assert values == sorted(values)


def test_the_model_also_learns_from_trials_behind_one_that_is_complete():
    records = [dataclasses.replace(one, state="partial") for one in trials(8)]
    records[3] = dataclasses.replace(records[3], state="complete", rung_scores=(0.1, 0.2, 0.3))
    found = observations(records, {"rate": LR}, rung=0)
    assert len(found) == len(records)


def test_a_gaussian_process_samples_too():
    pytest.importorskip("torch", reason="Optuna's Gaussian process needs PyTorch")
    found = sampled("gp", trials(8), {"rate": LR}, count=1)
    assert 1e-4 <= found[0] <= 1.0
