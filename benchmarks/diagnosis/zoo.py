"""zoo."""

from benchmarks.diagnosis.program import Program


def programs() -> list[Program]:
    return []
