"""A verdict in the words that terminal, notebook, report and dashboard share.

    Verdict ─▶ VerdictView ─▶ lines of text, HTML, JSON of the tab

Every text is one line without control characters, so that a sink only has to place it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from keras_babysit.findings import CONDITIONS, Cause, Finding, Group, Remedy, Severity, Verdict
from keras_babysit.presentation.documentation import explain_code, page_of
from keras_babysit.presentation.wording import (
    code_lines,
    common_evidence,
    evidence,
    in_text,
    message,
    moment,
    name,
    one_line,
)

MAX_NAMES = 4
"""Conditions of one line that are listed by name."""

MAX_TARGETS = 60
"""Layers or weights of one cause that are listed with a message of their own."""


@dataclass(frozen=True, slots=True)
class RemedyView:
    """One thing to do: a sentence, and code to paste, which may be empty."""

    text: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class SymptomView:
    """A finding that a cause explains.

    Args:
        rule: Name of the rule.
        title: The condition, as it stands in a sentence.
        when: Since when it holds, or when it held.
        message: Its message.
        remedies: What else may be done, if fixing the cause is not enough.
        is_earlier: Whether it was reported before its cause.
    """

    rule: str
    title: str
    when: str
    message: str
    remedies: tuple[RemedyView, ...]
    is_earlier: bool


@dataclass(frozen=True, slots=True)
class CauseView:
    """One root cause, with everything that belongs to it.

    Args:
        rule: Name of the rule.
        title: The condition for people.
        severity: The worst severity of the cause and its symptoms, e.g. `"error"`.
        is_open: Whether it still holds.
        where: The layer or weight; empty for the whole model, and for several.
        when: Since when it holds, or when it held.
        step: Step at which it opened.
        epoch: Epoch at which it opened.
        until: Step at which it ended; None while it holds.
        message: What is wrong, with numbers.
        targets: Layers or weights with a message each, if there are several.
        more: Number of further ones that are not listed.
        evidence: Names and numbers.
        symptoms: What it explains.
        remedies: What to do, except what the verdict asks for first; empty if it no longer holds.
        reference: Source of the threshold.
        silence: Code that silences the rule; empty if there is none.
        page: Address of the documentation's page on it; empty without `doc_url`.
        explain: Code that prints what is known of it; empty if there is nothing to print.
    """

    rule: str
    title: str
    severity: str
    is_open: bool
    where: str
    when: str
    step: int
    epoch: int
    until: int | None
    message: str
    targets: tuple[tuple[str, str], ...]
    more: int
    evidence: tuple[tuple[str, str], ...]
    symptoms: tuple[SymptomView, ...]
    remedies: tuple[RemedyView, ...]
    reference: str
    silence: str
    page: str = ""
    explain: str = ""

    @property
    def anchor(self) -> str:
        """A name for links to it, which does not change while the run goes on."""
        return f"{self.rule}@{self.step}-{'open' if self.is_open else 'resolved'}"

    @property
    def is_problem(self) -> bool:
        """Whether it holds and costs accuracy or time."""
        return self.is_open and self.severity != Severity.NOTE.name.lower()


@dataclass(frozen=True, slots=True)
class VerdictView:
    """A verdict to show.

    Args:
        headline: What is wrong.
        severity: The worst severity that holds, e.g. `"error"`; empty if none does.
        do_first: What to do first; None if there is nothing to do.
        causes: Root causes, the worst first.
        not_checked: What was not checked, why, and the argument that checks it.
    """

    headline: str
    severity: str
    do_first: RemedyView | None
    causes: tuple[CauseView, ...]
    not_checked: tuple[str, ...]


def view(verdict: Verdict) -> VerdictView:
    """Return a verdict in words.

    Example:
        >>> from keras_babysit.findings import verdict_of
        >>> from keras_babysit.history import History
        >>> dead = Finding("dead_units", Severity.WARNING, "fc1", "80 of 100 units are dead.")
        >>> view(verdict_of([dead], History())).causes[0].when
        'since step 0'
    """
    return VerdictView(
        headline=one_line(verdict.headline),
        severity="" if verdict.severity is None else verdict.severity.name.lower(),
        do_first=None if verdict.do_first is None else _remedy(verdict.do_first),
        causes=tuple(_cause(cause, verdict.do_first) for cause in verdict.causes),
        not_checked=tuple(_not_checked(verdict.not_checked)),
    )


def _cause(cause: Cause, do_first: Remedy | None) -> CauseView:
    group = cause.root if cause.root.findings else cause.symptoms[0]
    first = group.findings[0]
    shown = [one for one in group.findings if one.is_open] or list(group.findings)
    by_target = list({one.target: one for one in reversed(shown)}.values())[::-1]
    is_many = len(by_target) > 1
    remedies = first.remedies if cause.is_open else ()
    found = common_evidence(shown) if is_many else evidence(first.evidence)
    return CauseView(
        rule=one_line(cause.rule, 80),
        title=one_line(cause.title, 80),
        severity=cause.severity.name.lower(),
        is_open=cause.is_open,
        where="" if is_many or not first.target else name(first.target, 90),
        when=when(group),
        step=group.step,
        epoch=min(one.epoch for one in group.findings),
        until=None if cause.is_open else max(one.resolved_step or one.step for one in shown),
        message=message(group.findings),
        targets=tuple(
            (name(one.target, 90), one_line(one.message)) for one in by_target[:MAX_TARGETS]
        )
        if is_many
        else (),
        more=max(0, len(by_target) - MAX_TARGETS) if is_many else 0,
        evidence=tuple((key.replace("_", " "), value) for key, value in found[:20]),
        symptoms=tuple(_symptom(symptom, group) for symptom in cause.symptoms),
        remedies=tuple(_remedy(one) for one in remedies if one != do_first),
        reference=one_line(first.reference),
        silence=CONDITIONS.silence(group.rule),
        page=page_of(group.rule),
        explain=explain_code(group.rule),
    )


def _symptom(group: Group, cause: Group) -> SymptomView:
    return SymptomView(
        rule=one_line(group.rule, 80),
        title=in_text(one_line(group.title, 80)),
        when=when(group),
        message=message(group.findings),
        remedies=tuple(map(_remedy, group.findings[0].remedies if group.is_open else ())),
        is_earlier=group.step < cause.step,
    )


def _remedy(remedy: Remedy) -> RemedyView:
    code = "\n".join(code_lines(remedy.code)) if remedy.code.strip() else ""
    return RemedyView(one_line(remedy.text), code)


def when(group: Group) -> str:
    """Return since when something holds, or when it held."""
    if group.is_open:
        return f"since step {group.step:,}"
    last = max(one.resolved_step or one.step for one in group.findings)
    times = max(sum(one.target == target for one in group.findings) for target in group.targets)
    often = f", {times} times" if times > 1 else ""
    return f"resolved: from step {group.step:,} to step {last:,}{often}"


def symptoms(found: Sequence[SymptomView]) -> Iterator[str]:
    """Yield what a cause explains, in one line for each kind: seen later, and seen before it.

    Example:
        >>> one = SymptomView("no_gradient", "no gradient", "since step 7", "", (), True)
        >>> list(symptoms([one]))
        ['explains: no gradient, reported at step 7']
    """
    also = [f"{one.title} {one.when}" for one in found if not one.is_earlier]
    before = [f"{one.title}, {_reported(one.when)}" for one in found if one.is_earlier]
    if also:
        yield f"also: {'; '.join(also)}"
    if before:
        yield f"explains: {'; '.join(before)}"


def _reported(held: str) -> str:
    return held.replace("since step", "reported at step", 1)


# ----------------------------------------------------------------------------- not checked

WaysOut = tuple[tuple[tuple[str, ...], str], ...]

WAYS_OUT: WaysOut = (
    (("logs/val_", "facts/comparison"), "`validation_data` of `fit` provides it."),
    (
        ("logs/loss",),
        'A mean named "loss" that `train_step` updates, among the metrics, provides it.',
    ),
    (("score/", "reference/"), "A larger `budget`, such as `budget=0.1`, measures it."),
    (("facts/",), ""),
    (("",), "`every=10` measures it, whatever it costs."),
)
"""What a rule needs, by the start of its name, and the argument that provides it."""

WAYS_OUT_WITH_VALIDATION: WaysOut = (
    (
        ("logs/val_",),
        'A mean named "loss" that `test_step` updates, among the metrics, provides it.',
    ),
    *WAYS_OUT,
)
"""The same where there are validation data, and steps of the user's that do not report a loss."""

