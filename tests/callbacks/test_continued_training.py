"""Training on what was trained before: no alarm where it is healthy, a rescue where it is not."""

import pytest

import keras_babysit as kb
from tests.callbacks import continued

pytestmark = pytest.mark.any_backend

QUICK = {
    *("second_fit", "loop_of_fits", "classifier", "unfrozen_base", "low_rank_adapters"),
    *("single_examples", "loss_of_ones_own", "step_of_ones_own"),
    *("regression", "adapters", "loss-of-ones-own", "step-of-ones-own"),
}
"""One program per mechanism; the others take minutes together and run with `make test-all`."""

ON_EACH_BACKEND = {"second_fit", "adapters"}
"""The healthy program and the exploding one that run on each backend."""


def cases(programs):
    """Return the programs by name as parameters."""
    assert len(ON_EACH_BACKEND.intersection(programs)) == 1
    return [pytest.param(make, id=name, marks=_marks(name)) for name, make in programs.items()]


def _marks(name):
    if name in ON_EACH_BACKEND:
        return pytest.mark.each_backend
    return () if name in QUICK else pytest.mark.slow


def rules_of(sitter):
    return {finding.rule for finding in sitter.findings}


@pytest.mark.parametrize("make", cases({make.__name__: make for make in continued.HEALTHY}))
def test_healthy_continued_training_goes_on_to_its_end(make):
    """The first loss is near 0, and steps of a fresh optimizer are many times above it."""
    program = make()
    sitter = kb.Babysitter(stop_on="ERROR", rescue=True, verbose=0)
    losses = program.fit(sitter).history["loss"]
    known = {"loss_explosion", "loss_not_decreasing", "oscillating_loss", "rescue"}
    assert rules_of(sitter).isdisjoint(known)
    assert len(losses) == program.epochs


@pytest.mark.parametrize("make", cases(continued.EXPLODING))
def test_an_explosion_of_continued_training_is_found_and_rescued(make):
    program = make()
    weights = [weight.copy() for weight in program.model.get_weights()]
    sitter = kb.Babysitter(rescue=True, verbose=0)
    program.fit(sitter)
    assert "rescue" in rules_of(sitter)
    moved = [abs(a - b).max() for a, b in zip(weights, program.model.get_weights(), strict=True)]
    assert max(moved) < 0.5  # they are those of before the explosion
