"""Trials that go on, are stopped, are repeated, and are shared by several workers."""

import os
import threading

import keras
import numpy as np
import optuna
import pytest

import keras_babysit as kb
from keras_babysit.search.checkpoint import Checkpoints
from keras_babysit.search.cross_validation import CrossValidation
from keras_babysit.search.data import Examples, make_folds
from keras_babysit.search.fidelity import read_fidelities, stages
from keras_babysit.search.hypermodel import Hypermodel
from keras_babysit.search.objective import read_objective
from tests.search.models import blobs, build

pytestmark = pytest.mark.any_backend

QUIET = {"objective": "val_accuracy", "cv": 3, "seed": 0, "verbose": 0}


def with_dropout(hp):
    """Return a model with all that a training may depend on: dropout, Adam, no seeds."""
    layers = [keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.3)]
    model = keras.Sequential([*layers, keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02), loss, metrics=["accuracy"], run_eagerly=True)
    return model


class Locked(keras.callbacks.Callback):
    """Counts epochs over all stages, and holds a lock that cannot be copied."""

    def on_train_begin(self, logs=None):
        self.epochs, self.lock = 0, threading.Lock()

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1


def callbacks():
    return [
        keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_loss", patience=1, min_delta=0.05),
        Locked(),
    ]


def evaluation(checkpoints=None, epochs=4, **fit_arguments):
    x, y = blobs(60)
    return CrossValidation(
        Hypermodel(with_dropout),
        Examples(x, y),
        make_folds(Examples(x, y), 2, 0),
        read_objective("val_loss"),
        seed=0,
        is_watched=False,
        fit_arguments={"epochs": epochs, "batch_size": 16} | fit_arguments,
        ladder=stages(read_fidelities([(1, 1), (1, 3), (2, epochs)], 3, 2, epochs)),
        checkpoints=checkpoints,
    )


def results(one, parts):
    """Return what a trial reports that passes its stages in these parts."""
    key = (0, 3, 0)
    return [
        (fold.score, fold.epochs)
        for part in parts
        for fold in one.run(kb.search.HyperParameters(), key, part, may_stop=False)
    ]


@pytest.mark.each_backend
@pytest.mark.parametrize("given", [{}, {"callbacks": callbacks}], ids=["plain", "callbacks"])
def test_a_continued_training_is_bit_identical_to_an_uninterrupted_one(given, tmp_path):
    one = evaluation(**given)
    whole = results(one, [one.ladder])
    first = evaluation(Checkpoints(tmp_path), **given)
    begun = results(first, [first.ladder[:1]])
    second = evaluation(Checkpoints(tmp_path), **given)  # as in another process
    rest = results(second, [second.ladder[1:2], second.ladder[2:]])
    assert begun + rest == whole
    assert len({score for score, _ in whole}) > 1


def test_a_lost_checkpoint_costs_time_only(tmp_path):
    one = evaluation()
    whole = results(one, [one.ladder])
    first = evaluation(Checkpoints(tmp_path))
    results(first, [first.ladder[:2]])
    for name in os.listdir(tmp_path):
        (tmp_path / name).write_bytes(b"half a file")
    second = evaluation(Checkpoints(tmp_path))
    assert results(second, [second.ladder[2:]]) == whole[2:]


def search(hypermodel=build, kind=kb.search.CoarseToFineSearchCV, data=None, epochs=6, **changes):
    arguments = QUIET | {"max_trials": 8, "reruns": 1, "diagnose": False} | changes
    return kind(hypermodel, **arguments).fit(*(data or blobs(60)), epochs=epochs, batch_size=8)


@pytest.fixture(scope="module")
def found():
    return search(max_trials=12)


def test_trials_that_go_on_train_only_what_is_missing(found):
    records, stages_done = found.records_, {0: 2, 1: 6, 2: 18}
    for record in records:
        if record.state in ("complete", "partial"):
            epochs = stages_done[len(record.rung_scores) - 1]
            repeated = 18 * len(record.reruns)
            assert record.examples == 40 * (epochs + repeated)  # 40 of 60 examples in a fold
    assert {record.state for record in records} >= {"complete", "partial"}
    assert len(records) == 12


def test_the_best_trials_are_trained_again_with_other_seeds(found):
    repeated = [record for record in found.records_ if record.reruns]
    assert repeated
    best = found.best_trial_
    assert best.reruns
    assert any(record.reruns[0] != tuple(record.scores) for record in repeated)
    assert found.best_score_ == pytest.approx(np.mean(best.reruns))
    results = found.cv_results_
    assert results["params"][found.best_index_] == found.best_params_
    assert results["mean_rerun_score"][found.best_index_] == pytest.approx(found.best_score_)
    assert "reruns" in found.summary()
    assert f"best {found.best_score_:.4g}" in repr(found)
    assert len(found.study_.trials) > 12


