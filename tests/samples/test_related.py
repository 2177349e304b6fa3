"""Windows of a series and groups of examples on both sides of a split; inputs from the future."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from keras_babysit.history import History
from keras_babysit.rules import inputs_from_later_steps, related_examples
from keras_babysit.samples.comparison import compare
from keras_babysit.samples.data_facts import describe_data

RNG = np.random.default_rng(0)
WALK = np.cumsum(RNG.normal(size=1000))


def judged(x, y, rows, held_out):
    history = History()
    history.note(comparison=compare((x[rows], y[rows], None), (x[held_out], y[held_out], None)))
    return related_examples(history)


def at_random(x, y, seed=0):
    order = np.random.default_rng(seed).permutation(len(x))
    cut = int(0.7 * len(x))
    return judged(x, y, order[:cut], order[cut:])


def in_order(x, y):
    cut = int(0.7 * len(x))
    return judged(x, y, np.arange(cut), np.arange(cut, len(x)))


def windows(series, length=16, every=1):
    return sliding_window_view(series, length)[:-1:every], series[length::every, None]


@pytest.mark.parametrize("every", [1, 4])
@pytest.mark.parametrize("shape", [(-1, 16), (-1, 16, 1)])
def test_windows_between_training_windows_are_found(shape, every):
    x, y = windows(WALK, every=every)
    x = x.reshape(shape).astype("float32")
    (found,) = at_random(x, y)
    assert found.evidence["between"] > 0.6 * found.evidence["examples"]
    assert in_order(x, y) == []
    block = np.arange(len(x) // 3, len(x) // 2)
    assert judged(x, y, np.setdiff1d(np.arange(len(x)), block), block) == []


@pytest.mark.parametrize(
    "series",
    [np.sin(2 * np.pi * np.arange(1000) / 50), np.sin(np.arange(1000) / 7), np.zeros(1000)],
    ids=["periodic", "sine", "zeros"],
)
def test_series_that_repeat_themselves_are_no_leak_in_time(series):
    assert in_order(*windows(series)) == []


def test_windows_apart_are_not_related():
    assert at_random(*windows(WALK, every=16)) == []


def people(count=60, each=6, size=12, within=0.2):
    person = RNG.normal(size=(count, 1, size))
    x = (person + within * RNG.normal(size=(count, each, size))).reshape(-1, size)
    return x, person[:, 0], np.repeat(np.arange(count), each)


@pytest.mark.parametrize("seed", range(3))
def test_people_on_both_sides_are_found(seed):
    x, person, who = people()
    is_ill = (person[:, :3].sum(axis=1) > 0).astype(int)[who]
    age = RNG.normal(50, 10, len(person))[who]
    for y in (is_ill, np.eye(2)[is_ill], age):
        (found,) = at_random(x, y, seed)
        assert found.evidence["error_with_group"] < 0.05
        assert in_order(x, y) == []


def test_groups_that_are_the_class_or_give_nothing_away_are_silent():
    x, person, who = people(count=40, each=20)
    assert at_random(x, who) == []  # who it is shall be recognized
    assert at_random(x, RNG.integers(0, 2, len(x))) == []
    assert at_random(x, x[:, 0] - person[who, 0]) == []


@pytest.mark.parametrize("size", [1, 2, 5, 20])
@pytest.mark.parametrize(
    "draw",
    [
        lambda *shape: RNG.normal(size=shape),
        lambda *shape: RNG.random(shape),
        lambda *shape: np.exp(2 * RNG.normal(size=shape)),
        lambda *shape: RNG.standard_t(2, size=shape),
        lambda *shape: RNG.integers(0, 4, size=shape).astype(float),
    ],
    ids=["normal", "uniform", "log-normal", "heavy-tails", "categories"],
)
def test_independent_examples_are_not_related(draw, size):
    x = draw(600, size)
    assert at_random(x, x[:, 0]) == []
    assert at_random(x, (x[:, 0] > np.median(x[:, 0])).astype(int)) == []


ROWS = np.arange(40, 900)
LAGS = ROWS[:, None] - np.arange(9, -1, -1)
MEAN = np.ones(5) / 5


def from_later(x, y):
    history = History()
    history.note(data=describe_data((x.astype("float32"), y.astype("float32"), None)))
    return inputs_from_later_steps(history)


TARGETS = {
    "step": WALK[ROWS + 1] - WALK[ROWS],
    "value": WALK[ROWS + 1],
    "value-5-later": WALK[ROWS + 5],
}


@pytest.mark.parametrize("name", ["step", "value"])
@pytest.mark.parametrize(
    "shaped",
    [lambda x: x, lambda x: x - x[:, -1:], lambda x: x[..., None], lambda x: x[::-1]],
    ids=["lags", "relative", "windows", "newest-first"],
)
def test_means_around_each_value_are_found(name, shaped):
    x, y = shaped(np.convolve(WALK, MEAN, "same")[LAGS]), TARGETS[name]
    y = y[::-1] if x[0, 0] == np.convolve(WALK, MEAN, "same")[LAGS][-1, 0] else y
    assert len(from_later(x, y)) == 1


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(
    "series",
    [WALK, np.convolve(WALK, MEAN)[: len(WALK)], np.sin(np.arange(1000) / 7)],
    ids=["raw", "mean-of-the-past", "sine"],
)
def test_earlier_values_are_not_later_ones(name, series):
    for rows in (slice(None), slice(None, None, -1)):
        assert from_later(series[LAGS][rows], TARGETS[name][rows]) == []


def test_a_table_without_an_order_is_silent():
    x = RNG.normal(size=(800, 6))
    assert from_later(x, x @ RNG.normal(size=6)) == []
    order = RNG.permutation(len(LAGS))
    around = np.convolve(WALK, MEAN, "same")[LAGS]
    assert from_later(around[order], TARGETS["step"][order]) == []
