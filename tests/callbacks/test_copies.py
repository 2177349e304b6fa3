"""A callback can be pickled and copied before and after `fit`, as joblib, Ray and KerasTuner do."""

import copy
import pickle

import keras
import numpy as np
import pytest
from keras import layers

import keras_babysit as kb

pytestmark = pytest.mark.any_backend

X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
Y = X[:, :1].copy()


def fit(sitter, epochs=2):
    keras.utils.clear_session()  # the layer has the same name in each run
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, epochs=epochs, batch_size=16, verbose=0, callbacks=[sitter])
    return sitter


class Counting(kb.sinks.Sink):
    """Counts the runs that it shows."""

    runs = 0

    def on_end(self, report):
        self.runs += 1


def always(history):
    return [kb.Finding("always", kb.Severity.WARNING, "", "It is always so.")]


def full(folder):
    """Return a sitter with every option and every sink."""
    return kb.Babysitter(
        (X[:32], Y[:32]),
        rules=[always, "dead_units"],
        every=1,
        log_dir=folder / "logs",
        record=folder / "record",
        sinks=[kb.sinks.JsonLines(folder / "run.jsonl"), Counting()],
    )


def by_pickle(sitter):
    return pickle.loads(pickle.dumps(sitter))


on_each_backend = pytest.mark.each_backend


@pytest.mark.parametrize(
    "duplicate", [pytest.param(by_pickle, marks=on_each_backend), copy.deepcopy, copy.copy]
)
def test_a_copy_made_before_a_run_trains_as_the_original(duplicate, tmp_path):
    sitter = duplicate(full(tmp_path))
    assert sitter.findings == []
    assert "always" in [one.rule for one in fit(sitter).findings]
    history = kb.History.from_jsonl(tmp_path / "run.jsonl")
    assert history.series("updates/ratio", "dense/kernel").steps.tolist() == list(range(8))


@pytest.mark.parametrize(
    "duplicate", [by_pickle, pytest.param(copy.deepcopy, marks=on_each_backend), copy.copy]
)
def test_a_copy_made_after_a_run_keeps_what_was_found_and_can_train_again(duplicate, tmp_path):
    sitter = fit(full(tmp_path))
    copied = duplicate(sitter)
    assert copied.history.to_jsonl() == sitter.history.to_jsonl()
    assert copied.findings == sitter.findings
    assert copied.verdict == sitter.verdict
    assert copied.overhead == sitter.overhead
    assert copied.report().to_html() == sitter.report().to_html()
    before = sitter.history.to_jsonl()
    fit(copied, epochs=3)
    assert len(copied.history.series("logs/loss")) == 3
    is_deep = duplicate is copy.deepcopy
    assert (sitter.history.to_jsonl() == before) != is_deep


def test_a_copy_made_while_training_holds_what_was_found_so_far(tmp_path):
    copies = []

    class Copying(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            copies.append(by_pickle(sitter))

    sitter = full(tmp_path)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, epochs=2, batch_size=16, verbose=0, callbacks=[sitter, Copying()])
    assert [len(one.history.series("logs/loss")) for one in copies] == [1, 2]


def test_the_original_of_deep_copies_shows_the_latest_run_of_them():
    """KerasTuner copies the callbacks of a search for each trial."""
    counting = Counting()
    sitter = kb.Babysitter(rules=[always], every=1, verbose=0, sinks=[counting])
    trials = [copy.deepcopy(copy.deepcopy([sitter])) for _ in range(2)]
    for epochs, (trial,) in enumerate(trials, start=1):
        fit(trial, epochs)
        assert sitter.history.to_jsonl() == trial.history.to_jsonl()
    assert [len(trial.history.series("logs/loss")) for (trial,) in trials] == [1, 2]
    assert sitter.findings[0].rule == "always"
    assert counting.runs == 2
