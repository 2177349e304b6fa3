"""The result of a check, and the exception for a check that has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from keras_babysit.findings import Finding


class Unknown(Exception):  # noqa: N818 - a check without a result is not an error
    """Raised by a check that cannot reach a verdict. The table shows its text as the reason."""


@dataclass(frozen=True)
class CheckResult:
    """The result of one check.

    Args:
        evidence: The measurements as a short text; shown also if there are no findings.
        findings: What is wrong; empty if nothing is.
    """

    evidence: str
    findings: Sequence[Finding] = ()


@dataclass(frozen=True)
class CheckLine:
    """One line of the table.

    Args:
        check: Name of the check.
        verdict: `"ok"`, `"note"`, `"warning"`, `"error"`, or `"unknown"` if the check has no
            result.
        evidence: The measurements as text, or the reason why there is no result.
        findings: What is wrong; empty if nothing is.
        seconds: Duration of the check, in seconds.
    """

    check: str
    verdict: str
    evidence: str
    findings: Sequence[Finding] = field(default=())
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the line as a JSON object without its findings."""
        return {
            "check": self.check,
            "verdict": self.verdict,
            "evidence": self.evidence,
            "seconds": round(self.seconds, 3),
        }


def line_of(check: str, result: CheckResult, seconds: float) -> CheckLine:
    """Return the line of the table for the result of a check."""
    worst = max((one.severity for one in result.findings), default=None)
    verdict = "ok" if worst is None else worst.name.lower()
    return CheckLine(check, verdict, result.evidence, tuple(result.findings), seconds)
