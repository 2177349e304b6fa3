"""Bad input raises before the first trial, with what was received and the way out."""

import keras
import numpy as np
import optuna
import pytest

import keras_babysit as kb
from keras_babysit.errors import NotCompiledError
from keras_babysit.search.cross_validation import CrossValidation
from tests.search.models import blobs, build, compiled

pytestmark = pytest.mark.any_backend

X, Y = blobs(30)


def search(hypermodel=build, kind=kb.search.RandomizedSearchCV, data=(X, Y), fit=None, **changes):
    arguments = {"objective": "val_accuracy", "cv": 3, "verbose": 0}
    if kind is not kb.search.GridSearchCV:
        arguments["max_trials"] = 2
    return kind(hypermodel, **arguments | changes).fit(*data, **fit or {})


def unstepped_in_a_branch(hp):
    optimizer = hp.Choice("optimizer", ["adam", "sgd"])
    with hp.conditional_scope("optimizer", ["sgd"]):
        if optimizer == "sgd":
            hp.Float("momentum", 0.0, 0.9)
    return compiled(0.1)


def uncompiled(hp):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])


GRID = {"kind": kb.search.GridSearchCV}
CASES = {
    "unstepped-float-in-a-grid": (
        GRID,
        ValueError,
        r'finitely many.*hp.Float\("learning_rate", 0.0001, 1, sampling="log"\).*Pass a `step`',
    ),
    "unstepped-float-in-a-branch": (
        GRID | {"hypermodel": unstepped_in_a_branch},
        ValueError,
        "finitely many.*momentum",
    ),
    "too-large-a-grid": (
        GRID | {"hypermodel": lambda hp: compiled(hp.Choice("rate", [0.1, 0.2])), "max_trials": 1},
        ValueError,
        "at most `max_trials` combinations.*more combinations than that",
    ),
    "low-above-high": (
        {"hypermodel": lambda hp: compiled(hp.Float("rate", 2, 1))},
        ValueError,
        "`min_value <= max_value` must hold.*min_value=2.0, max_value=1.0.*Swap",
    ),
    "log-from-0": (
        {"hypermodel": lambda hp: compiled(hp.Float("rate", 0, 1, sampling="log"))},
        ValueError,
        "`min_value` must be above 0.*Start at a small number, such as 1e-03",
    ),
    "objective-not-logged": (
        {"objective": "val_auc"},
        ValueError,
        "must be one of the values.*val_accuracy.*val_loss.*Received: objective='val_auc'",
    ),
    "objective-on-training-data": (
        {"objective": "accuracy"},
        ValueError,
        'must be "val_loss", or "val_".*Received: objective=',
    ),
    "objective-of-unknown-direction": (
        {"objective": "val_goodness"},
        ValueError,
        'direction of an objective must be known.*Pass direction="min" or direction="max"',
    ),
    "unknown-direction": ({"direction": "up"}, ValueError, '"auto", "min" or "max"'),
    "refit-by-a-value-not-reported": (
        {"refit": "val_f1"},
        ValueError,
        "`refit` must be.*val_accuracy.*val_loss.*Received: refit='val_f1'",
    ),
    "refit-on-training-data": (
        {"refit": "accuracy"},
        ValueError,
        "`refit` must be.*val_accuracy.*Received: refit='accuracy'",
    ),
    "a-loss-without-targets": ({"data": (X,)}, ValueError, "`y` must be given.*Received: y=None"),
    "storage-without-heartbeats": (
        {"storage": optuna.storages.InMemoryStorage(), "study_name": "s"},
        ValueError,
        "dead worker.*heartbeats.*InMemoryStorage.*open_storage.*allow_lost_trials=True",
    ),
    "storage-of-another-kind": (
        {"storage": 7, "study_name": "s"},
        TypeError,
        "`storage` must be None, the URL.*Received: int",
    ),
    "storage-without-a-name": (
        {"storage": "sqlite://"},
        ValueError,
        "`study_name` must be given.*Received: study_name=None",
    ),
    "fewer-examples-than-folds": (
        {"cv": 31},
        ValueError,
        "at most the number of examples. Received: cv=31, 30 examples",
    ),
    "one-fold": ({"cv": 1}, ValueError, "`cv` must be at least 2"),
    "cv-of-another-kind": ({"cv": "five"}, TypeError, "`cv` must be a number of folds"),
    "rows-out-of-range": ({"cv": [([0, 1], [99])]}, ValueError, "row numbers.*99"),
    "an-empty-fold": ({"cv": [([0, 1], [])]}, ValueError, "Every fold must have"),
    "x-and-y-differ": ({"data": (X, Y[:20])}, ValueError, r"same number of examples.*\[20, 30\]"),
    "a-generator": ({"data": (iter(X), Y)}, TypeError, "`x` must be an array.*Load the data"),
    "validation-data": (
        {"fit": {"validation_split": 0.1}},
        ValueError,
        "Validation data must not be passed.*validation_split",
    ),
    "no-model": ({"hypermodel": lambda hp: 7}, TypeError, "must return a keras.Model.*int"),
    "not-compiled": ({"hypermodel": uncompiled}, NotCompiledError, "Call `model.compile"),
    "no-hypermodel": ({"hypermodel": 7}, TypeError, "`hypermodel` must be a function"),
    "no-trials": ({"max_trials": 0}, ValueError, "`max_trials` must be at least 1"),
    "trials-as-text": ({"max_trials": "2"}, ValueError, "at least 1. Received: max_trials='2'"),
    "unknown-sampler": ({"sampler": "grid"}, ValueError, "`sampler` must be one of"),
    "unknown-pruner": ({"pruner": "hard"}, ValueError, "`pruner` must be"),
    "fraction-above-1": ({"max_stopped": 2}, ValueError, r"`max_stopped` must be in \[0, 1\]"),
    "unknown-error-score": ({"error_score": np.nan}, ValueError, "`error_score` must be"),
    "more-rounds-than-trials": (
        {"kind": kb.search.CoarseToFineSearchCV, "rounds": 3},
        ValueError,
        "`rounds` must be at least 1 and at most `max_trials`",
    ),
    "negative-reruns": ({"reruns": -1}, ValueError, "`reruns` must be at least 0"),
    "unknown-fidelity": (
        {"kind": kb.search.CoarseToFineSearchCV, "rounds": 1, "fidelity": "low"},
        ValueError,
        "`fidelity` must be \"auto\", None, or one.*Received: fidelity='low'",
    ),
    "log-dir-is-a-file": ({"log_dir": __file__}, ValueError, "`log_dir` must be a writable folder"),
}


