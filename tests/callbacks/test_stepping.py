import types

import pytest

from keras_babysit.backends import backend
from keras_babysit.callbacks.stepping import Stepping
from tests.callbacks.parts import Run, started


@pytest.fixture
def model(monkeypatch):
    """Return a model whose step functions note their arguments; a batch is the argument itself."""
    monkeypatch.setattr(backend, "borrow", lambda given, count, fetching: (list(given), given))
    made = types.SimpleNamespace(history="of this fit", calls=[])
    made.train_function = lambda *given: made.calls.append(("train", *given)) or "result"
    made.test_function = lambda *given: made.calls.append(("test", *given)) or "result"
    return made


def stepping(model):
    return Stepping(model, Run().steps, started())


def test_the_next_training_step_is_seen_and_only_that(model):
    seen = []
    stepping(model).intercept_train(
        lambda arguments, batches: seen.append((arguments, batches)) or "known",
        lambda known, result: seen.append((known, result)),
    )
    assert model.train_function("batch") == "result"
    assert seen == [(("batch",), ["batch"]), ("known", "result")]
    model.train_function("another")
    assert len(seen) == 2
    assert model.calls == [("train", "batch"), ("train", "another")]


def test_the_next_validation_step_is_seen(model):
    seen = []
    stepping(model).intercept_test(lambda arguments, batches: seen.append(batches))
    model.train_function("batch")
    model.test_function("validation batch")
    assert seen == [["validation batch"]]


def test_what_was_called_off_is_not_seen(model):
    before, seen = model.train_function, []
    steps = stepping(model)
    steps.intercept_train(lambda *given: seen.append(given), lambda *given: seen.append(given))
    assert model.train_function is not before
    steps.call_off()
    assert model.train_function is before
    model.train_function("batch")
    assert seen == []


def test_a_step_of_a_later_fit_is_not_seen(model):
    seen = []
    stepping(model).intercept_train(
        lambda *given: seen.append(given), lambda known, result: seen.append(known)
    )
    model.history = "of a later fit"
    assert model.train_function("batch") == "result"
    assert seen == [None]
    assert model.calls == [("train", "batch")]


def test_what_the_data_raise_is_raised_in_the_step(model, monkeypatch):
    def broken(given, count, fetching):
        raise OSError("a broken file")

    steps = stepping(model)
    steps.intercept_train(pytest.fail, pytest.fail)
    monkeypatch.setattr(backend, "borrow", broken)
    with pytest.raises(OSError, match="a broken file"):
        model.train_function("iterator")
    assert model.calls == []
