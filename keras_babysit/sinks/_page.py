"""Renders a report as an HTML page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from keras_babysit.findings import CONDITIONS, Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.presentation import drawing
from keras_babysit.presentation.wording import (
    code_lines,
    common_evidence,
    evidence,
    moment,
    name,
    number,
    one_line,
)
from keras_babysit.quantities import Quantity

MAX_ARTICLES = 100
MAX_ARTICLE_TARGETS = 60
VISIBLE_TARGETS = 8
"""Articles on a page, layers listed in one, and how many of those are visible without a click."""

RUN_FACTS = {
    "optimizer": "optimizer",
    "loss": "loss",
    "batch_size": "batch size",
    "epochs": "epochs",
    "steps_per_epoch": "steps per epoch",
    "backend": "backend",
    "versions": "versions",
}


def render(
    history: History,
    groups: Sequence[list[Finding]],
    *,
    result: str,
    is_well: bool,
    summary: Iterable[str],
) -> str:
    """Return one self-contained page.

    Args:
        history: The measurements and facts of the run.
        groups: The findings of the run, grouped as `Verdict.moments` does.
        result: The result of the run, the heading of the page.
        is_well: Whether the run was measured and nothing was found.
        summary: Lines on the loss and on the time that monitoring took.
    """
    template = files(__package__).joinpath("report.html").read_text(encoding="utf-8")
    parts = {
        "state": "well" if is_well else _worst(one for group in groups for one in group),
        "verdict": _text(result),
        "summary": "".join(f"<p>{_text(line)}</p>" for line in summary),
        "facts": _facts(history),
        "findings": _articles(groups),
        "table": _table(history),
        "data": _script(drawing.data(history, groups)),
    }
    # In a single pass, so that placeholders inside inserted text are not replaced.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def _worst(findings: Iterable[Finding]) -> str:
    return max(
        (one.severity for one in findings if one.is_open), default=Severity.NOTE
    ).name.lower()


def _text(text: Any, limit: int = 600) -> str:
    return escape(one_line(text, limit).replace("->", "→"))


def _script(record: Any) -> str:
    """Return JSON that is safe inside a script element, whatever names it contains."""
    text = json.dumps(record, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _facts(history: History) -> str:
    rows = []
    for key, heading in RUN_FACTS.items():
        value = getattr(history.facts, key)
        if isinstance(value, Mapping):
            value = ", ".join(f"{k} {v}" for k, v in value.items())
        if value not in (None, ""):
            shown = number(value) if isinstance(value, int | float) else value
            rows.append(f"<div><dt>{heading}</dt><dd>{_text(shown, 120)}</dd></div>")
    return "".join(rows)


def _articles(groups: Sequence[list[Finding]]) -> str:
    if not groups:
        return '<p class="calm">No rule found anything.</p>'
    articles = [_article(rank, group) for rank, group in enumerate(groups[:MAX_ARTICLES], 1)]
    if len(groups) > MAX_ARTICLES:
        articles.append(f"<p>and {len(groups) - MAX_ARTICLES:,} more, not shown here</p>")
    return "".join(articles)


def _article(rank: int, group: list[Finding]) -> str:
    first = group[0]
    severity = first.severity.name.lower()
    where = f"{len(group)} layers" if len(group) > 1 else name(first.target, 80)
    ended = "still open" if first.is_open else f"resolved at step {first.resolved_step:,}"
    state = "open" if first.is_open else "resolved"
    parts = [
        f'<article id="finding-{rank}" class="finding {severity} {state}" tabindex="-1">',
        f'<h3><span class="badge">{severity}</span> {_text(first.rule, 80)} '
        f"<span>in</span> <code>{_text(where)}</code></h3>",
        f'<p class="when">{moment(first.step, first.epoch)} · {ended}</p>',
        f"<p>{_text(first.message)}</p>" if len(group) == 1 else _targets(group),
        _evidence(group),
        _remedies(first),
        f'<p class="reference">{_text(first.reference)}</p>' if first.reference else "",
        _silence(first.rule),
        "</article>",
    ]
    return "".join(parts)


def _silence(rule: str) -> str:
    code = CONDITIONS.silence(rule)
    return f'<p class="silence">To silence: <code>{escape(code)}</code></p>' if code else ""


def _targets(group: list[Finding]) -> str:
    """Return a table with one row per layer; all but the first few are collapsed."""
    rows = [
        f"<tr><th scope=row><code>{_text(name(one.target, 80))}</code></th>"
        f"<td>{_text(one.message)}</td></tr>"
        for one in group[:MAX_ARTICLE_TARGETS]
    ]
    text = f'<table class="targets">{"".join(rows[:VISIBLE_TARGETS])}</table>'
    if len(group) > VISIBLE_TARGETS:
        unseen = len(group) - len(rows)
        note = f"<p>and {unseen:,} more</p>" if unseen else ""
        text += (
            f"<details><summary>{len(group) - VISIBLE_TARGETS:,} more layers</summary>"
            f'<table class="targets">{"".join(rows[VISIBLE_TARGETS:])}</table>{note}</details>'
        )
    return text


def _evidence(group: list[Finding]) -> str:
    found = evidence(group[0].evidence) if len(group) == 1 else common_evidence(group)
    rows = [f"<div><dt>{_text(k)}</dt><dd>{_text(v)}</dd></div>" for k, v in found]
    return f'<dl class="evidence">{"".join(rows)}</dl>' if rows else ""


def _remedies(finding: Finding) -> str:
    items = "".join(f"<li>{_remedy(remedy)}</li>" for remedy in finding.remedies)
    return f"<h4>What to do</h4><ol>{items}</ol>" if items else ""


def _remedy(remedy: Remedy) -> str:
    text = f"<p>{_text(remedy.text)}</p>"
    if not remedy.code.strip():
        return text
    code = escape("\n".join(code_lines(remedy.code)))
    return f'{text}<div class="code"><pre tabindex="0"><code>{code}</code></pre></div>'


def _table(history: History) -> str:
    """Return the latest values of the heat maps as a table, for readers who cannot see them."""
    kinds = [kind for kind in drawing.HEAT_MAPS if history.targets(kind.name)]
    targets = list(dict.fromkeys(t for kind in kinds for t in history.targets(kind.name)))
    head = "".join(f"<th scope=col>{escape(kind.heading)}</th>" for kind in kinds)
    rows = "".join(_table_row(history, kinds, t) for t in targets[: drawing.REPORT_ROWS])
    return f"<table><tr><th scope=col>layer or weight</th>{head}</tr>{rows}</table>"


def _table_row(history: History, kinds: list[Quantity], target: str) -> str:
    cells = [drawing.numbers(history, kind.name, target)[1] for kind in kinds]
    shown = "".join(f"<td>{number(float(c[-1])) if len(c) else ''}</td>" for c in cells)
    return f"<tr><th scope=row><code>{_text(name(target, 80))}</code></th>{shown}</tr>"
