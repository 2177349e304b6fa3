"""`kb-report LOGDIR`: what the runs in a log folder brought, in the terminal or for a script.

It reads what `Babysitter(log_dir=...)` and the `JsonLines` sink wrote, of runs that have ended, go
on, or were killed. The exit status is 0; 1 if `--fail-on` is given and advice as bad as that still
holds; 2 if there is nothing to judge.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from keras_babysit.dashboard.library import Library
from keras_babysit.findings import Severity
from keras_babysit.presentation.wording import name, one_line
from keras_babysit.sinks import Report

WELL, FAILED, NOTHING = 0, 1, 2
"""Exit statuses."""

STATES = {
    "finished": "finished",
    "running": "no end yet: it runs, or was killed a short while ago",
    "cut off": "ended without an end: killed, or watching broke off",
}


@dataclass(frozen=True)
class Reading:
    """What was read of one run; `report` is None if the file cannot be read."""

    name: str
    state: str
    problem: str
    report: Report | None

    @property
    def is_judged(self) -> bool:
        """Whether the run says anything; silence is no all-clear where nobody looked."""
        report = self.report
        return report is not None and (len(report.history) > 0 or bool(report.findings))

    @property
    def worst(self) -> int:
        """The highest severity of what still holds, 0 if nothing does."""
        findings = self.report.findings if self.report else []
        return max((one.severity for one in findings if one.is_open), default=0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    screen, complaints = Console(highlight=False), Console(stderr=True, highlight=False)
    if not _is_folder(options.logdir):
        complaints.print(Text(f"There is no folder {one_line(options.logdir)}."))
        return NOTHING
    readings = [one for one in _read(options.logdir) if options.run in (None, one.name)]
    if not readings:
        complaints.print(Text(_nothing(options)))
        return NOTHING
    if options.html and len(readings) > 1 and _is_page(options.html):
        complaints.print(Text(f"There are {len(readings)} runs: give --html a folder, or --run."))
        return NOTHING
    try:
        _write(options, readings, screen)
    except OSError as error:
        complaints.print(Text(f"The report cannot be written: {error}"))
        return NOTHING
    return _status(readings, options.fail_on)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kb-report",
        description="What keras-babysit found in the runs of a log folder.",
        epilog="Exit status: 0; 1 with --fail-on if advice as bad as that still holds; 2 if there "
        "is nothing to judge.",
    )
    parser.add_argument("logdir", metavar="LOGDIR", help="folder of event files or JSON lines")
    parser.add_argument("--run", metavar="NAME", help="only the run of this name")
    parser.add_argument(
        "--html", metavar="PATH", type=Path, help="write a page: a file, or a folder for many runs"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of the summary")
    parser.add_argument(
        "--fail-on",
        metavar="SEVERITY",
        choices=[level.name.lower() for level in Severity],
        help="note, warning or error",
    )
    return parser


def _is_folder(path: str) -> bool:
    return "://" in path or Path(path).is_dir()


def _is_page(path: Path) -> bool:
    return path.suffix.lower() in (".html", ".htm")


def _read(folder: str) -> Iterator[Reading]:
    library = Library({"": folder})
    for found in sorted(library.find(), key=lambda run: run.name):
        try:
            with library.open(found.id) as run:
                yield Reading(found.name, run.state, run.problem, run.log.report())
        except OSError as error:
            yield Reading(found.name, "", f"It cannot be read: {error.strerror or error}", None)


def _nothing(options: argparse.Namespace) -> str:
    if options.run is not None:
        return f"There is no run {one_line(options.run)} in {one_line(options.logdir)}."
    return (
        f"Nothing of keras-babysit in {one_line(options.logdir)}. Write it with "
        'kb.Babysitter(log_dir="...") or sinks=[kb.sinks.JsonLines("run.jsonl")].'
    )


def _write(options: argparse.Namespace, readings: Sequence[Reading], screen: Console) -> None:
    if options.html is not None:
        for path, report in _pages(options.html, readings):
            path.parent.mkdir(parents=True, exist_ok=True)
            report.to_html(path)
            if not options.json:
                screen.print(Text(f"wrote {path}", "dim"))
    if options.json:
        sys.stdout.write(json.dumps({"runs": [_record(one) for one in readings]}, indent=2) + "\n")
        return
    for reading in readings:
        _show(reading, screen)


def _pages(path: Path, readings: Sequence[Reading]) -> list[tuple[Path, Report]]:
    """Return where each page goes: one run's to the path, those of several into a folder."""
    reports = [(one.name, one.report) for one in readings if one.report is not None]
    if _is_page(path):
        return [(path, report) for _, report in reports]
    taken: set[str] = set()
    pages = []
    for run, report in reports:
        slug = re.sub(r"[^\w.-]+", "_", run)[:100] or "run"
        while slug in taken:
            slug += "_"
        taken.add(slug)
        pages.append((path / f"{slug}.html", report))
    return pages


def _record(reading: Reading) -> dict[str, object]:
    report = None if reading.report is None else json.loads(reading.report.to_json())
    return {
        "name": reading.name,
        "state": reading.state,
        "problem": reading.problem,
        "report": report,
    }


def _show(reading: Reading, screen: Console) -> None:
    heading = Text.assemble((name(reading.name, 60), "bold"))
    if reading.state:
        heading.append(f"  {STATES[reading.state]}", "dim")
    screen.print()
    screen.print(heading)
    if reading.problem:
        screen.print(Text(one_line(reading.problem), "yellow"))
    if reading.report is not None:
        screen.print(reading.report)


def _status(readings: Sequence[Reading], fail_on: str | None) -> int:
    limit = Severity[fail_on.upper()] if fail_on else None
    if limit and any(one.worst >= limit for one in readings):
        return FAILED
    return WELL if all(one.is_judged for one in readings) else NOTHING


if __name__ == "__main__":
    sys.exit(main())