def test_the_agreement_of_fidelities_is_reported(found):
    rules = [one.rule for one in found.findings_]
    assert sum(rule.startswith("ranks_") for rule in rules) == 2


def test_the_first_round_is_quasi_random(found):
    first = [r for r in found.records_ if r.key[0] == 0]
    places = sorted((np.log10(r.params["learning_rate"]) + 4) / 4 for r in first)
    assert np.diff(places).max() < 0.5


def test_a_leader_is_stopped_only_by_what_cannot_recover(monkeypatch):
    """All trials show a cause; from the eleventh on, the best tenth may go on."""
    from keras_babysit.findings import Finding, Severity
    from keras_babysit.search import cross_validation

    def chronic(history):
        severity = Severity.ERROR if history.step >= 5 else Severity.NOTE
        return [Finding("no_update", severity, "", "It is always reported.")]

    def run(name, *, stands_out):
        monkeypatch.setattr(cross_validation, "CAUSES", [rename(chronic, name)])
        one = evaluation(batch_size=2)
        one.is_watched = True
        folds = one.run(
            kb.search.HyperParameters(),
            (0, 0, 0),
            one.ladder[:1],
            may_stop=True,
            stands_out=lambda score, rung: stands_out,
        )
        return next(iter(folds))

    assert run("no_update", stands_out=False).is_stopped
    leader = run("no_update", stands_out=True)
    assert not leader.is_stopped
    assert leader.cause.rule == "no_update"
    assert np.isfinite(leader.score)
    assert run("non_finite_values", stands_out=True).is_stopped


def rename(rule, name):
    import dataclasses

    def renamed(history):
        return [dataclasses.replace(finding, rule=name) for finding in rule(history)]

    renamed.__name__ = name
    return renamed


def test_trials_do_not_depend_on_the_speed_of_the_machine(monkeypatch):
    """Whatever the clock says, trials and scores are the same."""
    import time

    def run():
        one = search(max_trials=3, reruns=0, diagnose=True)
        return [(r.params, r.scores, r.rung_scores, r.examples) for r in one.records_]

    first, clock = run(), iter(np.cumsum(np.random.default_rng(0).exponential(1e3, 10**6)))
    with monkeypatch.context() as patched:
        for name in ("time", "perf_counter", "monotonic"):
            patched.setattr(time, name, lambda: float(next(clock)))
        second = run()
    assert first == second


def test_arguments_can_be_read_and_changed_as_in_scikit_learn():
    from sklearn.base import clone

    one = kb.search.CoarseToFineSearchCV(build, objective="val_loss", max_trials=9, keep=0.3)
    known = one.get_params()
    assert (known["hypermodel"], known["max_trials"], known["keep"]) == (build, 9, 0.3)
    assert (known["cv"], known["rounds"]) == (5, 3)
    other = clone(one).set_params(max_trials=12)
    assert (other.max_trials, other.get_params()["keep"]) == (12, 0.3)
    with pytest.raises(ValueError, match=r"Received: \['colour'\]"):
        one.set_params(colour=1)


def test_the_best_trial_may_be_chosen_by_another_metric():
    one = search(kind=kb.search.RandomizedSearchCV, max_trials=3, reruns=0, refit="val_loss")
    losses = one.cv_results_["mean_test_loss"]
    assert one.best_index_ == losses.argmin()
    assert one.best_score_ == pytest.approx(losses.min())
    assert one.best_model_ is not None
    assert np.allclose(one.cv_results_["mean_test_accuracy"], one.cv_results_["mean_test_score"])
    with pytest.raises(ValueError, match=r"`refit` must be.*val_accuracy.*Received: refit='val_x"):
        search(kind=kb.search.RandomizedSearchCV, max_trials=1, refit="val_x_loss")


def test_wilcoxons_pruner_gets_the_scores_of_single_folds():
    one = search(kind=kb.search.RandomizedSearchCV, max_trials=2, pruner="wilcoxon", epochs=1)
    best = one.study_.trials[0]
    assert list(best.intermediate_values.values()) == list(one.records_[0].scores)


def test_each_finished_trial_is_read_once(monkeypatch):
    """So the work of a worker grows linearly with the number of trials."""
    from keras_babysit.search import slots, view
    from keras_babysit.search.phases import Assignment

    calls, study = [], optuna.create_study()
    monkeypatch.setattr(
        view, "read_record", lambda *given: calls.append(1) or slots.read_record(*given)
    )
    known = view.View(study, 2, 1)
    for number in range(60):
        slots.fill_slot(study, (0, number), Assignment((0, number, 0)), {}, 0)
        study.tell(study.ask(), float(number))
        known.refresh()
        assert len(known.records()) == number + 1
    assert len(calls) == 60
