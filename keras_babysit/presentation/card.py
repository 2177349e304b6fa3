"""The verdict as an HTML card for notebooks."""

from __future__ import annotations

from collections.abc import Sequence

from keras_babysit import markup
from keras_babysit.presentation.verdict_view import (
    CauseView,
    RemedyView,
    SymptomView,
    VerdictView,
    symptoms,
)

SHOWN_PROBLEMS = 3
"""Causes that are shown without a click; notes and what is resolved are folded."""


def verdict_card(
    shown: VerdictView,
    *,
    counts: str = "",
    lines: Sequence[str] = (),
    losses: Sequence[float] = (),
    is_well: bool = False,
    hint: str = "",
) -> str:
    """Return the verdict as one fragment of HTML: what to do first, then causes, then the rest.

    Args:
        shown: The verdict in words.
        counts: The number of findings as text.
        lines: Further lines, on losses and costs.
        losses: Losses over the run, for a small chart.
        is_well: Whether the run was measured and nothing was found.
        hint: Where there is more to see.
    """
    problems = [cause for cause in shown.causes if cause.is_problem][:SHOWN_PROBLEMS]
    rest = [cause for cause in shown.causes if cause not in problems]
    first = shown.do_first
    return markup.fragment(
        markup.heading(shown.headline, "well" if is_well else shown.severity, counts),
        markup.sparkline(losses, "loss over the run"),
        "" if first is None else _remedy(first, lead="Do this first:"),
        *(_cause(cause) for cause in problems),
        markup.fold(_rest_title(rest), *(_cause(cause) for cause in rest)),
        markup.fold("Not checked", *(markup.paragraph(line) for line in shown.not_checked)),
        *(markup.paragraph(line, is_mute=True) for line in lines),
        markup.paragraph(hint, is_mute=True) if hint else "",
    )


def _rest_title(rest: Sequence[CauseView]) -> str:
    problems = sum(cause.is_problem for cause in rest)
    resolved = sum(not cause.is_open for cause in rest)
    counts = [
        (problems, "further problem"),
        (len(rest) - problems - resolved, "note"),
        (resolved, "resolved"),
    ]
    return ", ".join(
        f"{count} {what}{'s' * (count != 1 and what != 'resolved')}"
        for count, what in counts
        if count
    )


def _cause(cause: CauseView) -> str:
    where = f" in {cause.where}" if cause.where else ""
    numbers = " · ".join(f"{key} {value}" for key, value in cause.evidence)
    return "".join(
        (
            markup.heading(f"{cause.title}{where}", cause.severity, cause.when),
            markup.paragraph(cause.message),
            markup.paragraph(numbers, is_mute=True) if numbers else "",
            *(markup.paragraph(line) for line in symptoms(cause.symptoms)),
            markup.fold("What the symptoms say", *map(_symptom, cause.symptoms)),
            markup.fold(
                "Further remedies" if cause.is_problem else "Remedies",
                *map(_remedy, cause.remedies),
            ),
            _more(cause),
        )
    )


def _more(cause: CauseView) -> str:
    if cause.page:
        return markup.link("What it means, and how it is measured", cause.page)
    return markup.paragraph(f"More: {cause.explain}", is_mute=True) if cause.explain else ""


def _symptom(one: SymptomView) -> str:
    text = markup.paragraph(f"{one.when}: {one.message}", lead=one.title)
    return text + markup.fold("If it stays after the cause is fixed", *map(_remedy, one.remedies))


def _remedy(remedy: RemedyView, *, lead: str = "") -> str:
    return markup.paragraph(remedy.text, lead=lead) + markup.code(remedy.code)
