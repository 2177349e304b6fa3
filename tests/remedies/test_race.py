"""What helps most is chosen and improved by trainings as the program is."""

from types import SimpleNamespace

import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.remedies import (
    Effect,
    ScaleLearningRate,
    SetActivation,
    SetInitializer,
    StandardizeInputs,
)
from keras_babysit.remedies import trials as module
from keras_babysit.remedies.scoring import Score
from keras_babysit.remedies.trials import Trials
from tests.remedies.programs import blobs, network

pytestmark = pytest.mark.any_backend


def tried(monkeypatch, loss, changes, budget=1e9):
    """Try changes where a training takes a second and ends with a loss that is given.

    Returns:
        The trial, and the trainings in their order: changes, kind and seed.
    """
    clock, trained = [0.0], []
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def score(self, changes, kind, seed):
        if (changes, kind, seed) not in self._scores:
            if clock[0] + 1.0 > self._end:
                raise module.BudgetSpentError
            clock[0] += 1.0
            self._seconds_per_epoch.append(1.0 / self.program.epochs)
            trained.append((changes, kind, seed))
            spread = 1 + 0.01 * seed + 0.001 * np.arange(20)
            self._scores[changes, kind, seed] = Score(loss(changes, kind) * spread, None)
        return self._scores[changes, kind, seed]

    monkeypatch.setattr(Trials, "score", score)
    given = {"changes": changes, "budget": budget, "epochs": 2, "seeds": 3, "verbose": 0}
    return kb.try_remedies(network(), *blobs(), **given), trained


def kinds(changes):
    return {type(one) for one in changes}


def of_rates(best, in_forks=None):
    """Return a loss that is lowest at a factor of the learning rate; in forks at another one."""

    def loss(changes, kind):
        factor = next((one.factor for one in changes if isinstance(one, ScaleLearningRate)), 1.0)
        lowest = in_forks if kind != "plain" and in_forks is not None else best
        return float(np.exp(abs(np.log(factor / lowest))))

    return loss


def test_of_learning_rates_that_help_the_one_wins_that_is_best_without_a_decay(monkeypatch):
    changes = [ScaleLearningRate(0.1), ScaleLearningRate(0.02), ScaleLearningRate(0.9)]
    trial, _ = tried(monkeypatch, of_rates(0.02, in_forks=0.1), changes)
    helps = {row.changes[0].factor: row for row in trial.rows if row.effect is Effect.HELPS}
    assert {0.1, 0.02} <= set(helps)
    assert trial.best.changes == (ScaleLearningRate(0.02),)
    assert trial.program.rate == pytest.approx(0.1 * 0.02)


def test_what_is_best_has_one_row_though_it_had_fewer_replicates_alone(monkeypatch):
    changes = [ScaleLearningRate(0.1), ScaleLearningRate(0.02), ScaleLearningRate(0.2)]
    trial, _ = tried(monkeypatch, of_rates(0.02, in_forks=0.1), changes)
    assert [row.changes for row in trial.rows] == [(one,) for one in changes]
    assert trial.rows[1] is trial.best
    assert trial.best.seeds == 3


def test_learning_rates_are_followed_by_half_an_order_as_long_as_that_is_better(monkeypatch):
    trial, trained = tried(monkeypatch, of_rates(0.01), [ScaleLearningRate(0.1)])
    assert trial.best.changes == (ScaleLearningRate(0.01),)
    assert trial.best.effect is Effect.HELPS
    plain = [changes[0].factor for changes, kind, _ in trained if kind == "plain" and changes]
    assert plain.count(0.032) == 1  # passed on the way
    assert plain.count(0.0032) == 1  # no better
    assert plain.count(0.01) == 3
    assert trial.rows[-1] is trial.best


def test_a_learning_rate_that_was_changed_too_far_is_taken_back_a_part_of_the_way(monkeypatch):
    trial, trained = tried(monkeypatch, of_rates(0.3), [ScaleLearningRate(0.1)])
    assert trial.best.changes == (ScaleLearningRate(0.32),)
    assert all(changes[0].factor < 1 for changes, *_ in trained if changes)


@pytest.mark.parametrize("best", [0.1, 1.0, 10.0], ids=["lower", "as-it-is", "higher"])
def test_what_is_changed_may_need_another_learning_rate(monkeypatch, best):
    rates = of_rates(best)

    def loss(changes, kind):
        helps = any(isinstance(one, SetInitializer) for one in changes)
        return rates(changes, kind) if helps else 100.0

    trial, trained = tried(monkeypatch, loss, [SetInitializer(("hidden",))])
    factors = [one.factor for one in trial.best.changes if isinstance(one, ScaleLearningRate)]
    assert factors == ([] if best == 1.0 else [best])
    on_top = [changes[-1].factor for changes, *_ in trained if len(changes) == 2]
    assert set(on_top) >= ({0.32, 3.2} if best == 1.0 else {best})
    assert best == 1.0 or trial.best.control == pytest.approx(100.0, rel=0.05)


