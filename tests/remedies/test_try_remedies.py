"""Trials of remedies: what helps, what does not, and that nothing of the user's is changed."""

import random

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.findings import Finding, Severity
from keras_babysit.remedies import (
    Change,
    Effect,
    ScaleLearningRate,
    SetActivation,
    SetInitializer,
    StandardizeInputs,
    StandardizeTargets,
)
from tests.remedies.programs import blobs, network

pytestmark = pytest.mark.any_backend

BUDGET = {"budget": "1h", "epochs": 4}  # no result depends on the speed of the machine


def test_a_rate_that_is_far_too_low_is_helped_by_a_higher_one_and_not_by_a_lower_one():
    changes = [ScaleLearningRate(1000.0), ScaleLearningRate(0.001)]
    trial = kb.try_remedies(network(rate=1e-4), *blobs(), changes=changes, **BUDGET)
    assert [row.effect for row in trial.rows] == [Effect.HELPS, Effect.UNDECIDED]
    assert trial.best.changes == (ScaleLearningRate(1000.0),)
    assert [row.seeds for row in trial.rows] == [5, 1]  # the better half
    assert trial.best.difference.high < 0
    model = trial.program.build(0)
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == pytest.approx(0.1)


def test_a_diverging_training_is_helped_by_what_makes_it_finite():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0), "mse", run_eagerly=True)
    x, _ = blobs(scale=1e4)
    y = x.sum(axis=1, keepdims=True)
    changes = [StandardizeInputs(), ScaleLearningRate(1e-10)]
    trial = kb.try_remedies(model, x, y, changes=changes, seeds=2, **BUDGET)
    found = {type(row.changes[0]).__name__: row for row in trial.rows[:2]}
    assert not np.isfinite(trial.rows[0].control)
    assert found["ScaleLearningRate"].effect in (Effect.HELPS, Effect.UNDECIDED)
    assert trial.best is not None


def test_scaled_targets_are_scored_in_the_units_that_were_given():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=True)
    x, _ = blobs()
    y = 1000 + x[:, :1]
    trial = kb.try_remedies(model, x, y, changes=[StandardizeTargets()], **BUDGET)
    (row,) = trial.rows
    assert row.effect is Effect.HELPS
    assert row.remedy < row.control
    assert row.remedy > 1e-6  # not the loss in the new units divided away


def test_remedies_of_findings_are_tried_and_the_ones_that_help_combined():
    finding = Finding("symmetric_units", Severity.ERROR, "hidden", "All units are equal.")
    model = network(kernel_initializer="zeros", bias_initializer="zeros", rate=0.3)
    trial = kb.try_remedies(model, *blobs(), findings=[finding], **BUDGET | {"epochs": 8})
    assert [type(row.changes[0]) for row in trial.rows] == [SetInitializer]
    assert trial.rows[0].effect is Effect.HELPS
    assert "helps" in str(trial)
    assert "helps" in trial._repr_html_()


def test_the_control_is_watched_where_no_findings_are_given():
    model = network(rate=1e-5)
    trial = kb.try_remedies(model, *blobs(), **BUDGET, seeds=2)
    assert trial.findings
    assert ScaleLearningRate(10.0) in [row.changes[0] for row in trial.rows]
    assert all(len(line) <= 100 for line in str(trial).splitlines())


def test_without_a_finding_there_is_nothing_to_try():
    trial = kb.try_remedies(network(), *blobs(), findings=[], **BUDGET)
    assert trial.rows == ()
    assert trial.best is None
    assert str(trial).startswith("No remedy was tried")


def test_what_cannot_be_applied_and_what_fails_is_one_row_with_its_reason():
    class Broken(Change):
        text, code = "Break it.", ""

        def apply(self, program):
            raise RuntimeError("it is broken")

    changes = [SetActivation(("nowhere",)), Broken()]
    trial = kb.try_remedies(network(), *blobs(), changes=changes, **BUDGET)
    assert [row.effect for row in trial.rows] == [Effect.NOT_APPLICABLE, Effect.FAILED]
    assert "nowhere" in trial.rows[0].reason
    assert "it is broken" in trial.rows[1].reason


def test_a_budget_that_is_spent_leaves_remedies_untried():
    changes = [ScaleLearningRate(10.0), ScaleLearningRate(100.0)]
    trial = kb.try_remedies(network(), *blobs(), changes=changes, budget=1e-9, epochs=1)
    assert trial.rows[-1].effect is Effect.NOT_TRIED
    assert trial.rows[-1].reason == "the budget was spent."


@pytest.mark.each_backend
def test_nothing_of_the_user_is_changed():
    keras.utils.set_random_seed(3)
    model = network()
    x, y = blobs()
    model.fit(x, y, epochs=1, verbose=0)
    keras.random.uniform((1,))  # Keras' global generator is in use
    weights, copies = model.get_weights(), (x.copy(), y.copy())
    states = random.getstate(), np.random.get_state()[1].copy()

    def drawn():
        return np.asarray(keras.ops.convert_to_numpy(keras.random.uniform((3,))))

    kb.try_remedies(model, x, y, changes=[ScaleLearningRate(2.0)], **BUDGET)
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(x, copies[0])
    np.testing.assert_array_equal(y, copies[1])
    assert random.getstate() == states[0]
    np.testing.assert_array_equal(np.random.get_state()[1], states[1])
    after_trial, name = drawn(), keras.layers.Dense(1).name
    keras.utils.set_random_seed(3)
    other = network()
    other.fit(x, y, epochs=1, verbose=0)
    keras.random.uniform((1,))
    np.testing.assert_array_equal(after_trial, drawn())
    number = int(name.rsplit("_", 1)[-1])
    assert keras.layers.Dense(1).name == f"dense_{number + 1}"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"budget": "soon"}, ValueError, "`budget` must be a time above 0"),
        ({"seeds": 1}, ValueError, "`seeds` must be at least 2"),
        ({"callbacks": []}, ValueError, "must not be among"),
        ({"y": None}, TypeError, "must be arrays"),
        ({"x": iter([])}, TypeError, "must be arrays"),
    ],
    ids=["budget", "seeds", "callbacks", "no-targets", "generator"],
)
def test_bad_input_raises_before_anything_is_trained(arguments, error, message):
    x, y = blobs()
    with pytest.raises(error, match=message):
        kb.try_remedies(network(), **{"x": x, "y": y} | arguments)


def test_too_few_examples_to_hold_some_out_are_refused():
    with pytest.raises(ValueError, match=r"at least 20 validation examples\. Received: 50"):
        kb.try_remedies(network(), *blobs(50))
