import numpy as np

from keras_babysit.history import History
from keras_babysit.samples import read_user_probe_data
from keras_babysit.samples.reference_sample import ReferenceSample


def batch(start, examples=4):
    inputs = np.arange(start, start + examples, dtype="float32")[:, None]
    return inputs, np.zeros(examples, "int32"), None


def test_training_examples_that_repeat_are_kept_once():
    kept = ReferenceSample(History())
    kept.take_train_batch(0, 0, batch(0))
    kept.take_train_batch(1, 1, batch(2))
    assert kept.train.batch(99)[0][:, 0].tolist() == [0, 1, 2, 3, 4, 5]


def test_all_of_a_loop_was_seen_once_nothing_new_comes():
    history = History()
    history.note(is_own_loop=True)
    kept = ReferenceSample(history)
    for step in range(5):
        kept.take_train_batch(step, 0, batch(4 * step))
    assert kept.seen == 20
    assert kept.has_every_batch
    for step in range(5, 13):
        assert kept.is_small
        assert not kept.is_whole
        kept.take_train_batch(step, 0, batch(4 * (step % 5)))
    assert kept.is_whole
    assert not kept.is_small
    assert len(kept.train) == kept.seen == 20
    kept.take_train_batch(13, 0, batch(100))  # other data after all
    assert not kept.is_whole
    assert kept.seen == 24


def test_non_finite_data_are_recorded():
    history = History()
    x, y, weights = batch(0)
    x[2] = np.nan
    found = ReferenceSample(history).take_train_batch(3, 0, (x, y, weights))
    assert [(m.quantity, m.target, m.value) for m in found] == [
        ("inputs/nonfinite", "inputs[0]", 1),
        ("inputs/nonfinite_example", "inputs[0]", 2),
    ]
    assert history.last("inputs/nonfinite", "inputs[0]") == 1


def test_given_examples_replace_those_of_the_run():
    kept = ReferenceSample(History(), read_user_probe_data(batch(7)[:2]))
    assert kept.is_given
    assert kept.take_train_batch(0, 0, batch(0)) == []
    assert kept.next_given(2)[0][:, 0].tolist() == [7, 8]
    assert kept.train.batch(99)[0][:, 0].tolist() == [7, 8, 9, 10]


def test_a_pass_over_the_validation_data_continues_the_one_before():
    kept = ReferenceSample(History())
    kept.take_validation_batch(0, batch(0))
    assert not kept.wants_validation_batch(0)
    assert kept.wants_validation_batch(1)
    kept.take_validation_batch(0, batch(50))
    assert kept.validation.batch(99)[0][:, 0].tolist() == [0, 1, 2, 3]


def test_the_rest_of_a_division_into_batches_may_be_missing():
    kept = ReferenceSample(History())
    kept.needed = 66
    for step in range(16):
        assert kept.is_small
        kept.take_train_batch(step, 0, batch(4 * step))
    assert not kept.is_small


def test_repeats_are_reported_once_enough_are_expected():
    history = History()
    history.note(batch_size=4)
    kept = ReferenceSample(history)
    kept.take_train_batch(0, 0, batch(0))
    kept.note_recurrence(batch(0), steps=1)
    assert history.facts.recurring_fraction is None
    for _ in range(2):
        kept.note_recurrence(batch(0), steps=1)
    assert history.facts.recurring_fraction == 1.0
