"""The verdict on one run, and the figures over many."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.diagnosis.labels import NOTES
from benchmarks.diagnosis.program import Program
from keras_babysit.findings import Finding, Severity


@dataclass(frozen=True)
class Verdict:
    """What the rules said of one program.

    Args:
        program: The program with its label.
        advice: Every advice of the run, in the order in which `Babysitter.findings` has them.
        steps: Optimizer steps of the run.
        error: Why there is no run; empty where there is one.
    """

    program: Program
    findings: tuple[Finding, ...]
    steps: int
    error: str = ""

    @property
    def alarms(self) -> list[Finding]:
        """Advice that asks for something: warnings and errors."""
        return [a for a in self.findings if a.severity >= Severity.WARNING]

    @property
    def counted(self) -> list[Finding]:
        """Advice that can name this fault: alarms, and notes where the fault is one by nature."""
        label = self.program.label
        wanted = (label.names | label.accepts) & NOTES
        return [a for a in self.findings if a.severity >= Severity.WARNING or a.rule in wanted]

    @property
    def naming(self) -> list[Finding]:
        """The advice that names the fault or its root cause."""
        return [a for a in self.counted if a.rule in self.program.label.names]

    @property
    def is_found(self) -> bool:
        """Whether the fault or its root cause was named."""
        return bool(self.naming)

    @property
    def is_noticed(self) -> bool:
        """Whether the fault, its root cause or an accepted symptom was named."""
        label = self.program.label
        return any(a.rule in label.names | label.accepts for a in self.counted)

    @property
    def is_first_right(self) -> bool:
        """Whether the first thing that a reader sees names the fault or its root cause."""
        return bool(self.counted) and self.counted[0].rule in self.program.label.names

    @property
    def share_until_found(self) -> float:
        """Step at which the fault was first named, as a share of the run."""
        return min(a.step for a in self.naming) / max(self.steps, 1)

    @property
    def is_false_alarm(self) -> bool:
        """Whether a healthy program got a warning or an error."""
        return self.program.label.is_healthy and bool(self.alarms)

    def said(self) -> str:
        """Return what was said in one line: rule, target and step of each alarm."""
        spoken = [f"{a.rule}({a.target}) @{a.step}" for a in self.counted]
        return ", ".join(spoken) or "nothing"


@dataclass(frozen=True)
class Count:
    """A share with its count."""

    hits: int
    total: int

    def __str__(self) -> str:
        return f"{self.hits / self.total:.2f} ({self.hits}/{self.total})" if self.total else "-"


def count(verdicts: Iterable[Verdict], claim: Callable[[Verdict], bool]) -> Count:
    outcomes = [claim(v) for v in verdicts]
    return Count(sum(outcomes), len(outcomes))


@dataclass(frozen=True)
class Figures:
    """Figures over some programs."""

    recall: Count
    noticed: Count
    first: Count
    alarms: Count
    discovery: str

    def cells(self) -> list[str]:
        """Return the figures as the cells of a table."""
        return [str(x) for x in (self.recall, self.noticed, self.first, self.alarms)] + [
            self.discovery
        ]


COLUMNS = [
    "recall",
    "or a symptom of it",
    "right first advice",
    "false alarms on healthy",
    "found at (median share of the run)",
]


def figures(verdicts: Iterable[Verdict]) -> Figures:
    """Return recall, right first advice, false alarms and time of discovery."""
    verdicts = [v for v in verdicts if not v.program.label.is_harmless]
    faulty = [v for v in verdicts if not v.program.label.is_healthy]
    healthy = [v for v in verdicts if v.program.label.is_healthy]
    found = [v.share_until_found for v in faulty if v.is_found]
    return Figures(
        recall=count(faulty, lambda v: v.is_found),
        noticed=count(faulty, lambda v: v.is_noticed),
        first=count(faulty, lambda v: v.is_first_right),
        alarms=count(healthy, lambda v: v.is_false_alarm),
        discovery=f"{statistics.median(found):.2f} ({len(found)})" if found else "-",
    )
