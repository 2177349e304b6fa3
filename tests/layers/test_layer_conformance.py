import pytest

from keras_babysit import layers
from tests.conformance.layers import CHECKS, ROWS


def test_table_covers_every_public_layer():
    assert {name.partition("-")[0] for name in ROWS} == set(layers.__all__)


def test_public_names_are_sorted():
    assert layers.__all__ == sorted(layers.__all__)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("row", ROWS)
def test_layer(row, check):
    CHECKS[check](ROWS[row])
