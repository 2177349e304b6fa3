"""`kb-report LOGDIR`: reports the findings of the runs in a log folder.

It prints headline and first remedy of each run, and with `--run` the whole report of one.

It reads what `Babysitter(log_dir=...)` and the `JsonLines` sink write, of runs that are finished,
running or were killed; and each `trial.json` of a trial of remedies. The exit status is 0. It is 1
if `--fail-on` is given and a finding of that severity or above, or of that rule, is open, and 2 if
there is no run that was measured.
"""

from __future__ import annotations

import argparse
import difflib
import io
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.text import Text

from keras_babysit.dashboard.library import Library
from keras_babysit.findings import CONDITIONS, Severity
from keras_babysit.presentation.trial_table import read_trials, trial_table
from keras_babysit.presentation.verdict_view import view
from keras_babysit.presentation.wording import ascii_signs, name, one_line
from keras_babysit.sinks import Report

WELL, FAILED, NOTHING = 0, 1, 2
"""Exit statuses."""

STATES = {
    "finished": "finished",
    "running": "running, or killed recently",
    "cut off": "incomplete: the run was killed, or monitoring failed",
}


@dataclass(frozen=True)
class RunReport:
    """The report of one run; `report` is None if the file cannot be read."""

    name: str
    state: str
    problem: str
    report: Report | None

    @property
    def is_judged(self) -> bool:
        """Whether the run was measured; without measurements, no findings do not mean well."""
        report = self.report
        return report is not None and (len(report.history) > 0 or bool(report.findings))

    def has_open(self, what: str) -> bool:
        """Return whether a finding of a severity or above, or of a rule, is open."""
        found = [one for one in (self.report.findings if self.report else []) if one.is_open]
        level = Severity.__members__.get(what.upper())
        if level is not None:
            return any(one.severity >= level for one in found)
        return any(one.rule == what for one in found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    screen, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    if not _is_folder(options.logdir):
        errors.print(Text(f"No such folder: {one_line(options.logdir)}"))
        return NOTHING
    runs = [one for one in _read(options.logdir) if options.run in (None, one.name)]
    if not runs:
        errors.print(Text(_nothing(options)))
        return NOTHING
    if problem := _unknown(options.fail_on, runs):
        errors.print(Text(problem))
        return NOTHING
    if options.html and len(runs) > 1 and _is_page(options.html):
        message = f"{len(runs)} runs cannot be written to one file. Use --run, or a folder."
        errors.print(Text(message))
        return NOTHING
    try:
        _write(options, runs, screen)
    except OSError as error:
        errors.print(Text(f"The report cannot be written: {error}"))
        return NOTHING
    return _status(runs, options.fail_on)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kb-report",
        description="Report what keras-babysit found in the runs of a log folder.",
        epilog="Exit status: 0; 1 if a finding that --fail-on names is open; 2 if there is no run "
        "that was measured.",
    )
    parser.add_argument("logdir", metavar="LOGDIR", help="folder with event files or JSON lines")
    parser.add_argument(
        "--run", metavar="NAME", help="print the whole report of the run of this name"
    )
    parser.add_argument(
        "--html",
        metavar="PATH",
        type=Path,
        help="write an HTML report to this file, or to this folder for several runs",
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON, with the verdict of each run"
    )
    parser.add_argument(
        "--fail-on",
        metavar="WHAT",
        action="append",
        default=[],
        help="fail if a finding of this severity or above is open (note, warning or error), or one "
        "of the rule of this name; may be given more than once",
    )
    return parser


