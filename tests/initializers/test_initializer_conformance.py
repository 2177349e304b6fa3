import inspect

import pytest

from keras_babysit import initializers
from tests.conformance.initializers import CHECKS, ROWS


def test_table_covers_every_public_initializer():
    public = {name for name in initializers.__all__ if inspect.isclass(getattr(initializers, name))}
    assert {name.partition("-")[0] for name in ROWS} == public


def test_public_names_are_sorted():
    assert initializers.__all__ == sorted(initializers.__all__)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("row", ROWS)
def test_initializer(row, check):
    CHECKS[check](ROWS[row])
