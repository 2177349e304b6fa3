"""Columns in which a number stands for missing values."""

import numpy as np
import pytest

from keras_babysit.samples.markers import find_markers

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(500, 4))
ROWS = RNG.random(500) < 0.08


def changed(marker, rows=ROWS, column=1):
    made = TABLE.copy()
    made[rows, column] = marker
    return made


def standardized(table):
    return (table - table.mean(axis=0)) / table.std(axis=0)


@pytest.mark.parametrize("marker", [-999, -99, 9999])
@pytest.mark.parametrize("scale", [np.asarray, standardized], ids=["raw", "standardized"])
def test_markers_are_found_before_and_after_scaling(marker, scale):
    table = scale(changed(marker))
    found = find_markers(table)
    assert (found["marked_columns"], found["first_marked"]) == (1, 1)
    assert found["marker"] == table[ROWS, 1][0]
    assert found["marked_fraction"] == pytest.approx(ROWS.mean())
    others = table[~ROWS, 1]
    assert (found["unmarked_low"], found["unmarked_high"]) == (others.min(), others.max())


def test_markers_in_sequences_of_features_are_found():
    sequences = changed(-999).reshape(50, 10, 4)
    assert find_markers(sequences)["first_marked"] == 1


@pytest.mark.parametrize(
    "table",
    [
        TABLE,
        changed(-5.0),  # near the others
        changed(-999, rows=np.arange(500) < 4),  # too few: outliers
        changed(0.0, rows=RNG.random(500) < 0.9),  # inside the range of the others
        np.eye(5)[RNG.integers(0, 5, 500)],  # one-hot
        np.where(ROWS[:, None], 0.0, 1000 + 300 * TABLE**2),  # many are 0, others are spread
        np.maximum(TABLE, 0),  # cut off at 0
        np.round(np.exp(3 * TABLE)),  # a long tail
        RNG.poisson(0.1, (500, 4)).astype(float),  # rare counts
        np.where(ROWS[:, None], 100.0, RNG.integers(0, 3, (500, 4))),  # levels of a code
        RNG.random((20, 8, 8, 3)),  # images
    ],
)
def test_ordinary_columns_have_none(table):
    assert not find_markers(table).get("marked_columns")


def test_of_wide_tables_some_columns_are_read():
    wide = np.repeat(changed(-999)[:, 1:2], 600, axis=1)
    assert find_markers(wide)["marked_columns"] == 200
