"""Findings as plain text of a few lines, for loggers and trackers."""

from __future__ import annotations

from collections.abc import Sequence

from keras_babysit.findings import CONDITIONS, Change, Event, Finding, moments
from keras_babysit.presentation.wording import code_lines, message, name, one_line


def title(findings: Sequence[Finding]) -> str:
    """Return what was found, and in which layer or in how many.

    Example:
        >>> from keras_babysit.findings import Severity
        >>> title([Finding("dead_units", Severity.ERROR, "hidden", "All units are dead.")])
        'Dead units in "hidden"'
    """
    targets = list(dict.fromkeys(one.target for one in findings))
    known = one_line(CONDITIONS[findings[0].rule].title, 80)
    if len(targets) > 1:
        return f"{known} in {len(targets)} places"
    return f'{known} in "{name(targets[0])}"' if targets[0] else known


def body(findings: Sequence[Finding]) -> str:
    """Return the message and the first remedy, the remedy's code indented below."""
    lines = [message(findings)]
    if findings[0].remedies:
        remedy = findings[0].remedies[0]
        lines.append(f"Do this first: {one_line(remedy.text)}")
        lines += [f"    {line}" for line in code_lines(remedy.code)]
    return "\n".join(line for line in lines if line.strip())


def reported(events: Sequence[Event]) -> list[list[Finding]]:
    """Return the findings that opened, worsened or were tried, those of one condition together."""
    quiet = (Change.RENEWED, Change.RESOLVED)
    return moments(one.finding for one in events if one.change not in quiet)
