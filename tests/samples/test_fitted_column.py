"""A column whose relation to the training targets is lost on the validation data."""

import numpy as np
import pytest

from keras_babysit.samples.fitted_column import compare_columns


def encoded(rng, *, own, rows=1000, shops=400):
    """Return the mean target of each row's shop, with or without the row itself, and the rest."""
    shop, x, y = rng.integers(0, shops, rows + 300), *rng.normal(size=(2, rows + 300))
    sums, counts = (np.bincount(shop[:rows], w, shops) for w in (y[:rows], np.ones(rows)))
    is_left_out = (np.arange(rows + 300) < rows) & (not own)
    left = np.maximum(counts[shop] - is_left_out, 1)
    code = (sums[shop] - is_left_out * y) / left
    table = np.stack([x, code], axis=1)
    return ([table[:rows]], [table[rows:]]), ([y[:rows]], [y[rows:]])


@pytest.mark.parametrize("seed", range(5))
def test_a_mean_that_counts_the_row_itself_is_found(seed):
    found = compare_columns(*encoded(np.random.default_rng(seed), own=True))
    assert (found["fitted_input"], found["fitted_column"]) == (0, 1)
    assert found["fitted_train"] > 0.3
    assert found["fitted_validation"] < 0.1


@pytest.mark.parametrize("seed", range(5))
def test_a_mean_of_the_other_rows_is_no_leak(seed):
    assert compare_columns(*encoded(np.random.default_rng(seed), own=False)) == {}


def test_one_of_two_classes_is_a_target_too():
    inputs, (y, y_val) = encoded(np.random.default_rng(0), own=True)
    classes = [[(leaf[0] > 0).astype("int32")] for leaf in (y, y_val)]
    assert compare_columns(inputs, classes)["fitted_column"] == 1


@pytest.mark.parametrize("seed", range(20))
def test_series_and_heavy_tails_are_no_leak(seed):
    rng = np.random.default_rng(seed)
    walk = rng.normal(size=1300).cumsum()
    windows = np.stack([walk[i : i + 12] for i in range(1250)])
    steps = np.arange(1250.0)[:, None]
    for x in (windows, steps):
        pair = ([x[:1000]], [x[1000:]])
        assert compare_columns(pair, ([walk[12:1012]], [walk[1012:1262]])) == {}
    x = rng.standard_t(2, size=(1250, 8))
    y = x[:, 0] + rng.standard_t(2, size=1250)
    assert compare_columns(([x[:1000]], [x[1000:]]), ([y[:1000]], [y[1000:]])) == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda x, y: (x[:50], y[:50]),  # too few
        lambda x, y: (x.reshape(-1, 1, 2), y),  # no table
        lambda x, y: (x, np.ones(len(y))),
        lambda x, y: (x, np.arange(len(y)) % 5),  # five classes
        lambda x, y: (np.where(x > 2, np.nan, x), y),
    ],
)
def test_what_cannot_be_compared_is_left_out(change):
    (x, x_val), (y, y_val) = encoded(np.random.default_rng(0), own=True)
    (one, target), (other, held_out) = change(x[0], y[0]), change(x_val[0], y_val[0])
    assert compare_columns(([one], [other]), ([target], [held_out])) == {}