def _unknown(failures: Sequence[str], runs: Sequence[RunReport]) -> str:
    """Return what is wrong with `--fail-on`: a misspelled rule must not pass in silence."""
    levels = [level.name.lower() for level in Severity]
    rules = {condition.name for condition in CONDITIONS}
    for one in runs:  # rules of one's own
        if one.report is not None:
            rules |= {*(one.report.history.facts.rules or ())}
            rules |= {found.rule for found in one.report.findings}
    for text in failures:
        if text not in levels and text not in rules:
            near = difflib.get_close_matches(text, [*levels, *sorted(rules)], 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            return (
                "--fail-on must be note, warning, error or the name of a rule. Received: "
                f"{one_line(text, 80)}.{hint}"
            )
    return ""


def _is_folder(path: str) -> bool:
    return "://" in path or Path(path).is_dir()


def _is_page(path: Path) -> bool:
    return path.suffix.lower() in (".html", ".htm")


def _read(folder: str) -> Iterator[RunReport]:
    library = Library({"": folder})
    for found in sorted(library.find(), key=lambda run: run.name):
        try:
            with library.open(found.id) as run:
                yield RunReport(found.name, run.state, run.problem, run.log.report())
        except OSError as error:
            problem = f"This run cannot be read: {error.strerror or error}"
            yield RunReport(found.name, "", problem, None)


def _nothing(options: argparse.Namespace) -> str:
    if options.run is not None:
        return f"No run named {one_line(options.run)} in {one_line(options.logdir)}."
    return (
        f"No keras-babysit run in {one_line(options.logdir)}. Runs are written by "
        'kb.Babysitter(log_dir="...") or kb.Babysitter(sinks=[kb.sinks.JsonLines("run.jsonl")]).'
    )


def _write(options: argparse.Namespace, runs: Sequence[RunReport], screen: Console) -> None:
    if options.html is not None:
        for path, report in _pages(options.html, runs):
            path.parent.mkdir(parents=True, exist_ok=True)
            report.to_html(path)
            if not options.json:
                screen.print(Text(f"wrote {path}", "dim"))
    if options.json:
        sys.stdout.write(json.dumps({"runs": [_record(one) for one in runs]}, indent=2) + "\n")
        return
    for run in runs:
        _show(run, screen, is_brief=options.run is None)
    for where, rows, note in read_trials(options.logdir):
        _show_trial(where, rows, note, screen)


def _pages(path: Path, runs: Sequence[RunReport]) -> list[tuple[Path, Report]]:
    """Return the path of each page: `path` itself if it is a file, else a file in that folder."""
    reports = [(one.name, one.report) for one in runs if one.report is not None]
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


def _record(run: RunReport) -> dict[str, object]:
    report = None if run.report is None else json.loads(run.report.to_json())
    return {
        "name": run.name,
        "state": run.state,
        "problem": run.problem,
        "report": report,
    }


def _show(run: RunReport, screen: Console, *, is_brief: bool) -> None:
    """Print a run: headline and first remedy, or the whole report."""
    heading = Text.assemble((name(run.name, 60), "bold"))
    if run.state:
        heading.append(f"  {STATES[run.state]}", "dim")
    screen.print()
    screen.print(heading)
    if run.problem:
        screen.print(Text(one_line(run.problem), "yellow"))
    if run.report is None:
        return
    shown: RenderableType = _brief(run.report) if is_brief else run.report
    if screen.encoding.startswith("utf"):
        screen.print(shown)
    else:
        screen.print(Text(ascii_signs(_printed(shown))))


def _show_trial(path: str, rows: list[list[str]], note: str, screen: Console) -> None:
    """Print the table of a trial of remedies."""
    screen.print()
    screen.print(Text.assemble(("Remedies that were tried", "bold"), (f"  {path}", "dim")))
    shown: RenderableType = Group(trial_table(rows), *([Text(note)] if note else []))
    if not screen.encoding.startswith("utf"):
        shown = Text(ascii_signs(_printed(shown)))
    screen.print(shown)


def _brief(report: Report) -> RenderableType:
    """Return headline, first remedy and final losses."""
    shown = view(report.verdict)
    lines = [Text.assemble((shown.headline, "bold"), (_counts(report), "dim"))]
    if shown.do_first is not None:
        lines.append(Text.assemble(("Do this first: ", "bold"), shown.do_first.text))
        # Not wrapped, so that the code can be copied.
        lines += [
            Text(f"    {line}", "cyan", no_wrap=True, overflow="ignore")
            for line in shown.do_first.code.splitlines()
        ]
    return Group(*lines, *(Text(line, "dim") for line in report.summary()))


def _counts(report: Report) -> str:
    return f"  ({report.result()})" if report.findings else ""


def _printed(renderable: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=100, color_system=None)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get().rstrip("\n")


def _status(runs: Sequence[RunReport], fail_on: Sequence[str]) -> int:
    if any(one.has_open(what) for one in runs for what in fail_on):
        return FAILED
    return WELL if all(one.is_judged for one in runs) else NOTHING


if __name__ == "__main__":
    sys.exit(main())
