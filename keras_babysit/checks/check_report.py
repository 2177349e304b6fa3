"""The report of the checks: one table, with the same advice as the report of a run."""

import json

import rich.console
from rich.table import Table
from rich.text import Text

from keras_babysit.findings import CONDITIONS, Finding, Severity, verdict_of
from keras_babysit.history import to_jsonable
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
    """What the checks before training found.

    `print(report)` shows a table: check, verdict, evidence, what to do.

    Args:
        history: What was measured.
        outcomes: A `CheckLine` for each check, in their order.
        overhead: What it took.

    Attributes:
        advice: All advice of the checks.
        outcomes: The lines of the table.
    """

    def __init__(self, history, outcomes, overhead=None):
        self.outcomes = list(outcomes)
        super().__init__(history, [a for line in self.outcomes for a in line.findings], overhead)

    def __getitem__(self, check):
        """Return the `CheckLine` of the check of that name.

        Raises:
            KeyError: If no such check was run.
        """
        for line in self.outcomes:
            if line.check == check:
                return line
        raise KeyError(check)

    @property
    def is_well(self):
        """Whether no check found anything, and at least one could tell."""
        return not self.findings and any(line.verdict == "ok" for line in self.outcomes)

    @property
    def verdict(self):
        """The verdict; what no check could tell stands in its `not_checked`."""
        unknown = [line for line in self.outcomes if line.verdict == "unknown"]
        notes = [Finding(one.check, Severity.NOTE, "", _not_checked(one)) for one in unknown]
        return verdict_of(self.findings, self.history, not_checked=notes)

    def result(self):
        """Return the result in a few words, e.g. `"1 error; 2 of 9 checks could not tell"`."""
        unknown = sum(line.verdict == "unknown" for line in self.outcomes)
        told = "All well" if not self.findings else super().result()
        if unknown == len(self.outcomes):
            told = "Nothing could be told"
        missing = f"; {unknown} of {len(self.outcomes)} checks could not tell" if unknown else ""
        return told + missing

    def summary(self):
        """Return what the checks took, in a line."""
        return [] if self.overhead is None else [f"checked in {self.overhead.seconds:.1f} s"]

    def to_json(self, path=None):
        """Return the report as a JSON object with a line per check, and write it to `path`."""
        record = json.loads(super().to_json())
        record["checks"] = [to_jsonable(line.to_json()) for line in self.outcomes]
        text = json.dumps(record, allow_nan=False, indent=2) + "\n"
        if path is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return text

    def __rich__(self):
        heading = Text(f"keras-babysit, before training: {self.result()}", "bold")
        codes = _codes(self.findings)
        lines = [Text(line, "dim") for line in self.summary()]
        return rich.console.Group(
            heading, "", _table(self.outcomes, codes), "", *_listing(codes), *lines
        )


def _not_checked(line):
    return f"{CONDITIONS[line.check].title}: not checked, because {line.evidence}"


def _codes(findings):
    """Return the snippets of the first remedies, each once, with the number it is quoted by."""
    snippets = [one.remedies[0].code for one in findings if one.remedies and one.remedies[0].code]
    return {code: number for number, code in enumerate(dict.fromkeys(snippets), 1)}


def _listing(codes):
    """Yield the snippets below the table: in a column they would be broken up."""
    for code, number in codes.items():
        for place, line in enumerate(code.splitlines()):
            mark = f"[{number}] " if place == 0 else " " * len(f"[{number}] ")
            yield Text.assemble(mark, (line, "cyan"), no_wrap=True, overflow="ignore")
    if codes:
        yield Text()


def _table(outcomes, codes):
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", highlight=False)
    for heading in ("check", "verdict"):
        table.add_column(heading, no_wrap=True)
    for heading in ("evidence", "what to do"):
        table.add_column(heading, ratio=1)
    for line in outcomes:
        rows = line.findings or (None,)
        for place, finding in enumerate(rows):
            verdict = line.verdict if finding is None else finding.severity.name.lower()
            evidence = line.evidence if finding is None else finding.message
            table.add_row(
                Text(line.check if place == 0 else ""),
                Text(verdict, STYLES[verdict]),
                Text(one_line(evidence), "" if finding else "dim"),
                Text(_what_to_do(finding, codes)),
            )
    return table


def _what_to_do(findings, codes):
    if findings is None or not findings.remedies:
        return ""
    first = findings.remedies[0]
    return f"{first.text} [{codes[first.code]}]" if first.code else first.text
