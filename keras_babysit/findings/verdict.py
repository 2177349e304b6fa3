"""The verdict on a run: root causes, their symptoms, and what to do first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_babysit import markup, quantities
from keras_babysit.facts import RunFacts
from keras_babysit.findings.causes import Cause, causes_of, explain, moments
from keras_babysit.findings.condition import CONDITIONS, Condition, alternatives
from keras_babysit.findings.finding import Finding, Remedy, Severity
from keras_babysit.history import History

FORMAT_VERSION = 1
"""Version of the JSON object of a verdict, described in docs/schema/verdict.json. It rises when a
key is removed or gets another meaning; keys may be added without."""

FACTS = {
    "facts/data": "the training data",
    "facts/outputs": "the outputs and their losses",
    "facts/loss_reduction": "the loss on parts of a batch",
    "facts/comparison": "the validation data beside the training data",
    "facts/layers": "the layers",
}
"""What a condition may need beside quantities, for people."""


@dataclass(frozen=True, slots=True, repr=False)
class Verdict:
    """The result of a run, in the order in which to read it.

    Args:
        headline: What is wrong, in a few words.
        severity: The worst severity that still holds; None if nothing does.
        causes: Root causes with their symptoms, the worst first; those that no longer hold come
            last.
        do_first: What to do first; None if there is nothing to do.
        not_checked: What was not checked, and why.

    Example:
        >>> dead = Finding("dead_units", Severity.WARNING, "fc1", "80 of 100 units are dead.")
        >>> verdict_of([dead], History()).headline
        'Dead units in "fc1"'
    """

    headline: str
    severity: Severity | None
    causes: tuple[Cause, ...]
    do_first: Remedy | None
    not_checked: tuple[Finding, ...]

    @property
    def is_well(self) -> bool:
        """Whether nothing was found, now or earlier."""
        return not self.causes

    def moments(self) -> list[list[Finding]]:
        """Return all findings as they are shown, those of one rule, step and severity together."""
        groups = [group for cause in self.causes for group in cause.groups]
        reported = [one for one in self.not_checked if CONDITIONS[one.rule].is_notice]
        return [some for group in groups for some in group.moments()] + moments(reported)

    def __repr__(self) -> str:
        causes = ", ".join(cause.rule for cause in self.causes) or "no causes"
        return f"Verdict({self.headline}: {causes})"

    def _repr_html_(self) -> str:
        first = self.do_first
        rows = [
            (cause.severity.name.lower(), cause.title, cause.findings[0].message)
            for cause in self.causes
            if cause.findings
        ]
        return markup.fragment(
            markup.heading(
                self.headline, "" if self.severity is None else self.severity.name.lower()
            ),
            "" if first is None else markup.paragraph(first.text, lead="Do this first:"),
            "" if first is None else markup.code(first.code),
            markup.table(("severity", "cause", "message"), rows) if rows else "",
        )

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as a JSON object; docs/schema/verdict.json describes it."""
        return {
            "version": FORMAT_VERSION,
            "headline": self.headline,
            "severity": None if self.severity is None else self.severity.name,
            "causes": [cause.to_json() for cause in self.causes],
            "do_first": None if self.do_first is None else self.do_first.to_json(),
            "not_checked": [one.to_json() for one in self.not_checked],
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Verdict:
        """Return the verdict that `to_json` made `record` of."""
        severity, remedy = record["severity"], record["do_first"]
        return cls(
            headline=record["headline"],
            severity=None if severity is None else Severity[severity],
            causes=tuple(Cause.from_json(cause) for cause in record["causes"]),
            do_first=None if remedy is None else Remedy.from_json(remedy),
            not_checked=tuple(Finding.from_json(one) for one in record["not_checked"]),
        )


def verdict_of(
    findings: Iterable[Finding],
    history: History,
    *,
    not_checked: Iterable[Finding] | None = None,
) -> Verdict:
    """Return the verdict on a run.

    Args:
        findings: All findings of the run, in any order.
        history: The history of the run.
        not_checked: What was not checked, in addition to the notices among `findings`; None means
            every condition that a rule of the run looks for, and that needs something that was not
            measured.

    Returns:
        The verdict; without findings its headline is "No problems found", with "but layers were
        not measured" or "hardly measured" where a notice says so, or "Nothing was measured".
    """
    measured = measured_as_a_whole(
        (name, target) for name in history.quantities() for target in history.targets(name)
    )
    return verdict_on(findings, history.facts, measured, not_checked=not_checked)


def measured_as_a_whole(series: Iterable[tuple[str, str]]) -> set[str]:
    """Return the names of quantities without those that were measured of single outputs alone.

    The errors of a model with several outputs have a target for each, `"train/<output>"`. The rules
    that need an error judge that of the whole model.

    Args:
        series: Names and targets of what was measured.

    Example:
        >>> series = [("score/error", "train/price"), ("score/loss", "train"), ("loss/batch", "")]
        >>> sorted(measured_as_a_whole(series))
        ['loss/batch', 'score/loss']
    """
    return {
        name
        for name, target in series
        if not (name.startswith(("score/", "reference/")) and "/" in target)
    }


def verdict_on(
    findings: Iterable[Finding],
    facts: RunFacts,
    measured: Collection[str],
    *,
    not_checked: Iterable[Finding] | None = None,
) -> Verdict:
    """Return the verdict on a run of which only the names of the quantities are at hand.

    Args:
        findings: As for `verdict_of`.
        facts: The facts of the run.
        measured: Names of the quantities that were measured.
        not_checked: As for `verdict_of`.
    """
    findings = list(findings)
    notices = [one for one in findings if CONDITIONS[one.rule].is_notice]
    causes = causes_of(explain(one for one in findings if one not in notices))
    gaps = _unmeasured(facts, set(measured), causes) if not_checked is None else not_checked
    problems = [c for c in causes if c.is_open and c.severity >= Severity.WARNING]
    return Verdict(
        headline=_headline(causes, problems, facts, _extent(measured, notices, facts)),
        severity=max((_open_severity(cause) for cause in causes if cause.is_open), default=None),
        causes=causes,
        do_first=_first_remedy(problems),
        not_checked=(*(one for one in notices if one.is_open), *gaps),
    )


def _open_severity(cause: Cause) -> Severity:
    findings = [one for group in cause.groups for one in group.findings]
    return max(one.severity for one in findings if one.is_open)


def _first_remedy(problems: Sequence[Cause]) -> Remedy | None:
    found = [one for cause in problems for group in cause.groups for one in group.findings]
    return next((one.remedies[0] for one in found if one.is_open and one.remedies), None)


# -------------------------------------------------------------------------------- headline


def _extent(measured: Collection[str], notices: Iterable[Finding], facts: RunFacts) -> str:
    """Return what a headline without problems must add: the layers are most of what is checked."""
    are_layers_missing = not any(name.startswith("activations/") for name in measured)
    if not measured:
        return "Nothing was measured"
    if are_layers_missing and any(one.is_open for one in notices):
        return "No problems found, but layers were not measured"
    if facts.is_hardly_measured:
        return "No problems found, but layers were hardly measured"
    return "No problems found"


def _headline(
    causes: Sequence[Cause], problems: Sequence[Cause], facts: RunFacts, extent: str
) -> str:
    if facts.broke_off:
        return f"Monitoring stopped early: {facts.broke_off}"
    if problems:
        more = len(problems) - 1
        rest = f", and {_counted(more, 'more problem')}" if more else ""
        return f"{problems[0].title}{_where(problems[0].root.targets, facts)}{rest}"
    if not causes:
        return extent
    notes = sum(cause.is_open for cause in causes)
    groups = [group for cause in causes for group in cause.groups]
    doubts = [one for one in groups if one.is_open and CONDITIONS[one.rule].is_doubt]
    if doubts:
        return f"{doubts[0].title}{_where(doubts[0].targets, facts)}"
    counts = [
        *([_counted(notes, "note")] if notes else []),
        *([f"{len(causes) - notes} resolved"] if len(causes) > notes else []),
    ]
    state = extent if len(causes) == notes else "No open problems"
    return f"{state} ({', '.join(counts)})"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _where(targets: Sequence[str], facts: RunFacts) -> str:
    """Return where a problem is, as it follows a title; empty for the whole model."""
    hidden = {name for name, known in facts.layers.items() if known.role == "hidden"}
    if len(targets) == 1:
        return "" if targets[0] in ("", *_GROUPS) else f' in "{targets[0]}"'
    if hidden.issuperset(targets):
        some = f"{len(targets)} of {len(hidden)}"
        every = "both" if len(hidden) == 2 else f"all {len(hidden)}"
        return f" in {every if len(targets) == len(hidden) else some} hidden layers"
    return f" in {len(targets)} {_kind(targets, facts)}"


_GROUPS = ("inputs", "targets", "outputs")
"""Targets of findings on the data; the titles say which."""


def _kind(targets: Sequence[str], facts: RunFacts) -> str:
    """Return what several targets are, in one word."""
    if all(target.partition("[")[0] in _GROUPS for target in targets):
        return targets[0].partition("[")[0]
    for kind, known in (("layers", facts.layers), ("weights", facts.weights or {})):
        if all(target in known for target in targets):
            return kind
    return "parts of the model"


# ----------------------------------------------------------------------------- not checked


def _unmeasured(facts: RunFacts, measured: set[str], causes: Sequence[Cause]) -> list[Finding]:
    """Return a note for each condition that was not found and needs what was not measured."""
    found = {group.rule for cause in causes for group in cause.groups}
    notes = []
    for condition in CONDITIONS:
        if facts.rules is not None and condition.name not in facts.rules:
            continue  # the user left it out
        missing = [need for need in condition.needs if not _is_known(need, measured, facts)]
        if missing and condition.name not in found:
            notes.append(_note(condition, missing, facts))
    return notes


def _is_known(need: str, measured: set[str], facts: RunFacts) -> bool:
    return any(name in measured or _is_fact(name, facts) for name in alternatives(need))


def _is_fact(name: str, facts: RunFacts) -> bool:
    return name.startswith("facts/") and facts.knows(name.removeprefix("facts/"))


def _note(condition: Condition, missing: Sequence[str], facts: RunFacts) -> Finding:
    titles = [" or ".join(map(_title, alternatives(need))) for need in missing]
    return Finding(
        rule=condition.name,
        severity=Severity.NOTE,
        target="",
        message=f"Not checked: {condition.title}. Not measured: {'; '.join(titles)}.",
        evidence={"not_measured": list(missing)} | _situation(facts),
    )


def _situation(facts: RunFacts) -> dict[str, Any]:
    """Return what decides which argument, if any, provides a measurement."""
    if not facts.is_own_loop:
        return {"has_validation": True} if facts.validation.examples else {}
    return {"is_own_loop": True, "has_loss": facts.loss is not None}


def _title(need: str) -> str:
    return FACTS.get(need) or quantities.describe(need).title
