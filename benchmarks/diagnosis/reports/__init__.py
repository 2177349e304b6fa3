"""Public reports of failed trainings, rebuilt as small programs: the part *reports*.

Each file holds the reports of one kind. A report is a function that returns the faulty or the
repaired program; its docstring says what went wrong, and its decorator names the public thread.
What a right answer names is in `expectations.py`, written before the first monitored run.
"""

from benchmarks.diagnosis.reports import (
    attention,
    batch_normalization,
    class_weights,
    data_preparation,
    fine_tuning,
    generative,
    leakage,
    output_and_loss,
    own_loss,
    own_step,
    precision,
    second,
    sequences,
    settings,
    several_outputs,
)
from benchmarks.diagnosis.reports.programs import programs
from benchmarks.diagnosis.reports.report import KINDS, REPORTS, Report, Training

PROGRAMS = (
    attention,
    batch_normalization,
    class_weights,
    data_preparation,
    fine_tuning,
    generative,
    leakage,
    output_and_loss,
    own_loss,
    own_step,
    precision,
    sequences,
    settings,
    several_outputs,
    *second.PROGRAMS,
)
"""The modules that register reports on import."""

__all__ = ["KINDS", "PROGRAMS", "REPORTS", "Report", "Training", "programs"]
