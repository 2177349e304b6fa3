"""The second set of reports: searched out and written after the rules of the first set.

Whoever writes rules does not look at these programs; of their answers only grades are stored.
"""

from benchmarks.diagnosis.reports.second import (
    data,
    layers,
    leaks,
    losses,
    outputs,
    runs,
    steps,
)

PROGRAMS = (data, layers, leaks, losses, outputs, runs, steps)
"""The modules that register reports on import."""
