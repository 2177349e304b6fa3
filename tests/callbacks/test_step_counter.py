from types import SimpleNamespace

from keras_babysit.backends import backend
from keras_babysit.callbacks.step_counter import StepCounter


def run(planned, epochs, steps=5, *, first=0):
    """Go through some epochs of so many steps."""
    counted = StepCounter(SimpleNamespace(stop_training=False), planned)
    # Where the data end by themselves, Keras announces a step more on some backends.
    announced = steps + (backend.ANNOUNCES_THE_END and "steps" not in planned)
    for epoch in range(first, first + epochs):
        counted.begin_epoch(epoch)
        for batch in range(announced):
            counted.expect(batch)
        assert counted.may_be_over == (announced > steps)
        counted.end_epoch()
    return counted


def test_steps_go_on_over_epochs():
    steps = run({"epochs": 4, "steps": 5}, epochs=3)
    assert (steps.now, steps.epoch, steps.epochs_done, steps.planned) == (15, 2, 2, 20)
    assert not steps.is_last_epoch
    assert run({"epochs": 4, "steps": 5}, epochs=4).is_last_epoch


def test_a_resumed_run_plans_what_is_left_of_it():
    steps = run({"epochs": 10, "steps": 5}, epochs=1, first=7)
    assert (steps.now, steps.epochs_done, steps.planned) == (5, 0, 15)


def test_an_epoch_of_unknown_length_is_known_once_it_is_over():
    assert run({"epochs": 4}, epochs=1).planned is None
    steps = run({"epochs": 4}, epochs=2)
    steps.begin_epoch(2)
    assert (steps.now, steps.planned) == (10, 20)


def test_several_steps_in_a_call_count_as_so_many():
    model = SimpleNamespace(stop_training=True, steps_per_execution=4)
    steps = StepCounter(model, {"epochs": 1, "steps": 12})
    steps.begin_epoch(0)
    steps.expect(4)
    steps.end_epoch()
    assert steps.now == 8
    assert steps.is_last_epoch