WAYS_OUT_OF_LOOPS: WaysOut = (
    (("logs/val_",), '`sitter.validate(x, y, logs={"val_loss": ...})` provides it.'),
    (("facts/comparison",), "`sitter.validate(x, y)` provides it."),
    (("logs/loss",), "A step that returns its loss provides it."),
    *WAYS_OUT[2:],
)
"""The same in a loop of one's own."""

WAYS_OUT_WITHOUT_LOSS: WaysOut = (
    *WAYS_OUT_OF_LOOPS[:2],
    (
        ("score/", "reference/", "inference/", "padding/", "facts/loss_reduction", "facts/outputs"),
        "`loss` of `kb.watch` provides it.",
    ),
    *WAYS_OUT_OF_LOOPS[2:],
)
"""The same where `kb.watch` does not know the loss."""


def _not_checked(notes: Iterable[Finding]) -> Iterator[str]:
    """Yield the notices, and one line per way out with the conditions that lack a measurement."""
    titles: dict[str, list[str]] = {}
    for one in notes:
        if CONDITIONS[one.rule].is_notice:
            yield one_line(one.message)
        else:
            titles.setdefault(_way_out(one), []).append(CONDITIONS[one.rule].title)
    for way_out, some in titles.items():
        more = f", and {len(some) - MAX_NAMES} more" if len(some) > MAX_NAMES else ""
        shown = ", ".join(map(in_text, some[:MAX_NAMES]))
        end = f" {way_out}" if way_out else ""
        yield f"Not checked, as what they need was not measured: {shown}{more}.{end}"


def _way_out(note: Finding) -> str:
    """Return the argument that provides the first thing that a condition lacks."""
    needs = note.evidence.get("not_measured") or [""]
    ways = WAYS_OUT_WITH_VALIDATION if note.evidence.get("has_validation") else WAYS_OUT
    if note.evidence.get("is_own_loop"):
        ways = WAYS_OUT_OF_LOOPS if note.evidence["has_loss"] else WAYS_OUT_WITHOUT_LOSS
    return next(out for starts, out in ways if str(needs[0]).startswith(starts))


def opening(cause: CauseView) -> str:
    """Return step and epoch at which a cause opened, and whether it still holds."""
    ended = "still open" if cause.is_open else f"resolved at step {cause.until or 0:,}"
    return f"{moment(cause.step, cause.epoch)} · {ended}"
