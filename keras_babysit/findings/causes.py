"""Causes before symptoms: which finding explains which others, and in which order all are shown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from keras_babysit.findings.condition import CONDITIONS
from keras_babysit.findings.finding import Finding, Severity

SOON, LONGER = 10, 1.5
"""A finding counts as simultaneous with an earlier one up to step 10 + 1.5 times the step of the
earlier one: rules wait for one to five measurements, which become rarer in a run."""


@dataclass(frozen=True, slots=True)
class Group:
    """All findings of one rule: its targets, and for each the episodes in which it held.

    Args:
        rule: Name of the rule.
        title: The same for people.
        findings: Those that hold come first, then the worst, then the earliest.
    """

    rule: str
    title: str
    findings: tuple[Finding, ...]

    @property
    def severity(self) -> Severity:
        """The worst severity among the findings."""
        return max((one.severity for one in self.findings), default=Severity.NOTE)

    @property
    def is_open(self) -> bool:
        """Whether any of it still holds."""
        return any(one.is_open for one in self.findings)

    @property
    def step(self) -> int:
        """The step at which the first of it opened."""
        return min((one.step for one in self.findings), default=0)

    @property
    def targets(self) -> list[str]:
        """The targets, each once; only those that still hold, if any does."""
        found = [one for one in self.findings if one.is_open] or self.findings
        return list(dict.fromkeys(one.target for one in found))

    def moments(self) -> list[list[Finding]]:
        """Return the findings, grouped by step and severity."""
        return [list(some) for _, some in groupby(self.findings, key=_order)]

    def to_json(self) -> dict[str, Any]:
        """Return the group as a JSON object."""
        return {
            "rule": self.rule,
            "title": self.title,
            "severity": self.severity.name,
            "findings": [one.to_json() for one in self.findings],
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Group:
        """Return the group that `to_json` made `record` of."""
        found = tuple(Finding.from_json(one) for one in record["findings"])
        return cls(record["rule"], record["title"], found)


@dataclass(frozen=True, slots=True)
class Cause:
    """A root cause: the findings of one rule, and those of other rules that follow from it.

    Args:
        root: The findings of the rule of the cause.
        symptoms: The findings of other rules that it explains, the worst first.
    """

    root: Group
    symptoms: tuple[Group, ...] = ()

    @property
    def rule(self) -> str:
        """Name of the rule."""
        return self.root.rule

    @property
    def title(self) -> str:
        """Name of the condition for people."""
        return self.root.title

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the root: its targets and their episodes."""
        return self.root.findings

    @property
    def groups(self) -> tuple[Group, ...]:
        """The root, unless it has no findings, and the symptoms."""
        return (self.root, *self.symptoms) if self.root.findings else self.symptoms

    @property
    def severity(self) -> Severity:
        """The worst severity among the root and its symptoms."""
        return max(group.severity for group in self.groups)

    @property
    def is_open(self) -> bool:
        """Whether the root or a symptom still holds."""
        return any(group.is_open for group in self.groups)

    def to_json(self) -> dict[str, Any]:
        """Return the cause as a JSON object."""
        return self.root.to_json() | {
            "severity": self.severity.name,
            "symptoms": [group.to_json() for group in self.symptoms],
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Cause:
        """Return the cause that `to_json` made `record` of."""
        symptoms = tuple(Group.from_json(group) for group in record["symptoms"])
        return cls(Group.from_json(record), symptoms)


def explain(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings with the likeliest root causes first and their symptoms behind each.

    Of the conditions that explain a finding, the one of the highest rank is its cause. It is not if
    it was resolved long before the finding, or if it is reported when it happens and that was long
    after. Of two that may each follow from the other, it is the one that was seen first, or the one
    of the higher rank if both were seen at about the same time.

    Args:
        findings: All findings of the run, in any order.

    Returns:
        The same findings in the order of `causes_of`; `cause` names the rule that explains each,
        `""` for a root.

    Example:
        >>> rate = Finding("learning_rate_too_high", Severity.WARNING, "", "too long steps")
        >>> gone = Finding("loss_explosion", Severity.ERROR, "", "the loss is 90")
        >>> [(one.rule, one.cause) for one in explain([gone, rate])]
        [('learning_rate_too_high', ''), ('loss_explosion', 'learning_rate_too_high')]
    """
    findings = list(findings)
    serious = [a for a in findings if a.severity >= Severity.WARNING]
    since, until = _first_steps(serious), _last_steps(serious)
    causes = {a.rule: _cause(a, since, until) for a in findings}
    found = [replace(one, cause=_root(one.rule, causes)) for one in findings]
    groups = [group for cause in causes_of(found) for group in cause.groups]
    return [one for group in groups for one in group.findings]


def causes_of(findings: Iterable[Finding]) -> tuple[Cause, ...]:
    """Return findings whose `cause` is set, grouped by root cause and rule, the worst first.

    The worst severity of a root and its symptoms counts, then the rank of the root. Causes that no
    longer hold come last. Findings are shown in this order everywhere.
    """
    blocks: dict[str, dict[str, list[Finding]]] = {}
    for one in findings:
        blocks.setdefault(one.cause or one.rule, {}).setdefault(one.rule, []).append(one)
    causes = [_as_cause(root, rules) for root, rules in blocks.items()]
    return tuple(sorted(causes, key=_worst_cause_first))


def moments(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Return findings in the order of `causes_of`, grouped by rule, step and severity.

    A sink shows each group as one panel, row or card.
    """
    groups = [group for cause in causes_of(findings) for group in cause.groups]
    return [some for group in groups for some in group.moments()]


def _as_cause(root: str, rules: Mapping[str, Sequence[Finding]]) -> Cause:
    groups = [_group(rule, found) for rule, found in rules.items() if rule != root]
    symptoms = sorted(groups, key=_worst_symptom_first)
    return Cause(_group(root, rules.get(root, ())), tuple(symptoms))


def _group(rule: str, findings: Sequence[Finding]) -> Group:
    return Group(rule, CONDITIONS[rule].title, tuple(sorted(findings, key=_order)))


def _order(one: Finding) -> tuple[bool, int, int]:
    return (not one.is_open, -one.severity, one.step)


def _worst_cause_first(cause: Cause) -> tuple[bool, int, int, str]:
    return (not cause.is_open, -cause.severity, CONDITIONS.rank(cause.rule), cause.rule)


def _worst_symptom_first(group: Group) -> tuple[bool, int, int, int, str]:
    rank = CONDITIONS.rank(group.rule)
    return (not group.is_open, -group.severity, group.step, rank, group.rule)


def _first_steps(findings: Iterable[Finding]) -> dict[str, int]:
    """Return the step at which each rule reported first."""
    since: dict[str, int] = {}
    for one in findings:
        since[one.rule] = min(one.step, since.get(one.rule, one.step))
    return since


def _last_steps(findings: Iterable[Finding]) -> dict[str, float]:
    """Return the step up to which each rule held, infinity if it still does."""
    until: dict[str, float] = {}
    for one in findings:
        end = math.inf if one.resolved_step is None else one.resolved_step
        until[one.rule] = max(end, until.get(one.rule, end))
    return until


def _cause(one: Finding, since: Mapping[str, int], until: Mapping[str, float]) -> str:
    """Return the rule of the highest rank, among those that reported, that explains a finding."""
    step = since.get(one.rule, one.step)
    for cause in sorted(since, key=CONDITIONS.rank):
        if cause == one.rule or one.rule not in CONDITIONS[cause].explains:
            continue
        if _is_late(step, until[cause]):
            continue  # it was over long before
        if CONDITIONS[cause].is_immediate and _is_late(since[cause], step):
            continue  # it is reported when it happens, and that was long after
        is_mutual = cause in CONDITIONS[one.rule].explains
        if not is_mutual or _is_first(cause, since[cause], one.rule, step):
            return cause
    return ""


def _is_first(rule: str, step: int, other: str, other_step: int) -> bool:
    """Return whether one of two findings is the cause of the other, by step and rank."""
    early, late = sorted((step, other_step))
    are_exact = CONDITIONS[rule].is_immediate and CONDITIONS[other].is_immediate
    if late > early if are_exact else _is_late(late, early):
        return step < other_step
    return CONDITIONS.rank(rule) < CONDITIONS.rank(other)


def _is_late(step: int, other: float) -> bool:
    """Return whether a finding came later than at about the same time as another one."""
    return step > SOON + LONGER * other


def _root(rule: str, causes: Mapping[str, str]) -> str:
    """Return the end of the chain of causes, `""` if that is the rule itself.

    If the chain is a circle, its end is the member of the highest rank.
    """
    chain = [rule]
    while causes.get(chain[-1]) and causes[chain[-1]] not in chain:
        chain.append(causes[chain[-1]])
    if not causes.get(chain[-1]):
        end = chain[-1]
    else:
        end = min(chain[chain.index(causes[chain[-1]]) :], key=CONDITIONS.rank)
    return "" if end == rule else end
