"""When a run is looked at: pure functions of the step and the epoch."""

import itertools

import pytest

from keras_babysit.schedule.looks import Ends, Looks, power_of_two


@pytest.mark.parametrize(
    ("looks", "planned", "expected"),
    [
        (Looks(), 40, [0, 1, 2, 4, 8, 16, 32]),
        (Looks(spacing=8), 33, [0, 1, 2, 4, 8, 16, 24, 32]),
        (Looks(spacing=1), 4, [0, 1, 2, 3]),
        (Looks(growth=4), 300, [0, 1, 4, 16, 64, 256]),
        (Looks(spacing=32, growth=8), 100, [0, 1, 8, 32, 64, 96]),
        (Looks(growth=None), 10**9, [0]),
    ],
)
def test_steps(looks, planned, expected):
    assert looks.steps(planned) == expected


@pytest.mark.parametrize("looks", [Looks(), Looks(spacing=16), Looks(growth=8)])
def test_the_next_look_does_not_depend_on_the_looks_before(looks):
    steps = looks.steps(1000)
    for before, after in itertools.pairwise(steps):
        assert {looks.after(step) for step in range(before, after)} == {after}


@pytest.mark.parametrize(
    ("ends", "epochs", "expected"),
    [
        (Ends(), 4, [1, 2, 3, 4]),
        (Ends(spacing=4), 13, [1, 2, 4, 8, 12]),
        (Ends(spacing=8), 5, [1, 2, 4]),
        (Ends(spacing=None), 5, []),
    ],
)
def test_ends(ends, epochs, expected):
    assert [epoch for epoch in range(1, epochs + 1) if epoch in ends] == expected


@pytest.mark.parametrize("spacing", [None, 1, 2, 4, 8, 16])
def test_the_count_of_ends_includes_the_last(spacing):
    ends = Ends(spacing)
    for epochs in range(1, 40):
        looked = {epoch for epoch in range(1, epochs + 1) if epoch in ends} | {epochs}
        assert ends.count(epochs) == len(looked)


def test_powers_of_two_are_rounded_up():
    assert [power_of_two(number) for number in (0, 1, 1.1, 2, 3, 1000)] == [1, 1, 2, 2, 4, 1024]
