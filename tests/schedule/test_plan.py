"""The plan of a run: what it shows, and that its estimated cost keeps to the limits."""

import dataclasses

import pytest

from keras_babysit.schedule.cost_estimate import CostEstimate, Mode
from keras_babysit.schedule.looks import Looks
from keras_babysit.schedule.plan import (
    HEADROOM_FRACTION,
    LAST_RESORT,
    LATER_FRACTION,
    MAX_SPACING,
    MIN_LOOKS,
    MIN_SCORES,
    SCORE_FRACTION,
    plan_run,
)

BUDGET, ALLOWANCE = 1.2, 3.0

STARTS = {
    "torch": lambda layers: {"uncompiled_start": 0.0015 * layers},
    "tensorflow": lambda layers: {
        "compiled_start": 0.1 + 0.055 * layers,
        "uncompiled_start": 0.1 + 0.012 * layers,
    },
    "jax": lambda layers: {"compiled_start": 0.35 + (0.055 + 0.0003 * layers) * layers},
}
"""About what starting takes on each backend."""


def planned(estimate, *, steps=320, epochs=10, budget=BUDGET, allowance=ALLOWANCE):
    return plan_run(estimate, steps=steps, epochs=epochs, budget=budget, allowance=allowance)


def network(backend, layers, **options):
    return CostEstimate(layers, **(STARTS[backend](layers) | options))


def count_looks(plan, *, steps=320, epochs=10):
    return len(plan.looks.steps(steps)) + plan.ends.count(epochs)


SMALL = {"torch": 100, "tensorflow": 50, "jax": 30}
"""Layers of networks whose first probe takes less than the allowance."""


@pytest.mark.parametrize("backend", STARTS)
@pytest.mark.parametrize("steps", [20, 320, 20_000])
@pytest.mark.parametrize("fraction", [0.05, 0.3, 1.0])
def test_a_network_whose_first_probe_is_covered_gets_six_looks_with_gradients(
    backend, steps, fraction
):
    layers = round(fraction * SMALL[backend])
    plan = planned(network(backend, layers), steps=steps)
    assert plan.mode.takes_gradients
    assert count_looks(plan, steps=steps) >= MIN_LOOKS


@pytest.mark.parametrize("backend", STARTS)
@pytest.mark.parametrize("layers", [120, 200])
def test_a_larger_one_is_looked_at_early_and_late(backend, layers):
    plan = planned(network(backend, layers))
    assert plan.mode is not None
    assert count_looks(plan) >= 2
    assert 0 in plan.looks.steps(1)


def test_heavy_examples_are_spared_before_looks_and_gradients_are():
    heavy = [network("torch", 10, multiply_adds=work, batch_size=512) for work in (1e6, 1e7, 1e8)]
    light, medium, heaviest = (planned(estimate) for estimate in heavy)
    assert light.step_examples == 256
    assert 32 <= heaviest.step_examples < medium.step_examples < 256
    assert count_looks(medium) >= MIN_LOOKS
    assert heaviest.mode.takes_gradients


def test_forward_only_if_need_be():
    # 12 s compiled, uncompiled 9 s for two with gradients, 3.6 s for two without
    expensive = CostEstimate(300, compiled_start=12.0, uncompiled_start=5.3)
    plan = planned(expensive)
    assert plan.mode == Mode(is_compiled=False, takes_gradients=False)
    assert plan.scores is None
    assert not plan.has_behaviour


def test_what_takes_many_times_the_allowance_is_not_started():
    plan = planned(CostEstimate(900, compiled_start=40 * LAST_RESORT))
    assert plan.mode is None
    assert plan.scores is None
    assert plan.seconds < BUDGET
    assert planned(CostEstimate(900)).mode is None  # nor what cannot be measured at all


