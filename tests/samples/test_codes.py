"""Columns of a table that hold codes of categories, and texts of which most tokens are the same."""

import numpy as np
import pytest

from keras_babysit.samples.codes import code_column
from keras_babysit.samples.tokens import describe_tokens

RNG = np.random.default_rng(0)
CITY = RNG.integers(0, 40, 1600)
EFFECT = RNG.normal(size=40)
NOISE = RNG.normal(size=1600)


def table(*columns):
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_the_column_of_codes_is_found_whatever_its_scale(scale):
    found = code_column(table(NOISE, scale * CITY), [EFFECT[CITY] + 0.3 * NOISE[::-1]])
    assert found[:2] == (1, 40)
    variance = EFFECT[CITY].var()
    assert found[2] == pytest.approx(variance / (variance + 0.09), abs=0.03)
    assert found[3] == pytest.approx(1 - found[2], abs=0.03)


def test_the_error_for_two_classes_is_that_of_the_more_frequent_one_in_each_group():
    chance = np.where(EFFECT > 0, 0.9, 0.1)[CITY]
    y = RNG.random(1600) < chance
    for target in (y, np.stack([~y, y], axis=1)):
        found = code_column(CITY[:, None], [target.astype("float32")])
        assert found[3] == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize(
    "target",
    [
        0.1 * CITY + NOISE,  # an order
        np.sin(CITY / 6) + 0.3 * NOISE,  # a smooth course
        NOISE,  # no relation
        CITY % 5,  # five classes, whose means mean nothing
        np.ones(1600),
    ],
)
def test_quantities_and_noise_are_no_codes(target):
    assert code_column(CITY[:, None], [target]) is None


def test_a_few_values_or_few_rows_for_each_are_no_codes():
    few, many = CITY % 8, np.arange(1600) // 2
    assert code_column(few[:, None], [EFFECT[few]]) is None
    assert code_column(many[:, None], [RNG.normal(size=800)[many]]) is None


def test_codes_are_rarely_found_by_chance():
    found = [
        code_column(rng.integers(0, 20, (200, 8)), [rng.normal(size=200)])
        for rng in map(np.random.default_rng, range(50))
    ]
    assert sum(one is not None for one in found) <= 2


def test_padding_is_no_token_that_is_frequent():
    words = RNG.integers(2, 50, (100, 10))
    words[:, 6:] = 0
    assert describe_tokens(words)["common_fraction"] < 0.1
    words[:, :5] = 1
    assert describe_tokens(words) == {"common_token": 1, "common_fraction": pytest.approx(5 / 6)}


@pytest.mark.parametrize("leaf", [NOISE.reshape(160, 10), -CITY.reshape(160, 10), CITY[:, None]])
def test_tables_have_no_tokens(leaf):
    assert describe_tokens(leaf) == {}
