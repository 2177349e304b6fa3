"""The report of the checks before training."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import rich.console
from rich.table import Table
from rich.text import Text

from keras_babysit import markup
from keras_babysit.checks.result import CheckLine
from keras_babysit.findings import Finding, Severity, Verdict, verdict_of
from keras_babysit.history import History, Overhead, to_jsonable
from keras_babysit.presentation.wording import one_line
from keras_babysit.sinks import Report

STYLES = {
    "ok": "green",
    "note": "cyan",
    "warning": "yellow",
    "error": "red",
    "unknown": "dim",
}


class CheckReport(Report):
    """The results of the checks before training.

    `print(report)` shows the verdict, causes first, and a table with the columns check, verdict and
    evidence.

    Args:
        history: The measurements.
        outcomes: One `CheckLine` per check, in order.
        overhead: Time that the checks took; None if unknown.

    Attributes:
        findings: All findings of the checks.
        outcomes: The lines of the table.
    """

    def __init__(
        self, history: History, outcomes: Iterable[CheckLine], overhead: Overhead | None = None
    ) -> None:
        self.outcomes = list(outcomes)
        super().__init__(history, [a for line in self.outcomes for a in line.findings], overhead)

    def __getitem__(self, check: str) -> CheckLine:
        """Return the `CheckLine` of the check named `check`.

        Raises:
            KeyError: If no check of that name ran.
        """
        for line in self.outcomes:
            if line.check == check:
                return line
        raise KeyError(check)

    @property
    def is_well(self) -> bool:
        """Whether there are no findings, and the verdict of at least one check is "ok"."""
        return not self.findings and any(line.verdict == "ok" for line in self.outcomes)

    @property
    def verdict(self) -> Verdict:
        """The verdict; checks without a result are listed in its `not_checked`."""
        unknown = [line for line in self.outcomes if line.verdict == "unknown"]
        notes = [Finding(one.check, Severity.NOTE, "", _not_checked(one)) for one in unknown]
        return verdict_of(self.findings, self.history, not_checked=notes)

    def result(self) -> str:
        """Return the result as text, e.g. `"1 error; 2 of 9 checks have no result"`."""
        unknown = sum(line.verdict == "unknown" for line in self.outcomes)
        if unknown == len(self.outcomes):
            return "No check has a result"
        found = "No problems found" if not self.findings else super().result()
        verb = "has" if unknown == 1 else "have"
        missing = f"; {unknown} of {len(self.outcomes)} checks {verb} no result" if unknown else ""
        return found + missing

    def summary(self) -> list[str]:
        """Return a line with the time that the checks took; empty if unknown."""
        return [] if self.overhead is None else [f"checks took {self.overhead.seconds:.1f} s"]

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the report as JSON, with one entry per check, and write it to `path` if given."""
        record = json.loads(super().to_json())
        record["checks"] = [to_jsonable(line.to_json()) for line in self.outcomes]
        text = json.dumps(record, allow_nan=False, indent=2) + "\n"
        if path is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return text

    def _repr_html_(self) -> str:
        rows = [(line.check, line.verdict, one_line(line.evidence)) for line in self.outcomes]
        table = markup.table(("check", "verdict", "evidence"), rows)
        return markup.fragment(self.as_card(), markup.fold("All checks", table))

    def as_text(self, *, is_brief: bool = False) -> rich.console.RenderableType:
        """Return verdict and table of the checks, to print with `rich`; there is one form only."""
        del is_brief
        result = Text(f"keras-babysit, before training: {self.result()}", "bold")
        lines = [Text(line, "dim") for line in self.summary()]
        first = super().as_text() if self.findings else rich.console.Group(result, "", *lines)
        return rich.console.Group(first, "", _table(self.outcomes))


def _not_checked(line: CheckLine) -> str:
    return f"{line.check}: not checked, because {line.evidence}"


def _table(outcomes: Sequence[CheckLine]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", highlight=False)
    for heading in ("check", "verdict"):
        table.add_column(heading, no_wrap=True)
    table.add_column("evidence", ratio=1)
    for line in outcomes:
        style = STYLES[line.verdict]
        table.add_row(line.check, Text(line.verdict, style), Text(one_line(line.evidence), "dim"))
    return table
