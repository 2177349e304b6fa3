"""What is at fault for units that are dead from the start is what the first remedy changes."""

import pytest

from keras_babysit.actions import SetInitializer
from keras_babysit.rules import dead_units
from tests.rules.table import born_dead, born_dead_by


@pytest.mark.parametrize(
    ("history", "initializer"),
    [(born_dead_by(4.1), ""), (born_dead_by(3.9), "he_normal"), (born_dead(), "he_normal")],
    ids=["biases-outweigh-the-kernel", "the-kernel-outweighs-biases", "neither-is-known"],
)
def test_biases_alone_are_changed_where_they_outweigh_the_kernel(history, initializer):
    (finding,) = dead_units(history)
    first, second = (remedy.change for remedy in finding.remedies[:2])
    assert isinstance(first, SetInitializer)
    assert first.initializer == initializer
    assert initializer or second.initializer == "he_normal"
