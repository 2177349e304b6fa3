"""What a check says, and how it says that it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from keras_babysit.findings import Finding


class Unknown(Exception):  # noqa: N818 - no error: a check that cannot tell is not a failure
    """Raised by a check that cannot tell; its text is the reason, as the table shows it."""


@dataclass(frozen=True)
class CheckResult:
    """What one check measured.

    Args:
        evidence: What was measured, in a few words with numbers; shown also when all is well.
        advice: What is wrong; empty if nothing is.
    """

    evidence: str
    findings: Sequence[Finding] = ()


@dataclass(frozen=True)
class CheckLine:
    """A line of the table.

    Args:
        check: Name of the check.
        verdict: `"ok"`, `"note"`, `"warning"`, `"error"`, or `"unknown"` where the check could
            not tell.
        evidence: What was measured, or why it could not be told.
        advice: What is wrong.
        seconds: What the check took.
    """

    check: str
    verdict: str
    evidence: str
    findings: Sequence[Finding] = field(default=())
    seconds: float = 0.0

    def to_json(self):
        """Return the line as a JSON object, the advice left out."""
        return {
            "check": self.check,
            "verdict": self.verdict,
            "evidence": self.evidence,
            "seconds": round(self.seconds, 3),
        }


def line_of(check, result, seconds):
    """Return the line of the table for what a check found."""
    worst = max((one.severity for one in result.findings), default=None)
    verdict = "ok" if worst is None else worst.name.lower()
    return CheckLine(check, verdict, result.evidence, tuple(result.findings), seconds)
