from types import SimpleNamespace

import pytest

from keras_babysit.callbacks.settings import Settings
from keras_babysit.callbacks.stopping import Stopping
from keras_babysit.findings import Severity
from tests.callbacks.parts import finding


def stopping(workers=1, **chosen):
    model = SimpleNamespace(stop_training=False)
    return model, Stopping(model, Settings(rules=[], **chosen), workers)


@pytest.mark.parametrize(
    ("stop_on", "workers", "stops"),
    [
        (Severity.WARNING, 1, True),
        (Severity.ERROR, 1, False),
        (None, 1, False),
        (Severity.WARNING, 2, False),
    ],
)
def test_a_finding_that_is_severe_enough_stops_the_run(stop_on, workers, stops):
    model, stop = stopping(workers, stop_on=stop_on)
    stop.stop_if_needed([])
    assert not model.stop_training
    stop.stop_if_needed([finding(severity=Severity.NOTE), finding(severity=Severity.WARNING)])
    assert model.stop_training == stops


@pytest.mark.parametrize(
    ("workers", "chosen", "message"),
    [
        (
            2,
            {"stop_on": Severity.NOTE},
            "`stop_on` is disabled: stopping one of 2 workers would block the other.",
        ),
        (
            3,
            {"stop_on": Severity.NOTE, "record": "folder"},
            "`stop_on` and `record` are disabled: stopping one of 3 workers, or replaying its "
            "steps, would block the others.",
        ),
        (
            2,
            {"rescue": object()},
            "`rescue` is disabled: stopping one of 2 workers, or replaying its steps, would block "
            "the other.",
        ),
    ],
)
def test_one_of_several_workers_says_what_it_must_not_do(workers, chosen, message):
    _, stop = stopping(workers, **chosen)
    (disabled,) = stop.disabled()
    assert (disabled.rule, disabled.message) == ("not_done", message)
    assert stopping(1, **chosen)[1].disabled() == []


def test_where_nothing_was_chosen_nothing_is_disabled():
    assert stopping(2)[1].disabled() == []
