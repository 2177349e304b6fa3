import inspect

from keras_babysit import initializers
from keras_babysit.testing.initializers import parametrize_checks
from tests.initializers.cases import CASES


def test_the_cases_cover_every_public_initializer():
    public = {name for name in initializers.__all__ if inspect.isclass(getattr(initializers, name))}
    assert {name.partition("-")[0] for name in CASES} == public


def test_public_names_are_sorted():
    assert initializers.__all__ == sorted(initializers.__all__)


@parametrize_checks(CASES)
def test_initializer(case, check):
    check(case)
