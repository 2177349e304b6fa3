"""Writes one page per condition, from its docstring, the rows of its tests and the benchmark."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from keras_babysit.checks import DEFAULT_CHECKS
from keras_babysit.explanations import Explanation, explainable, explanation
from keras_babysit.findings import CONDITIONS, verdict_of
from keras_babysit.history import History
from keras_babysit.presentation.card import verdict_card
from keras_babysit.presentation.verdict_view import view
from keras_babysit.quantities import SHIPPED
from keras_babysit.rules import DEFAULT_RULES
from tests.rules.table import TABLE
from tools.rules_page import COUNTS
from tools.site.chart import chart, variety

EFFICACY = COUNTS.with_name("remedy_efficacy.json")
"""How often each remedy cured: `{"dead_units": {"Lower ...": {"cured": 3, "of": 4}}}`."""

KNOWN = {quantity.name for quantity in SHIPPED}

INDEX = """\
# Findings

Everything that can be reported, in the rank of causes: the data first, then the structure of the
network, then the learning rate, then their effects. `kb.explain("dead_units")` prints the page of
a finding in the terminal. *Right* and *wrong* count the programs of the
[benchmark](../accuracy.md) on which a rule named the fault or a symptom of it, and on which it
reported something else.

"""


def write(folder: Path) -> None:
    """Write the pages and their index into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in explainable():
        (folder / f"{name}.md").write_text(page(name), encoding="utf-8")
    (folder / "index.md").write_text(index(), encoding="utf-8")


def page(name: str) -> str:
    """Return the page on a condition."""
    counts, efficacy = _of_file(COUNTS), _of_file(EFFICACY)
    return "".join(_page(explanation(name), counts.get(name, {}), efficacy.get(name, {})))


def _of_file(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def index() -> str:
    """Return the page that lists all conditions, in their rank."""
    names, counts = explainable(), _of_file(COUNTS)
    kinds = {
        "While training": [name for name in names if name in DEFAULT_RULES.names],
        "Before training": [name for name in names if name in DEFAULT_CHECKS.names],
    }
    kinds["By recorder and callback"] = [
        name for name in names if not any(name in some for some in kinds.values())
    ]
    text = INDEX
    for heading, some in kinds.items():
        text += f"## {heading}\n\n| finding | usually | right | wrong |\n|---|---|---|---|\n"
        for name in some:
            one, count = CONDITIONS[name], counts.get(name, {})
            cells = (f"[{one.title}]({name}.md)", one.severity.name)
            text += (
                f"| {' | '.join(cells)} | {count.get('right', '')} | {count.get('wrong', '')} |\n"
            )
        text += "\n"
    tree = "\n".join(names)
    return f"{text}```{{toctree}}\n:hidden:\n:maxdepth: 1\n\n{tree}\n```\n"


def _page(
    shown: Explanation, counts: Mapping[str, int], efficacy: Mapping[str, Mapping[str, int]]
) -> Iterator[str]:
    yield f"# {shown.title}\n\n"
    yield f"`{shown.name}` · usually {_article(shown.severity)} · {_found_by(shown.name)}\n\n"
    yield f"{shown.summary}\n"
    yield _section("What it means, and how it is measured", shown.about)
    yield _section("A run that has it", _picture(shown))
    yield _section("Messages", "\n".join(f"- {one}" for one in shown.messages))
    yield _section("What to do", "\n".join(_remedies(shown, efficacy)))
    yield _section("When it stays silent", "\n".join(f"- {one}" for one in shown.silent))
    rows = "\n".join(f"| `{name}` | {text} |" for name, text in shown.thresholds)
    table = f"| argument | meaning |\n|---|---|\n{rows}" if rows else ""
    yield _section("Thresholds", "\n\n".join(filter(None, (shown.reports, table))))
    yield _section("What must be measured", "\n".join(f"- {one}" for one in shown.needs))
    links = {"May follow from": shown.causes, "May lead to": shown.effects}
    lines = [f"**{key}**: {', '.join(map(_link, some))}." for key, some in links.items() if some]
    yield _section("Causes and effects", "\n\n".join(lines))
    if counts:
        yield _section(
            "On the benchmark",
            f"Right on {counts.get('right', 0)} programs, wrong on {counts.get('wrong', 0)} "
            "([accuracy](../accuracy.md)).",
        )
    yield _section("Source", shown.reference)
    yield _section("Silence it", f"```python\n{shown.silence}\n```" if shown.silence else "")


def _article(severity: str) -> str:
    return f"an {severity}" if severity == "ERROR" else f"a {severity}"


def _found_by(name: str) -> str:
    if name in DEFAULT_RULES.names:
        return "reported by [`kb.Babysitter`](../start.md) while training"
    if name in DEFAULT_CHECKS.names:
        return "reported by [`kb.check`](../checks.md) before training"
    return "reported by [recorder or callback](../reliability.md)"


def _section(heading: str, text: str) -> str:
    return f"\n## {heading}\n\n{text}\n" if text.strip() else ""


def _link(name: str) -> str:
    one = CONDITIONS[name]
    return f"[{one.title}]({name}.md)" if one.about else one.title


def _remedies(shown: Explanation, efficacy: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    for number, (sentence, code) in enumerate(shown.remedies, 1):
        known = efficacy.get(sentence)
        measured = f" *Cured {known['cured']} of {known['of']} programs.*" if known else ""
        yield f"{number}. {sentence}{measured}"
        if code:
            indented = "\n".join(f"   {line}".rstrip() for line in code.splitlines())
            yield f"\n   ```python\n{indented}\n   ```\n"


# ------------------------------------------------------------------------------------- pictures


def _picture(shown: Explanation) -> str:
    row = _row(shown)
    if row is None:
        return ""
    history, drawn = row
    found = DEFAULT_RULES[shown.name](history)
    words = replace(view(verdict_of(found, history)), not_checked=())
    card = verdict_card(words)
    text = (
        f"```{{raw}} html\n{card}\n```\n\nThe card is that of a history in the tests of the rule."
    )
    return f"```{{raw}} html\n{drawn}\n```\n\n{text}" if drawn else text


def _row(shown: Explanation) -> tuple[History, str] | None:
    """Return a history in which the rule finds something, and a chart of it if one can be drawn."""
    mentioned = re.findall(r'`"?([a-z]+/[a-z_]+)"?`', shown.about)
    measured = [name for name in dict.fromkeys(mentioned) if name in KNOWN]
    rows = [
        (variety(history, measured), severity, history)
        for rule, history, severity in TABLE.values()
        if severity is not None and rule.condition.name == shown.name
    ]
    if not rows:
        return None
    _, _, history = max(rows, key=lambda row: row[:2])  # the one that shows most, then the worst
    return history, chart(history, measured)
