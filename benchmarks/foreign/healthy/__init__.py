"""Public programs that train as they should, rebuilt small, and what `Babysitter` says of them.

Each was rebuilt from an example or a guide of Keras, with generated data and in other words, or is
what people do every day. What may truthfully be reported was written down before the first run.
`python -m benchmarks.foreign healthy` trains them at default settings, also for one epoch, and
counts the warnings and errors.
"""

from benchmarks.foreign.healthy import (
    daily,
    habits,
    losses,
    own,
    sequences,
    tables,
    vision,
)
from benchmarks.foreign.healthy.program import HEALTHY, Healthy

PROGRAMS = (daily, habits, losses, own, sequences, tables, vision)
"""The modules that register programs on import."""

__all__ = ["HEALTHY", "PROGRAMS", "Healthy"]
