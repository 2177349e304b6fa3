"""What every sink must do, as checks.

A check takes a `SinkCase` and an empty folder and fails by assertion.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_babysit import sinks
from keras_babysit.findings import Change, Event, Finding, Remedy, Severity
from keras_babysit.history import History, Measurement, Overhead
from keras_babysit.testing.parametrize import parametrize


@dataclasses.dataclass(frozen=True)
class SinkCase:
    """One sink in one configuration.

    Args:
        make: Returns a new sink that writes into a folder.
        read: Returns all that was written to the folder, as the texts and names that a user sees.
        reports_findings: Whether it shows findings at all.
    """

    make: Callable[[Path], sinks.Sink]
    read: Callable[[Path], list[str]]
    reports_findings: bool = True


def parametrize_checks(cases: Mapping[str, SinkCase]) -> pytest.MarkDecorator:
    """Return a decorator that calls a test with every `case` and every `check`.

    Args:
        cases: Sinks by name, one per configuration that matters.

    Example:
        >>> case = SinkCase(lambda folder: sinks.Sink(), lambda folder: [], reports_findings=False)
        >>> @parametrize_checks({"silent": case})
        ... def test_sinks(case, check, tmp_path):
        ...     check(case, tmp_path)
    """
    return parametrize(cases, CHECKS)


HOSTILE_NAMES = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "two\nlines\rand\ttabs",
    "x" * 10_000,
    "a/" * 5_000,
    "../../../etc/passwd",
    "couche_cachée_層_🧠",
    "\x1b[31mred\x1b[0m\x07\x00",
    "[bold]markup[/bold] [/]",
    "`code` **bold** {{verdict}} $&",
    "\ud800 lone surrogate",
    "\u202ereversed",
    "",
)
"""Names of layers and rules that a user may have, and that break careless writers."""

FINDING = Finding(
    "dead_units",
    Severity.WARNING,
    "dense",
    "80 of 100 units are dead",
    {"dead_fraction": 0.8},
    (Remedy("Lower the learning rate.", "optimizer.learning_rate = 1e-4"),),
    "a source",
    step=10,
)
"""A finding as a rule returns it."""


def opened(finding: Finding, step: int = 10) -> Event:
    """Return the event of a finding that is new at a step."""
    return Event(Change.OPENED, replace(finding, step=step), step, 0)


def play(
    sink: sinks.Sink,
    history: History,
    measurements: Sequence[Measurement] = (),
    events: Sequence[Event] = (),
) -> None:
    """Give a sink a run: start, one probe, what changed, end."""
    sink.on_start(history)
    if measurements:
        history.extend(measurements)
        sink.on_measurements(measurements)
    if events:
        sink.on_events(events)
    findings = [event.finding for event in events]
    sink.on_end(sinks.Report(history, findings, Overhead(0.1, 10.0, 1)))


def written_by(case: SinkCase, folder: Path, **kwargs: Any) -> list[str]:
    """Return what a sink has written of a run."""
    play(case.make(folder), History(), **kwargs)
    return case.read(folder)


def check_shows_findings(case: SinkCase, folder: Path) -> None:
    """Message and remedy are in the output, in plain text."""
    written = "\n".join(written_by(case, folder, events=[opened(FINDING)]))
    for words in ("80 of 100 units are dead", "Lower the learning rate", "learning_rate = 1e-4"):
        assert (words in written) == case.reports_findings


def check_shows_nothing_twice(case: SinkCase, folder: Path) -> None:
    """One event is shown once."""
    written = "\n".join(written_by(case, folder, events=[opened(FINDING)]))
    assert written.count("80 of 100 units are dead") == int(case.reports_findings)


def check_survives_an_empty_run(case: SinkCase, folder: Path) -> None:
    """A run may end before its first step."""
    written_by(case, folder)


def check_survives_hostile_names(case: SinkCase, folder: Path) -> None:
    """Names are written as data: no markup, no control characters, no path."""
    hostile = [
        replace(
            FINDING,
            rule=name,
            target=name,
            message=name,
            evidence={name: name},
            remedies=(Remedy(name, name),),
            reference=name,
        )
        for name in HOSTILE_NAMES
    ]
    measurements = [Measurement(1, 0, "activations/std", name, 1.0) for name in HOSTILE_NAMES]
    written = written_by(case, folder, measurements=measurements, events=[*map(opened, hostile)])
    assert not any("\x1b[31m" in text or "\x07" in text for text in written)


def check_survives_non_finite_values(case: SinkCase, folder: Path) -> None:
    """NaN and infinities may be in values, vectors and evidence."""
    values = (float("nan"), float("inf"), -float("inf"), np.float32("nan"))
    vector = np.array([np.nan, np.inf, 0.5], np.float32)
    measurements = [
        *(Measurement(1, 0, "loss/batch", str(value), value) for value in values),
        Measurement(1, 0, "activations/gate", "some", vector),
        Measurement(1, 0, "activations/gate", "all", vector[:2]),
        Measurement(1, 0, "activations/gate", "none", vector[:0]),
    ]
    evidence = {"loss": float("nan"), "array": vector, "none": None, "numpy": np.float32("inf")}
    events = [opened(replace(FINDING, evidence=evidence, message=""))]
    written_by(case, folder, measurements=measurements, events=events)


def check_takes_numpy_steps(case: SinkCase, folder: Path) -> None:
    """Steps and values may be numpy scalars."""
    measurements = [Measurement(np.int64(3), np.int64(0), "loss/batch", "", np.float32(1))]
    written_by(case, folder, measurements=measurements, events=[opened(FINDING, np.int64(3))])


def check_serves_two_runs(case: SinkCase, folder: Path) -> None:
    """One object may be used for one run after the other."""
    sink = case.make(folder)
    play(sink, History(), [Measurement(1, 0, "loss/batch", "", 1.0)], [opened(FINDING)])
    play(sink, History(), [Measurement(1, 0, "loss/batch", "", 2.0)], [opened(FINDING)])


def check_serves_a_run_after_one_that_broke_off(case: SinkCase, folder: Path) -> None:
    """The run before may have had no end."""
    sink = case.make(folder)
    sink.on_start(History())
    play(sink, History(), [Measurement(1, 0, "loss/batch", "", 1.0)], [opened(FINDING)])


def check_can_be_read_while_the_run_goes_on(case: SinkCase, folder: Path) -> None:
    """A killed run leaves what was reported so far."""
    sink, history = case.make(folder), History()
    sink.on_start(history)
    sink.on_measurements([Measurement(1, 0, "loss/batch", "", 1.0)])
    sink.on_events([opened(FINDING)])
    assert (
        any("80 of 100 units are dead" in text for text in case.read(folder))
        == case.reports_findings
    )
    sink.on_end(sinks.Report(history, [], Overhead(0.1, 10.0, 1)))


def check_keeps_to_its_folder(case: SinkCase, folder: Path) -> None:
    """No name leads to a file outside of its folder."""
    inside = folder / "one" / "two" / "inside"
    inside.mkdir(parents=True)
    names = ["../escape", "../../escape", str(folder / "absolute"), "..\\windows"]
    measurements = [Measurement(1, 0, "activations/std", name, 1.0) for name in names]
    events = [opened(replace(FINDING, rule=name, target=name)) for name in names]
    written_by(case, inside, measurements=measurements, events=events)
    outside = {*folder.rglob("*")} - {*inside.rglob("*"), *inside.parents, inside}
    assert outside == set()


CHECKS: dict[str, Callable[[SinkCase, Path], None]] = {
    "shows-findings": check_shows_findings,
    "shows-nothing-twice": check_shows_nothing_twice,
    "survives-an-empty-run": check_survives_an_empty_run,
    "survives-hostile-names": check_survives_hostile_names,
    "survives-non-finite-values": check_survives_non_finite_values,
    "takes-numpy-steps": check_takes_numpy_steps,
    "serves-two-runs": check_serves_two_runs,
    "serves-a-run-after-one-that-broke-off": check_serves_a_run_after_one_that_broke_off,
    "can-be-read-while-the-run-goes-on": check_can_be_read_while_the_run_goes_on,
    "keeps-to-its-folder": check_keeps_to_its_folder,
}
