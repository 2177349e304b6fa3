"""`Verdict` on one run, and `Figures` over many."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.diagnosis.labels import NOTES
from benchmarks.diagnosis.program import Program
from keras_babysit.findings import Finding, Severity


@dataclass(frozen=True)
class Verdict:
    """The findings of the rules on one program.

    Args:
        program: The program with its label.
        findings: All findings of the run, in the order of `Babysitter.findings`.
        steps: Number of optimizer steps of the run.
        error: Why there is no run; empty if there is one.
        diverged: Step at which the loss diverged, see `record.Divergence`; None if it did not.
    """

    program: Program
    findings: tuple[Finding, ...]
    steps: int
    error: str = ""
    diverged: int | None = None

    @property
    def alarms(self) -> list[Finding]:
        """The warnings and errors."""
        return [a for a in self.findings if a.severity >= Severity.WARNING]

    @property
    def counted(self) -> list[Finding]:
        """The findings that count: alarms, and notes if the fault is reported as a note."""
        label = self.program.label
        wanted = (label.names | label.accepts) & NOTES
        return [a for a in self.findings if a.severity >= Severity.WARNING or a.rule in wanted]

    @property
    def naming(self) -> list[Finding]:
        """The findings of the fault or its root cause."""
        return [a for a in self.counted if a.rule in self.program.label.names]

    @property
    def is_found(self) -> bool:
        """Whether the fault or its root cause was found."""
        return bool(self.naming)

    @property
    def is_noticed(self) -> bool:
        """Whether the fault, its root cause or an accepted symptom was found."""
        label = self.program.label
        return any(a.rule in label.names | label.accepts for a in self.counted)

    @property
    def is_first_right(self) -> bool:
        """Whether the first finding is the fault or its root cause."""
        return bool(self.counted) and self.counted[0].rule in self.program.label.names

    @property
    def found_at(self) -> float:
        """Step at which the fault was first found, as a fraction of the run."""
        return min(a.step for a in self.naming) / max(self.steps, 1)

    @property
    def lead(self) -> int | None:
        """Steps from the first alarm to the divergence of the loss; None without either."""
        if self.diverged is None or not self.alarms:
            return None
        return self.diverged - min(a.step for a in self.alarms)

    @property
    def is_false_alarm(self) -> bool:
        """Whether a healthy program has a warning or an error."""
        return self.program.label.is_healthy and bool(self.alarms)

    def reported(self) -> str:
        """Return rule, target and step of each alarm, in one line."""
        spoken = [f"{a.rule}({a.target}) @{a.step}" for a in self.counted]
        return ", ".join(spoken) or "nothing"


@dataclass(frozen=True)
class Count:
    """A fraction with its count."""

    hits: int
    total: int

    def __str__(self) -> str:
        return f"{self.hits / self.total:.2f} ({self.hits}/{self.total})" if self.total else "-"


def count(verdicts: Iterable[Verdict], claim: Callable[[Verdict], bool]) -> Count:
    outcomes = [claim(v) for v in verdicts]
    return Count(sum(outcomes), len(outcomes))


@dataclass(frozen=True)
class Figures:
    """Results over some programs."""

    recall: Count
    noticed: Count
    first: Count
    alarms: Count
    discovery: str
    warned: str

    def cells(self) -> list[str]:
        """Return the results as cells of a table."""
        return [str(x) for x in (self.recall, self.noticed, self.first, self.alarms)] + [
            self.discovery,
            self.warned,
        ]


COLUMNS = [
    "recall",
    "recall with symptoms",
    "first finding correct",
    "false alarms on healthy",
    "found at",
    "warned before divergence",
]


def warned_before(leads: Iterable[int | None]) -> str:
    """Return how many diverging runs were warned of before, and the median lead in steps."""
    leads = list(leads)
    early = [lead for lead in leads if lead is not None and lead > 0]
    median = f" [{statistics.median(early):.0f}]" if early else ""
    return f"{len(early)}/{len(leads)}{median}" if leads else "-"


def figures(verdicts: Iterable[Verdict]) -> Figures:
    """Return recall, correct first findings, false alarms and time of discovery."""
    verdicts = [v for v in verdicts if not v.program.label.is_harmless]
    faulty = [v for v in verdicts if not v.program.label.is_healthy]
    healthy = [v for v in verdicts if v.program.label.is_healthy]
    found = [v.found_at for v in faulty if v.is_found]
    return Figures(
        recall=count(faulty, lambda v: v.is_found),
        noticed=count(faulty, lambda v: v.is_noticed),
        first=count(faulty, lambda v: v.is_first_right),
        alarms=count(healthy, lambda v: v.is_false_alarm),
        discovery=f"{statistics.median(found):.2f} ({len(found)})" if found else "-",
        warned=warned_before(v.lead for v in faulty if v.diverged is not None),
    )
