"""Being there at each step, beside others, and leaving nothing behind."""

from types import SimpleNamespace

import pytest

from keras_babysit.probes import intercept
from keras_babysit.recorder.attachment import STEPS_END, Attachment


class Model:
    """Has the two functions that a recorder stands around, as Keras' models have them."""

    def __init__(self):
        self.train_function = lambda *arguments: ("logs", *arguments)

    def _get_metrics_result_or_logs(self, logs):
        return {"loss": logs}


def attached(model, calls, name):
    def on_step(*arguments):
        calls.append(name)
        return attachment.run_step(*arguments)

    attachment = Attachment(
        model, on_step=on_step, on_steps_end=lambda: calls.append(f"{name} ends")
    )
    attachment.attach()
    return attachment


def run(model, calls):
    """Run one step and the end of an epoch; return who was called."""
    calls.clear()
    assert model.train_function(1, 2) == ("logs", 1, 2)
    assert getattr(model, STEPS_END)(3) == {"loss": 3}
    return list(calls)


def test_it_stands_around_both_functions_and_leaves_nothing():
    model, calls = Model(), []
    before, function = dict(vars(model)), model.train_function
    attachment = attached(model, calls, "a")
    assert run(model, calls) == ["a", "a ends"]
    assert attachment.is_attached
    assert attachment.train_function is function
    attachment.attach()
    assert run(model, calls) == ["a", "a ends"]
    attachment.detach()
    assert not attachment.is_attached
    assert run(model, calls) == []
    assert vars(model) == before
    assert model.train_function is function


@pytest.mark.parametrize("leaves_first", ["inner", "outer"])
def test_two_of_them_leave_in_any_order(leaves_first):
    model, calls = Model(), []
    function = model.train_function
    inner, outer = attached(model, calls, "inner"), attached(model, calls, "outer")
    assert run(model, calls) == ["outer", "inner", "outer ends", "inner ends"]
    assert outer.train_function is function
    first, second = (inner, outer) if leaves_first == "inner" else (outer, inner)
    first.detach()
    second.detach()
    assert run(model, calls) == []
    assert model.train_function is function
    assert STEPS_END not in vars(model)


def test_one_that_left_inside_of_another_can_come_back():
    model, calls = Model(), []
    inner, outer = attached(model, calls, "inner"), attached(model, calls, "outer")
    inner.detach()
    inner.attach()
    assert run(model, calls) == ["outer", "inner", "outer ends", "inner ends"]
    outer.detach()
    assert run(model, calls) == ["inner", "inner ends"]


def test_it_comes_back_where_keras_made_its_function_anew():
    model, calls = Model(), []
    attachment = attached(model, calls, "a")
    model.train_function = lambda *arguments: ("logs", *arguments)
    assert not attachment.is_attached
    attachment.attach()
    assert run(model, calls) == ["a", "a ends"]


def test_an_interception_around_it_does_not_hide_it():
    model, calls = Model(), []
    attachment = attached(model, calls, "a")
    intercept(model, "train_function", lambda given: (given, None), lambda known, result: None)
    assert attachment.is_attached
    assert run(model, calls) == ["a", "a ends"]


def test_a_model_without_an_end_of_steps_has_a_train_function_alone():
    model, calls = SimpleNamespace(train_function=lambda: "logs"), []
    attachment = attached(model, calls, "a")
    assert model.train_function() == "logs"
    assert calls == ["a"]
    attachment.detach()
    assert list(vars(model)) == ["train_function"]
