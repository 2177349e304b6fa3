from keras_babysit import layers
from keras_babysit.testing.layers import parametrize_checks
from tests.layers.cases import CASES

CLASSES = {name for name in layers.__all__ if isinstance(getattr(layers, name), type)}


def test_the_cases_cover_every_public_layer():
    assert {name.partition("-")[0] for name in CASES} == CLASSES


def test_public_names_are_sorted():
    assert layers.__all__ == sorted(layers.__all__)


@parametrize_checks(CASES)
def test_layer(case, check):
    check(case)
