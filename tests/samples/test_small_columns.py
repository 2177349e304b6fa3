"""Columns that are far smaller than others."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from keras_babysit.samples.small_columns import small_columns

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(600, 4))
SCALED = TABLE * [1.0, 1e4, 1.0, 1e3]
NOISY = TABLE[:, 0] - TABLE[:, 2] + RNG.normal(size=600)


@pytest.mark.parametrize("scale", [lambda x: x, lambda x: (x - x.mean()) / x.std()])
def test_they_are_found_before_and_after_scaling_all_together(scale):
    found = small_columns(scale(SCALED), [NOISY])
    assert (found["small_columns"], found["first_small"], found["largest_column"]) == (2, 0, 1)
    assert found["small_spread"] == pytest.approx(1e-4, rel=0.2)


def test_the_unexplained_variance_is_that_of_scikit_learn():
    x = TABLE[:, [0, 2]]
    left = 1 - LinearRegression().fit(x, NOISY).score(x, NOISY)
    found = small_columns(SCALED, [NOISY])
    assert found["small_unexplained"] == pytest.approx(left * 599 / 597, rel=1e-6)
    assert "small_error_rate" not in found


@pytest.mark.parametrize("shape", ["numbers", "column", "one-hot"])
def test_the_error_rate_is_that_of_the_linear_model(shape):
    classes = (NOISY > 0).astype(int)
    x = TABLE[:, [0, 2]]
    wrong = (LinearRegression().fit(x, classes).predict(x) > 0.5) != classes
    target = {"numbers": classes, "column": classes[:, None], "one-hot": np.eye(2)[classes]}[shape]
    assert small_columns(SCALED, [target])["small_error_rate"] == pytest.approx(wrong.mean())


def test_columns_that_say_nothing_leave_everything_unexplained():
    found = small_columns(SCALED, [TABLE[:, 1]])
    assert found["small_unexplained"] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    "table",
    [
        TABLE,
        TABLE * [1, 50, 1, 1],
        np.column_stack([1e4 * TABLE[:, 0], np.eye(8)[RNG.integers(0, 8, 600)]]),  # one-hot
        np.column_stack([1e4 * TABLE[:, 0], RNG.poisson(0.05, 600)]),  # counts of a rare word
        np.column_stack([np.where(np.arange(600) % 20, TABLE[:, 0], -9999), TABLE]),  # a marker
        np.column_stack([1e4 * TABLE[:, 0], np.ones(600)]),  # a constant
    ],
)
def test_ordinary_tables_have_none(table):
    assert small_columns(table, [NOISY]) == {"small_columns": 0}


@pytest.mark.parametrize(
    "table", [TABLE[:20], RNG.random((600, 8, 8)), np.full((600, 3), np.nan), TABLE[:, :1]]
)
def test_what_is_no_table_of_enough_rows_is_not_read(table):
    assert small_columns(table, [NOISY[: len(table)]]) == {}


def test_several_targets_and_missing_ones_leave_the_errors_unknown():
    for targets in ([], [NOISY, NOISY], [np.full(600, np.nan)]):
        assert "small_unexplained" not in small_columns(SCALED, targets)
