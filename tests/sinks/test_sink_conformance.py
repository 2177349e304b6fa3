from keras_babysit import sinks
from keras_babysit.testing.sinks import parametrize_checks
from tests.sinks.cases import CASES
from tests.sinks.trackers import TRACKERS


def test_the_cases_cover_every_public_sink():
    public = [getattr(sinks, name) for name in sinks.__all__]
    names = {kind.__name__ for kind in public if issubclass(kind, sinks.Sink)}
    assert {name.partition("-")[0] for name in {*CASES, *TRACKERS}} == names


def test_public_names_are_sorted():
    assert sinks.__all__ == sorted(sinks.__all__)


@parametrize_checks(CASES)
def test_sink(case, check, tmp_path):
    check(case, tmp_path)
