"""The interval of paired differences covers the true difference as often as it says."""

import math

import numpy as np
import pytest

from keras_babysit.remedies import paired_interval


@pytest.mark.parametrize(
    ("of_replicates", "of_examples"), [(0.0, 1.0), (1.0, 0.0), (0.3, 1.0)], ids=str
)
def test_it_covers_the_difference_in_95_of_100_trials(of_replicates, of_examples):
    """4 standard errors of a fraction of 0.95 in 2,000 draws are 0.02."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(2000):
        replicates = of_replicates * rng.normal(size=(3, 1))
        examples = of_examples * rng.normal(size=(1, 40))
        rest = 0.5 * rng.normal(size=(3, 40))
        interval = paired_interval(0.2 + replicates + examples + rest)
        covered += interval.low <= 0.2 <= interval.high
    assert covered / 2000 >= 0.93


def test_three_replicates_that_agree_by_chance_are_no_proof():
    """4 standard errors of a fraction of 0.05 in 4,000 draws are 0.014; on average it is 0.05.

    What is left to chance by the replicates is as large as by single examples: the variance of the
    examples is estimated well, that of the replicates is not.
    """
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(4000):
        rest = 8.0 * rng.normal(size=(3, 64))
        interval = paired_interval(rng.normal(size=(3, 1)) + rest)
        missed += not interval.low <= 0.0 <= interval.high
    assert missed / 4000 <= 0.05


def test_one_replicate_has_no_interval_and_equal_differences_have_no_width():
    one = paired_interval(np.array([[1.0, 2.0]]))
    assert (one.mean, one.low, one.high) == (1.5, -math.inf, math.inf)
    equal = paired_interval(np.full((3, 10), -0.5))
    assert (equal.low, equal.high) == (-0.5, -0.5)
