import numpy as np
import pytest

from keras_babysit.samples.data_facts import describe_data
from keras_babysit.samples.steps import describe_padding, describe_target_steps, padded_steps

RNG = np.random.default_rng(0)
WORDS = RNG.integers(1, 50, (100, 12))


def behind(words, lengths):
    """Return the words with zeros behind the length of each row."""
    return np.where(np.arange(words.shape[1]) < np.asarray(lengths)[:, None], words, 0)


LENGTHS = RNG.integers(4, 12, 100)
PADDED = behind(WORDS, LENGTHS)


def test_padding_behind_is_what_follows_the_data():
    facts = describe_padding(PADDED)
    assert facts["padded_behind"] == pytest.approx(1 - LENGTHS.mean() / 12)
    assert facts["padded_in_front"] == 0


def test_padding_in_front_is_what_comes_before_the_data():
    facts = describe_padding(PADDED[:, ::-1])
    assert facts["padded_in_front"] == pytest.approx(1 - LENGTHS.mean() / 12)
    assert facts["padded_behind"] == 0


def test_an_empty_sequence_is_padding_at_neither_end():
    facts = describe_padding(np.zeros((5, 8), int))
    assert facts["padded_behind"] == facts["padded_in_front"] == 0
    assert padded_steps(np.zeros((5, 8), int)).all()


def test_a_zero_between_data_is_no_padding():
    assert padded_steps(np.array([[3, 0, 0, 4]])).sum() == 0


def test_steps_of_several_features_are_padding_if_all_are_0():
    x = np.ones((2, 5, 3))
    x[:, 3:] = 0
    x[0, 2, 1] = 0
    assert padded_steps(x).sum(axis=1).tolist() == [2, 2]


@pytest.mark.parametrize(
    "x",
    [RNG.normal(size=(50, 12)), np.ones((50, 3)), np.zeros((50, 8, 8, 1))],
    ids=["table", "three-columns", "pictures"],
)
def test_what_is_no_sequence_has_no_padding(x):
    assert describe_padding(x) == {}


def test_targets_on_padding_are_those_that_are_one_value_there():
    labels = behind(WORDS % 5 + 1, LENGTHS)
    found = describe_target_steps(labels, [PADDED])
    assert found["on_padding"] == pytest.approx((PADDED == 0).mean())
    assert found["padded_input"] == 0


def test_targets_that_differ_on_padding_are_data():
    assert describe_target_steps(WORDS % 5, [PADDED]) == {}


def test_targets_that_never_differ_are_no_padding():
    assert "on_padding" not in describe_target_steps(np.zeros_like(WORDS), [PADDED])


def test_the_padded_input_is_the_one_with_as_many_steps():
    labels = behind(WORDS % 5 + 1, LENGTHS)
    found = describe_target_steps(labels, [np.ones((100, 7), int), PADDED])
    assert found["padded_input"] == 1


@pytest.mark.parametrize("is_one_hot", [False, True])
@pytest.mark.parametrize("is_padded", [False, True])
def test_the_next_step_of_an_input_is_known_as_such(is_one_hot, is_padded):
    words = np.concatenate([PADDED if is_padded else WORDS, np.zeros((100, 1), int)], axis=1)
    x, y = words[:, :-1], words[:, 1:]
    y = np.eye(50)[y] if is_one_hot else y
    assert describe_target_steps(y, [x])["next_of_input"] == 0


def test_the_next_value_of_a_series_is_known_as_such():
    series = np.sin(np.arange(21)[None] / 3 + RNG.uniform(0, 6, (40, 1)))[..., None]
    assert describe_target_steps(series[:, 1:], [series[:, :-1]])["next_of_input"] == 0


@pytest.mark.parametrize(
    ("y", "x"),
    [
        (WORDS, WORDS),
        (WORDS % 5, WORDS),
        (np.ones_like(WORDS), np.ones_like(WORDS)),
        (np.roll(WORDS, 1, axis=1), WORDS),
    ],
    ids=["itself", "tags", "a-series-that-never-changes", "the-step-before"],
)
def test_other_targets_are_not_the_next_step(y, x):
    assert "next_of_input" not in describe_target_steps(y, [x])


def test_the_facts_of_a_batch_hold_them():
    facts = describe_data((PADDED, behind(WORDS % 5 + 1, LENGTHS), None))
    assert facts.inputs[0].is_whole
    assert facts.inputs[0].padded_behind > 0.2
    assert facts.targets[0].on_padding == pytest.approx((PADDED == 0).mean())