def test_what_helps_in_forks_alone_is_not_the_best(monkeypatch):
    trial, _ = tried(monkeypatch, of_rates(1.0, in_forks=0.1), [ScaleLearningRate(0.1)])
    assert trial.rows[0].effect is Effect.HELPS
    assert trial.best is None
    assert trial.program.rate == pytest.approx(0.1)
    assert "only where the learning rate falls to 0" in str(trial)


TOGETHER = {
    frozenset(): 2.0,
    frozenset({SetInitializer}): 1.0,
    frozenset({StandardizeInputs}): 1.5,
    frozenset({SetInitializer, StandardizeInputs}): 0.4,
}


def of_kinds(changes, kind):
    """Return a loss that activations, alone or on top, make worse, and rates leave as it is."""
    others = frozenset(kinds(changes) - {SetActivation, ScaleLearningRate})
    return TOGETHER[others] * (1.5 if SetActivation in kinds(changes) else 1.0)


CHANGES = [StandardizeInputs(), SetInitializer(("hidden",)), SetActivation((), "tanh")]


def test_a_challenger_that_is_not_better_costs_one_training(monkeypatch):
    trial, trained = tried(monkeypatch, of_kinds, CHANGES)
    assert trial.best.changes == (StandardizeInputs(), SetInitializer(("hidden",)))
    assert trial.best.control == pytest.approx(2.0, rel=0.05)  # of the control, not of the best
    on_top = [seed for changes, _, seed in trained if kinds(changes) == kinds(CHANGES)]
    assert on_top in ([], [0])  # an activation harms alone, unless it had one replicate
    both = [seed for changes, _, seed in trained if kinds(changes) == kinds(CHANGES[:2])]
    assert both == [0, 1, 2]


@pytest.mark.parametrize("margin", [0.97, 0.90], ids=["as-two-equal-ones-differ", "more"])
def test_the_best_is_replaced_by_what_is_clearly_better(monkeypatch, margin):
    losses = {**TOGETHER, frozenset({SetInitializer, StandardizeInputs}): margin}

    def loss(changes, kind):
        return losses[frozenset(kinds(changes) - {ScaleLearningRate})]

    trial, _ = tried(monkeypatch, loss, CHANGES[:2])
    assert len(trial.best.changes) == (1 if margin > 0.95 else 2)


def test_a_change_takes_the_place_of_one_of_its_kind(monkeypatch):
    losses = {
        (): 2.0,
        ("tanh",): 0.5,
        ("elu",): 0.6,
        ("tanh", "init"): 0.4,
        ("elu", "init"): 0.2,
        ("init",): 1.9,
    }

    def loss(changes, kind):
        names = {SetActivation: lambda one: one.activation, SetInitializer: lambda _: "init"}
        return losses[tuple(names[type(one)](one) for one in changes if type(one) in names)]

    changes = [SetActivation((), "tanh"), SetActivation((), "elu"), SetInitializer(("hidden",))]
    trial, _ = tried(monkeypatch, loss, changes)
    assert trial.best.changes == (changes[1], changes[2])


def needed(monkeypatch):
    """Return how many trainings it takes up to each replicate of two changes together."""
    _, trained = tried(monkeypatch, of_kinds, CHANGES[:2])
    both = kinds(CHANGES[:2])
    return [i + 1 for i, (changes, *_) in enumerate(trained) if kinds(changes) == both]


@pytest.mark.parametrize(("replicates", "is_taken"), [(1, False), (2, True)])
def test_at_the_end_of_the_budget_two_replicates_are_enough(monkeypatch, replicates, is_taken):
    budget = needed(monkeypatch)[replicates - 1] + 0.5
    trial, trained = tried(monkeypatch, of_kinds, CHANGES[:2], budget=budget)
    assert len(trained) <= budget
    assert len(trial.best.changes) == (2 if is_taken else 1)
    assert "was spent" in trial.note


def test_the_same_budget_in_trainings_gives_the_same_result(monkeypatch):
    trials = [tried(monkeypatch, of_kinds, CHANGES, budget=9.0) for _ in range(2)]
    assert trials[0][1] == trials[1][1]
    assert str(trials[0][0]) == str(trials[1][0])


def test_an_interruption_leaves_the_best_so_far(monkeypatch):
    def loss(changes, kind):
        if len(changes) == 2:
            raise KeyboardInterrupt
        return of_kinds(changes, kind)

    trial, _ = tried(monkeypatch, loss, CHANGES[:2])
    assert trial.best.changes == (SetInitializer(("hidden",)),)
    assert "Interrupted" in trial.note


def test_a_challenger_that_fails_loses(monkeypatch):
    def loss(changes, kind):
        if len(changes) == 2:
            raise ValueError("it is broken")
        return of_kinds(changes, kind)

    trial, _ = tried(monkeypatch, loss, CHANGES[:2])
    assert trial.best.changes == (SetInitializer(("hidden",)),)
