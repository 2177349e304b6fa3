"""The verdict as the dashboard shows it: one card per root cause, one bar per episode."""

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
from keras_babysit.findings import Finding, Verdict
from keras_babysit.presentation.verdict_view import (
    CauseView,
    RemedyView,
    SymptomView,
    VerdictView,
    opening,
    symptoms,
)
from keras_babysit.presentation.wording import name


def verdict(shown: VerdictView) -> dict[str, Any]:
    """Return the verdict of a run as a JSON object."""
    return {
        "headline": shown.headline,
        "severity": shown.severity,
        "doFirst": None if shown.do_first is None else _remedy(shown.do_first),
        "notChecked": list(shown.not_checked),
    } | cards(shown.causes)


def cards(causes: Sequence[CauseView], limit: int = MAX_FINDING_BYTES) -> dict[str, Any]:
    """Return one card per root cause, the worst first, and the number of those left out."""
    shown = fitting((_card(cause) for cause in causes[:MAX_GROUPS]), limit)
    return {"cards": shown, "omitted": len(causes) - len(shown)}


def bars(log: RunLog, found: Verdict, shown: VerdictView) -> list[dict[str, Any]]:
    """Return the bars of the timeline, the worst first; each names the card of its cause."""
    worsened: dict[tuple[Any, ...], set[int]] = {}
    for change in log.changes:
        if change.get("change") == "worsened":
            at = (change["rule"], change["step"])
            worsened.setdefault(at, set()).add(int(change["changed_step"]))
    drawn = [
        _bar(some, cause.anchor, group.title, worsened)
        for known, cause in zip(found.causes, shown.causes, strict=True)
        for group in known.groups
        for some in group.moments()
    ]
    return drawn[:MAX_BARS]


def _bar(
    group: list[Finding], anchor: str, title: str, worsened: dict[tuple[Any, ...], set[int]]
) -> dict[str, Any]:
    first = group[0]
    is_open = first.is_open
    return {
        "key": f"{name(first.rule, 80)}@{first.step}-{'open' if is_open else 'resolved'}",
        "card": anchor,
        "rule": name(first.rule, 40),
        "title": name(title, 40),
        "severity": first.severity.name.lower(),
        "where": name(first.target, MAX_NAME) if len(group) == 1 else f"{len(group)} places",
        "from": first.step,
        "worsened": sorted(worsened.get((first.rule, first.step), ()))[:20],
        "to": None if is_open else max(one.resolved_step or 0 for one in group),
    }


def _card(cause: CauseView) -> dict[str, Any]:
    return {
        "key": cause.anchor,
        "rule": cause.rule,
        "title": cause.title,
        "severity": cause.severity,
        "isOpen": cause.is_open,
        "isProblem": cause.is_problem,
        "where": cause.where,
        "when": cause.when,
        "opening": opening(cause),
        "message": cause.message,
        "targets": [
            {"name": target, "message": message}
            for target, message in cause.targets[:MAX_GROUP_TARGETS]
        ],
        "more": cause.more,
        "evidence": [list(pair) for pair in cause.evidence],
        "lines": list(symptoms(cause.symptoms)),
        "symptoms": [_symptom(one) for one in cause.symptoms[:20]],
        "remedies": [_remedy(remedy) for remedy in cause.remedies[:8]],
        "reference": cause.reference,
        "silence": cause.silence,
        "page": cause.page,
        "explain": cause.explain,
    }


def _symptom(one: SymptomView) -> dict[str, Any]:
    return {
        "rule": one.rule,
        "title": one.title,
        "when": one.when,
        "message": one.message,
        "isEarlier": one.is_earlier,
        "remedies": [_remedy(remedy) for remedy in one.remedies[:4]],
    }


def _remedy(remedy: RemedyView) -> dict[str, str]:
    return {
        "text": remedy.text,
        "code": remedy.code if len(remedy.code) <= MAX_CODE else "",
    }
