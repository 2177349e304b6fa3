import math

import numpy as np
import pytest

from keras_babysit.callbacks.keeping import Keeping
from keras_babysit.history import History
from keras_babysit.recorder.health import Health
from keras_babysit.samples import ReferenceSample, read_user_probe_data
from tests.callbacks.parts import Run, started

X = np.arange(64, dtype="float32").reshape(16, 4)
BATCH = (X, X[:, 0], None)


def keeping(schedule=None, given=None):
    run = Run()
    reference = ReferenceSample(run.history, given)
    run.steps.begin_epoch(0)
    return Keeping(reference, schedule or started(), run.steps, run.search), reference, run


def test_every_batch_is_kept_while_there_is_room():
    keep, reference, run = keeping()
    for step in range(3):
        run.steps.expect(step)
        assert keep.wants(step)
        assert keep.next_step == step + 1
        keep.keep(BATCH)
    assert len(reference.train) == 48


def test_a_full_sample_asks_for_fewer_batches():
    keep, reference, run = keeping()
    large, wanted = (np.zeros((512, 4), "float32"), np.zeros(512), None), []
    for step in range(4):
        run.steps.expect(step)
        if keep.wants(step):
            keep.keep(large)
        wanted.append(keep.next_step)
    assert len(reference.train) == 1024
    assert wanted == [1, 2, 3, 4]
    run.steps.expect(4)
    assert keep.wants(4)
    keep.keep(large)
    assert not keep.wants(6)
    assert keep.next_step == 10


def test_with_given_examples_none_is_kept():
    keep, _, _ = keeping(given=read_user_probe_data((X, X[:, 0])))
    assert not keep.wants(0)
    assert keep.next_step == math.inf


@pytest.mark.parametrize(("needed", "goes_on"), [(1024, True), (16, False)])
def test_a_later_epoch_fills_a_small_sample_only(needed, goes_on):
    keep, reference, run = keeping()
    keep.keep(BATCH)
    reference.needed = needed
    run.steps.expect(4)
    run.steps.end_epoch()
    run.steps.begin_epoch(1)
    keep.begin_epoch()
    assert keep.wants(run.steps.now)  # one batch is looked at in any case
    keep.keep((X + 100, X[:, 0], None))
    assert len(reference.train) == (32 if goes_on else 16)
    assert run.history.last("inputs/rms", "inputs[0]") > 100
    assert keep.wants(run.steps.now + 1) == goes_on


def test_a_look_finds_what_is_not_finite():
    keep, reference, run = keeping()
    keep.keep(BATCH)
    reference.needed = 16
    run.steps.end_epoch()
    run.steps.begin_epoch(1)
    keep.begin_epoch()
    keep.keep((np.full((8, 4), np.nan, "float32"), X[:8, 0], None))
    assert run.history.last("inputs/nonfinite", "inputs[0]") == 32
    assert len(reference.train) == 16


def test_while_a_cause_is_searched_batches_are_searched_and_not_kept():
    keep, reference, run = keeping()
    run.search.begin()
    keep.keep(BATCH)
    assert len(reference.train) == 0
    assert run.health.state is Health.SEARCHING
    bad = X.copy()
    bad[3, 2] = np.nan
    keep.keep((bad, X[:, 0], None))
    assert run.health.state is Health.LOST
    assert run.history.last("inputs/nonfinite_example", "inputs[0]") == 3


def test_what_is_not_finite_in_a_kept_batch_needs_no_search():
    keep, reference, run = keeping()
    keep.keep((np.full((4, 4), np.inf, "float32"), np.zeros(4), None))
    assert len(reference.train) == 4
    assert run.search.is_over
    run.search.begin()
    assert run.health.state is Health.HEALTHY


def test_a_batch_that_training_left_out_is_given_up():
    keep, reference, _ = keeping()
    keep.keep(BATCH)
    keep.forget(0)
    assert len(reference.train) == 0


def test_validation_batches_are_kept_over_passes():
    keep, reference, run = keeping()
    for index in range(4):
        assert keep.wants_validation(index)
        if index < 2:
            keep.keep_validation(index, BATCH)
    keep.end_epoch()
    assert reference.validation_batches == 4
    run.steps.end_epoch()
    run.steps.begin_epoch(1)
    keep.begin_epoch()
    assert [keep.wants_validation(index) for index in range(4)] == [False, False, True, True]


def test_what_is_kept_is_measured_by_the_history_that_it_was_given():
    history = History()
    ReferenceSample(history).take_train_batch(0, 0, (X * np.nan, X[:, 0], None))
    assert history.targets("inputs/nonfinite") == ["inputs[0]"]
