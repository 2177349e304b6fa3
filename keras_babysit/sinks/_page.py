"""Renders a report as an HTML page: the verdict first, then the run, then its charts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from html import escape
from importlib.resources import files
from typing import Any

from keras_babysit.findings import Verdict
from keras_babysit.history import History, to_jsonable
from keras_babysit.presentation import drawing
from keras_babysit.presentation.verdict_view import (
    CauseView,
    RemedyView,
    SymptomView,
    VerdictView,
    symptoms,
    view,
)
from keras_babysit.presentation.wording import name, number, one_line
from keras_babysit.quantities import Quantity

MAX_ARTICLES = 100
"""Articles on a page."""


def render(
    history: History, verdict: Verdict, *, counts: str, is_well: bool, summary: Iterable[str]
) -> str:
    """Return one self-contained page.

    Args:
        history: The measurements and facts of the run.
        verdict: The verdict on the run.
        counts: The number of findings, as text.
        is_well: Whether the run was measured and nothing was found.
        summary: Lines on the loss and on the time that monitoring took.
    """
    template = files(__package__).joinpath("report.html").read_text(encoding="utf-8")
    shown = view(verdict)
    parts = {
        "state": "well" if is_well else shown.severity or "note",
        "headline": _text(shown.headline),
        "counts": _text(counts) if shown.causes else "",
        "first": _first(shown),
        "summary": "".join(f"<p>{_text(line)}</p>" for line in summary),
        "facts": _facts(history),
        "causes": "".join(_articles(shown.causes)),
        "not_checked": _not_checked(shown.not_checked),
        "table": _table(history),
        "data": _script(drawing.data(history, verdict)),
    }
    # In a single pass, so that placeholders inside inserted text are not replaced.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def _text(text: Any, limit: int = 600) -> str:
    return escape(one_line(text, limit).replace("->", "→"))


def _script(record: Any) -> str:
    """Return JSON that is safe inside a script element, whatever names it contains."""
    # Steps may be NumPy integers; everything else is plain already.
    text = json.dumps(record, allow_nan=False, separators=(",", ":"), default=to_jsonable)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _first(shown: VerdictView) -> str:
    if shown.do_first is None:
        return ""
    label = '<h2 id="first">Do this first</h2>'
    return (
        f'<section class="first" aria-labelledby="first">{label}{_remedy(shown.do_first)}</section>'
    )


def _facts(history: History) -> str:
    rows = [
        f"<div><dt>{key}</dt><dd>{_text(value, 160)}</dd></div>" for key, value in _run(history)
    ]
    return "".join(rows)


def _run(history: History) -> Iterator[tuple[str, str]]:
    """Yield what is known of the run, as pairs of name and value."""
    facts = history.facts
    rate = history.last("optimizer/learning_rate")
    schedule = facts.learning_rate_schedule
    examples = facts.examples_per_epoch or facts.data.examples
    optimizer = [
        facts.optimizer,
        None if rate is None else f"learning rate {number(float(rate))}",
        schedule,
    ]
    data = [
        None if examples is None else f"{number(examples)} examples per epoch",
        None if facts.batch_size is None else f"batches of {number(facts.batch_size)}",
    ]
    length = [
        None if facts.epochs is None else f"{number(facts.epochs)} epochs planned",
        f"{number(history.step)} steps done" if len(history) else None,
    ]
    versions = [f"{package} {version}" for package, version in facts.versions.items()]
    pairs = {
        "date": None if facts.started is None else _date(facts.started),
        "model": facts.model,
        "parameters": None if facts.parameters is None else number(facts.parameters),
        "loss": facts.loss,
        "optimizer": ", ".join(filter(None, optimizer)),
        "data": ", ".join(filter(None, data)),
        "length": ", ".join(filter(None, length)),
        "backend": facts.backend,
        "versions": ", ".join(versions),
    }
    yield from ((key, value) for key, value in pairs.items() if value)


def _date(started: str) -> str:
    """Return an ISO date for people; what is none stays as it is."""
    try:
        return datetime.fromisoformat(started).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return started


def _articles(causes: Sequence[CauseView]) -> Iterator[str]:
    if not causes:
        yield '<p class="calm">No rule found anything.</p>'
    yield from (_article(rank, cause) for rank, cause in enumerate(causes[:MAX_ARTICLES], 1))
    if len(causes) > MAX_ARTICLES:
        yield f"<p>and {len(causes) - MAX_ARTICLES:,} more, not shown here</p>"


def _article(rank: int, cause: CauseView) -> str:
    state = "open" if cause.is_open else "resolved"
    where = f"<span>in</span> <code>{_text(cause.where)}</code> " if cause.where else ""
    parts = [
        f'<article id="finding-{rank}" class="finding {cause.severity} {state}" tabindex="-1">',
        f'<h3><span class="badge">{cause.severity}</span> {_text(cause.title)} '
        f"{where}"
        f'<span class="when">{_text(cause.when)}</span> <code class="rule">{_text(cause.rule)}'
        "</code></h3>",
        f'<p class="message">{_text(cause.message)}</p>',
        _evidence(cause),
        "".join(map(_symptoms, symptoms(cause.symptoms))),
        _fold(f"{len(cause.targets) + cause.more:,} layers or weights", _targets(cause)),
        _fold("What the symptoms say", "".join(map(_symptom, cause.symptoms))),
        _fold(_remedies_title(cause), _remedies(cause.remedies)),
        _fold("Source, and how to silence this rule", _about(cause)),
        "</article>",
    ]
    return "".join(parts)


def _remedies_title(cause: CauseView) -> str:
    count = len(cause.remedies)
    return (
        f"{count} further {'remedy' if count == 1 else 'remedies'}"
        if cause.is_problem
        else (f"{count} {'remedy' if count == 1 else 'remedies'}")
    )


def _symptoms(line: str) -> str:
    return f'<p class="also">{_text(line)}</p>'


def _fold(title: str, content: str) -> str:
    return f"<details><summary>{title}</summary>{content}</details>" if content else ""


def _targets(cause: CauseView) -> str:
    rows = [
        f"<tr><th scope=row><code>{_text(target)}</code></th><td>{_text(message)}</td></tr>"
        for target, message in cause.targets
    ]
    note = f"<p>and {cause.more:,} more</p>" if cause.more else ""
    return f'<table class="targets">{"".join(rows)}</table>{note}' if rows else ""


def _evidence(cause: CauseView) -> str:
    rows = [f"<div><dt>{_text(k)}</dt><dd>{_text(v)}</dd></div>" for k, v in cause.evidence]
    return f'<dl class="evidence">{"".join(rows)}</dl>' if rows else ""


def _symptom(one: SymptomView) -> str:
    text = (
        f'<p class="symptom"><b>{_text(one.title)}</b> '
        f'<span class="when">{_text(one.when)}</span>: {_text(one.message)}</p>'
    )
    return text + _fold("If it stays after the cause is fixed", _remedies(one.remedies))


def _about(cause: CauseView) -> str:
    source = f'<p class="reference">{_text(cause.reference)}</p>' if cause.reference else ""
    code = f'<p class="silence"><code>{escape(cause.silence)}</code></p>' if cause.silence else ""
    return source + code + _more(cause)


def _more(cause: CauseView) -> str:
    if cause.page:
        words = "What it means, and how it is measured"
        return f'<p class="silence"><a href="{escape(cause.page)}">{words}</a></p>'
    code = f"<code>{escape(cause.explain)}</code>"
    return f'<p class="silence">More: {code}</p>' if cause.explain else ""


def _remedies(remedies: Iterable[RemedyView]) -> str:
    items = "".join(f"<li>{_remedy(remedy)}</li>" for remedy in remedies)
    return f"<ol>{items}</ol>" if items else ""


def _remedy(remedy: RemedyView) -> str:
    text = f"<p>{_text(remedy.text)}</p>"
    if not remedy.code:
        return text
    code = escape(remedy.code)
    return f'{text}<div class="code"><pre tabindex="0"><code>{code}</code></pre></div>'


def _not_checked(lines: Sequence[str]) -> str:
    if not lines:
        return ""
    items = "".join(f"<li>{_text(line)}</li>" for line in lines)
    return (
        '<section aria-labelledby="unchecked"><h2 id="unchecked">Not checked</h2>'
        f'<ul class="unchecked">{items}</ul></section>'
    )


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
