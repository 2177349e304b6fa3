"""Conditions that the recorder and the callbacks report, not a rule."""

from keras_babysit.findings import Condition, Severity
from keras_babysit.rules.effects import BLOWN_UP, POOR_FIT

FLIGHT_RECORDER = Condition(
    "flight_recorder",
    title="First bad value",
    explains=(*BLOWN_UP, *POOR_FIT),
    severity=Severity.ERROR,
)
RESCUE = Condition("rescue", title="Run rescued", severity=Severity.NOTE)
NOT_WATCHED = Condition("not_watched", title="Not measured", severity=Severity.NOTE, is_notice=True)
NOT_DONE = Condition("not_done", title="Option disabled", is_notice=True)