@pytest.mark.parametrize(("arguments", "kind", "law"), CASES.values(), ids=CASES)
def test_bad_input(arguments, kind, law, monkeypatch):
    monkeypatch.setattr(keras.Model, "fit", lambda *a, **k: pytest.fail("a trial was started"))
    with pytest.raises(kind, match="(?s)" + law):
        search(**arguments)


def test_an_unknown_argument_of_fit_is_refused_before_the_first_trial(monkeypatch):
    monkeypatch.setattr(CrossValidation, "run", lambda *a, **k: pytest.fail("a trial was started"))
    with pytest.raises(TypeError, match=r"those of `Model.fit`.*epochs.*Received: \['epoch'\]"):
        search(fit={"epoch": 2})


def test_a_storage_without_heartbeats_can_be_accepted():
    storage = optuna.storages.InMemoryStorage()
    found = search(storage=storage, study_name="s", allow_lost_trials=True)
    assert len(found.records_) == 2
    assert storage.get_all_studies()[0].study_name == "s"


@pytest.mark.parametrize("bad", [{"heartbeat_interval": 0}, {"max_retries": -1}])
def test_bad_storage_arguments(bad):
    with pytest.raises(ValueError, match="heartbeat_interval >= 1"):
        kb.search.open_storage("sqlite://", **bad)
    with pytest.raises(TypeError, match="`url` must be a string"):
        kb.search.open_storage(7)
