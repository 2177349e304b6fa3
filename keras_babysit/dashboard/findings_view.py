"""Findings as the dashboard shows them: one card and one bar per rule and step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_babysit.dashboard.bounds import (
    MAX_BARS,
    MAX_CODE,
    MAX_FINDING_BYTES,
    MAX_GROUP_TARGETS,
    MAX_GROUPS,
    MAX_NAME,
    fitting,
)
from keras_babysit.dashboard.run_log import RunLog
from keras_babysit.findings import CONDITIONS, Finding, Remedy, moments
from keras_babysit.presentation.wording import (
    code_lines,
    common_evidence,
    evidence,
    name,
    one_line,
)


def cards(findings: Sequence[Finding], limit: int = MAX_FINDING_BYTES) -> dict[str, Any]:
    """Return the cards, most severe first, and the number of groups that are omitted."""
    groups = moments(findings)
    shown = fitting((_card(group) for group in groups[:MAX_GROUPS]), limit)
    return {"cards": shown, "omitted": len(groups) - len(shown)}


def bars(log: RunLog, findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return the bars of the timeline, most severe first."""
    worsened: dict[tuple[Any, ...], set[int]] = {}
    for change in log.changes:
        if change.get("change") == "worsened":
            key = (change["rule"], change["step"])
            worsened.setdefault(key, set()).add(int(change["changed_step"]))
    return [_bar(group, worsened) for group in moments(findings)[:MAX_BARS]]


def _bar(group: list[Finding], worsened: dict[tuple[Any, ...], set[int]]) -> dict[str, Any]:
    first = group[0]
    return {
        "key": key(first),
        "rule": one_line(first.rule, 40),
        "severity": first.severity.name.lower(),
        "where": _where(group),
        "from": first.step,
        "worsened": sorted(worsened.get((first.rule, first.step), ()))[:20],
        "to": _end(group),
    }


def _card(group: list[Finding]) -> dict[str, Any]:
    first = group[0]
    found = evidence(first.evidence) if len(group) == 1 else common_evidence(group)
    return {
        "key": key(first),
        "rule": one_line(first.rule, 80),
        "severity": first.severity.name.lower(),
        "where": _where(group),
        "step": first.step,
        "epoch": first.epoch,
        "to": _end(group),
        "targets": [
            {"name": name(one.target, MAX_NAME), "message": one_line(one.message)}
            for one in group[:MAX_GROUP_TARGETS]
        ],
        "more": max(0, len(group) - MAX_GROUP_TARGETS),
        "evidence": [list(pair) for pair in found[:20]],
        "remedies": [_remedy(remedy) for remedy in first.remedies[:8]],
        "reference": one_line(first.reference),
        "silence": CONDITIONS.silence(first.rule),
    }


def key(first: Finding) -> str:
    """Return the key that links a card and its bar; it does not change on reload."""
    return f"{one_line(first.rule, 80)}@{first.step}-{'open' if first.is_open else 'resolved'}"


def _where(group: list[Finding]) -> str:
    return name(group[0].target, MAX_NAME) if len(group) == 1 else f"{len(group)} layers"


def _end(group: list[Finding]) -> int | None:
    return None if group[0].is_open else max(one.resolved_step or 0 for one in group)


def _remedy(remedy: Remedy) -> dict[str, str]:
    code = "\n".join(code_lines(remedy.code)) if remedy.code.strip() else ""
    return {"text": one_line(remedy.text), "code": code if len(code) <= MAX_CODE else ""}
