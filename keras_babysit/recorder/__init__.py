"""The flight recorder: finds the first bad value of a run, and restores the state before it.

`health` holds the state of the run that session, rules and recorder ask. `FlightRecorder` wires the
parts. `attachment`: takes part in each step. `batch_keeper` with `ring`, `state_keeper` with
`snapshot` and `vitals`: what is kept, and whether it is good. `incident` with `replay`,
`step_inspector`, `locate` and `explosion`: what happened, as a `fault`. `reporter` with `bundle`:
what is reported and written. `rescuer`: what is restored. `reproduce` is the script of a bundle.
"""

from keras_babysit.recorder.flight_recorder import FlightRecorder
from keras_babysit.recorder.rescue import Rescue, read_rescue

__all__ = ["FlightRecorder", "Rescue", "read_rescue"]
