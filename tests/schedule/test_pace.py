"""The time per example is measured from passes of two sizes, or guessed from one."""

import pytest

from keras_babysit.schedule.pace import Pace


def paced(*passes, fixed=0.0):
    pace = Pace(fixed=fixed)
    for examples, seconds in passes:
        pace.note(examples, seconds)
    return pace


def test_nothing_is_known_before_the_first_pass():
    assert paced(fixed=1.0).per_example() == paced().most_per_example() == 0.0


def test_one_size_alone_takes_what_is_fixed_from_a_guess():
    assert paced((32, 1.3), fixed=0.98).per_example() == pytest.approx(0.01)
    assert paced((32, 1.3), fixed=0.98).most_per_example() == pytest.approx(1.3 / 32)
    assert paced((32, 1.3), fixed=2.0).per_example() == 0.0
    assert paced((32, 1.3), (40, 1.5), fixed=0.5).per_example() == pytest.approx(1.0 / 40)


def test_two_sizes_tell_it_whatever_the_guess_is():
    pace = paced((32, 1.3), (256, 3.54), fixed=9.0)
    assert pace.per_example() == pace.most_per_example() == pytest.approx(0.01)
    assert paced((256, 1.0), (32, 1.3)).per_example() == 0.0  # noise


def test_the_fastest_pass_of_a_size_counts():
    assert paced((10, 5.0), (10, 1.0), (10, 3.0)).per_example() == pytest.approx(0.1)
