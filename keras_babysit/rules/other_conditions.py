"""Conditions that the recorder and the callbacks report, not a rule."""

from keras_babysit.findings import Condition, Severity
from keras_babysit.rules.effects import BLOWN_UP, POOR_FIT

FLIGHT_RECORDER = Condition(
    "flight_recorder",
    title="First bad value",
    explains=(*BLOWN_UP, *POOR_FIT),
    severity=Severity.ERROR,
    has_page=True,
    about="""Report where a run first had a value that is not finite, or where its loss exploded.

With `record="record"`, the last good state and the latest batches are kept. When the loss or a
weight is no longer finite, training is replayed on them, bit for bit, until the first bad value
appears: its step, layer, quantity, batch and example are reported, and a bundle with a script
that reproduces it is written.

It is silent without `record`, and says so if the replay does not reach the same values.

Reference:
    Replay of the recorded batches from the last good state.
""",
)
RESCUE = Condition(
    "rescue",
    title="Run rescued",
    severity=Severity.NOTE,
    has_page=True,
    about="""Report that the last good state of a run was restored.

With `rescue=True`, weights, optimizer and seeds of the last good step are restored when values are
no longer finite or the loss explodes, and training stops. With `rescue=kb.Rescue(...)` it goes on
from there, with a lower learning rate or without the bad batch. The message says which step was
restored and why.
""",
)
NOT_WATCHED = Condition(
    "not_watched",
    title="Not measured",
    severity=Severity.NOTE,
    is_notice=True,
    has_page=True,
    about="""Report what of a run was not measured, why, and which argument changes that.

A measurement is left out if it does not fit the budget of the run, if the model cannot be measured
that way, or if it failed. Conditions that need it are listed as not checked: that nothing was found
does not mean that they do not hold.
""",
)
NOT_DONE = Condition(
    "not_done",
    title="Option disabled",
    is_notice=True,
    has_page=True,
    about="""Report an option that was set but has no effect in this run, and why.

`stop_on` and `rescue` act on the whole run. They are disabled where that could damage it, for
example where one of several workers would stop and leave the others waiting.
""",
)