@pytest.mark.parametrize("backend", STARTS)
@pytest.mark.parametrize("layers", [1, 5, 20, 50, 100, 200])
@pytest.mark.parametrize("work", [1e3, 1e6, 1e8])
@pytest.mark.parametrize(("steps", "epochs"), [(3, 1), (200, 2), (5000, 100), (None, None)])
def test_the_estimated_cost_keeps_to_the_limits(backend, layers, work, steps, epochs):
    plan = planned(network(backend, layers, multiply_adds=work), steps=steps, epochs=epochs)
    is_last_resort = not plan.mode or not plan.mode.takes_gradients or plan.scores is None
    for_probes = ALLOWANCE * (LAST_RESORT if is_last_resort else 1 + LATER_FRACTION)
    assert plan.seconds <= for_probes + SCORE_FRACTION * BUDGET


def test_a_long_run_is_looked_at_evenly_within_the_budget():
    steps = 1_000_000
    estimate = network("tensorflow", 9, multiply_adds=1e7)
    budget = 0.02 * steps * estimate.step
    plan = planned(estimate, steps=steps, epochs=100, budget=budget, allowance=budget)
    assert plan.looks == Looks(spacing=MAX_SPACING)
    assert plan.seconds <= budget


def test_the_same_run_has_the_same_plan():
    estimate = network("jax", 7, multiply_adds=1e6)
    assert planned(estimate) == planned(estimate)


def test_a_probe_that_is_left_over_costs_no_start():
    fresh, kept = (
        network("jax", 25, is_kept=is_kept, is_carried=is_kept) for is_kept in (False, True)
    )
    plan = planned(kept, budget=0.2, allowance=0.2)
    assert plan.mode.takes_gradients
    assert plan.seconds <= 0.3
    assert planned(fresh, budget=0.2, allowance=0.2).mode is None


def test_four_scores_on_fewer_examples_are_preferred_to_one_on_more():
    plans = [planned(network("torch", 5, multiply_adds=work)) for work in (1e3, 2e6, 8e6)]
    assert all(plan.scores.count(10) >= MIN_SCORES for plan in plans)
    examples = [plan.score_examples for plan in plans]
    assert examples == sorted(examples, reverse=True)
    assert examples[0] == 1024
    assert examples[-1] == 128


def test_the_only_score_is_that_of_the_end():
    plan = planned(network("torch", 5, multiply_adds=1e7), epochs=1)
    assert plan.scores.count(1) == 1


def test_a_run_of_unknown_length_is_looked_at_early_and_then_as_often_as_it_earns():
    cheap = planned(network("tensorflow", 5, multiply_adds=1e4), steps=None, epochs=None)
    assert cheap.looks.steps(3000)[:8] == [0, 1, 2, 4, 8, 16, 32, 64]
    spacing = cheap.looks.spacing
    estimate = network("tensorflow", 5, multiply_adds=1e4)
    assert estimate.probe(cheap.mode, 32) <= 0.02 * spacing * estimate.step
    costly = planned(network("torch", 100, multiply_adds=1e9), steps=None, epochs=None)
    assert costly.looks.steps(10**6) == [0]


@pytest.mark.parametrize("backend", STARTS)
@pytest.mark.parametrize(("steps", "layers"), [(64, 3), (320, 8), (20_000, 30), (None, 5)])
def test_the_headroom_displaces_nothing(backend, steps, layers):
    estimate = network(backend, layers)
    arguments = {"steps": steps, "epochs": 10, "budget": BUDGET, "allowance": ALLOWANCE}
    without = plan_run(estimate, **arguments, headroom=0.0)
    plan = plan_run(estimate, **arguments)
    assert without.headroom is None
    expected = dataclasses.replace(
        without, headroom=plan.headroom, headroom_seconds=plan.headroom_seconds
    )
    assert plan == expected
    assert 0 <= plan.headroom_seconds <= HEADROOM_FRACTION * ALLOWANCE
    assert plan.seconds + plan.headroom_seconds <= (1 + LATER_FRACTION) * ALLOWANCE


def test_the_headroom_of_a_small_network_is_measured_early_and_then_evenly():
    plan = planned(network("torch", 3), steps=320)
    assert plan.headroom.steps(320) == [0, 1, 4, 16, 64, 128, 256]


@pytest.mark.parametrize(("steps", "is_measured"), [(63, False), (64, True)])
def test_a_run_that_is_soon_over_measures_no_headroom(steps, is_measured):
    assert (planned(network("torch", 3), steps=steps).headroom is not None) == is_measured
