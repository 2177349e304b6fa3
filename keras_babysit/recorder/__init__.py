"""When it goes wrong: find the first bad value, and go back to before it.

`health` holds the state of the run that session, rules and recorder ask. `FlightRecorder` wires the
rest: `snapshot` and `ring` keep, `replay` trains again, `step_inspector` reads one step, `locate`
finds in it, `bundle` writes. `reproduce` is the script of a bundle.
"""

from keras_babysit.recorder.flight_recorder import FlightRecorder
from keras_babysit.recorder.rescue import Rescue, read_rescue

__all__ = ["FlightRecorder", "Rescue", "read_rescue"]
