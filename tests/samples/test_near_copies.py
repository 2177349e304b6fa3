"""Which examples may be equal by chance."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from keras_babysit.samples.copies import count_copies, is_fine_grained

RNG = np.random.default_rng(0)
DIGITS = load_digits().images[RNG.permutation(1797)]


@pytest.mark.parametrize(
    ("rows", "is_fine"),
    [
        (DIGITS, True),
        (DIGITS > 7, True),  # black and white
        (DIGITS == 16, False),  # what an integer division by the maximum leaves
        (RNG.random((500, 3)), True),
        (RNG.integers(0, 3, (500, 4)), False),
        (RNG.random((500, 2000)) < 0.01, True),  # words of a text
        (np.eye(100)[RNG.integers(0, 100, 500)], False),
    ],
    ids=["grey", "black-and-white", "divided", "table", "codes", "words", "one-hot"],
)
def test_rows_that_may_be_equal_by_chance(rows, is_fine):
    assert is_fine_grained(rows) is is_fine


def test_copies_are_counted_only_where_chance_does_not_make_them():
    for images, expected in ((DIGITS, {0}), (DIGITS == 16, {None})):
        found = count_copies([images[:1400].astype("float32")], [images[1400:].astype("float32")])
        assert {found.get("copies")} == expected
    copied = np.concatenate([DIGITS[1400:], DIGITS[:100]])
    assert count_copies([DIGITS[:1400]], [copied])["copies"] == 100
