"""The reports as programs of the benchmark: a faulty and a repaired one each."""

import functools

import keras

from benchmarks.diagnosis.program import Label, Program
from benchmarks.diagnosis.reports import validity
from benchmarks.diagnosis.reports.expectations import EXPECTED
from benchmarks.diagnosis.reports.report import REPORTS, Report


def programs() -> list[Program]:
    """Return both programs of every report that runs on the backend in use."""
    measured = validity.load()
    backend = keras.backend.backend()
    return [
        program
        for report in REPORTS.values()
        if backend in report.backends
        for program in both(report, is_valid=validity.is_valid(measured.get(report.name)))
    ]


def both(report: Report, *, is_valid: bool) -> list[Program]:
    """Return the faulty and the repaired program of a report."""
    expected = EXPECTED[report.name]
    note = "" if is_valid else "not valid: the faulty program does not train worse"
    faulty = Label(
        names=expected.rules,
        accepts=expected.symptom_rules,
        is_scored=is_valid,
        words=(report.kind,),
        note=note,
    )
    labels = {"faulty": faulty, "repaired": Label(is_scored=is_valid, note=note)}
    return [
        Program(
            id=f"{report.name}-{variant}",
            family=f"report-{report.name}",
            part="reports",
            label=label,
            build=functools.partial(report.build, is_repaired=variant == "repaired"),
        )
        for variant, label in labels.items()
    ]


def report_of(program: Program) -> Report:
    """Return the report of one of its programs."""
    return REPORTS[program.family.removeprefix("report-")]


def half_of(name: str) -> str:
    """Return the half of a report by its name."""
    return both(REPORTS[name], is_valid=True)[0].half
