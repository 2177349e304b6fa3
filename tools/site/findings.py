"""Writes one page per condition, from its docstring, the rows of its tests and the benchmark."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.remedies import results
from benchmarks.remedies.table import EFFECTS
from keras_babysit.checks import DEFAULT_CHECKS
from keras_babysit.explanations import Explanation, explainable, explanation
from keras_babysit.findings import CONDITIONS, verdict_of
from keras_babysit.history import History
from keras_babysit.presentation.card import verdict_card
from keras_babysit.presentation.verdict_view import view
from keras_babysit.quantities import SHIPPED
from keras_babysit.rules import DEFAULT_RULES
from tests.rules.table import TABLE
from tools.messages_page import without_numbers
from tools.rules_page import COUNTS
from tools.site.chart import chart, variety

KNOWN = {quantity.name for quantity in SHIPPED}

BENCHMARK = (
    "Measured on faulty programs by carrying out the first remedy of the first finding, each with "
    "one whole training ([how](../remedies.md#do-remedies-work))."
)
NOT_MEASURED = (
    "The [benchmark of remedies](../remedies.md#do-remedies-work) has not carried out any of these "
    "so far. `sitter.try_remedies()` tries them on your own program."
)

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
    return "".join(_page(explanation(name), _counts().get(name, {}), efficacy(name)))


def efficacy(name: str) -> dict[str, Counter[str]]:
    """Return what the remedies of a condition did to the faulty programs of the benchmark.

    Returns:
        How often each remedy had which effect; those that differ in numbers only count as one.
    """
    texts: dict[str, str] = {}
    found: dict[str, Counter[str]] = {}
    for one in results.load()["first"].values():
        if one.get("rule") == name and one["effect"] in EFFECTS:
            text = texts.setdefault(_wording(one["remedy"]), one["remedy"])
            found.setdefault(text, Counter())[one["effect"]] += 1
    return found


def _counts() -> dict[str, Any]:
    return dict(json.loads(COUNTS.read_text(encoding="utf-8")))


def index() -> str:
    """Return the page that lists all conditions, in their rank."""
    names, counts = explainable(), _counts()
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
    shown: Explanation, counts: Mapping[str, int], measured: Mapping[str, Counter[str]]
) -> Iterator[str]:
    yield f"# {shown.title}\n\n"
    yield f"`{shown.name}` · usually {_article(shown.severity)} · {_found_by(shown.name)}\n\n"
    yield f"{shown.summary}\n"
    yield _section("What it means, and how it is measured", shown.about)
    yield _section("A run that has it", _picture(shown))
    yield _section("Messages", "\n".join(f"- {one}" for one in shown.messages))
    yield _section("What to do", "\n".join(_remedies(shown, measured)))
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


def _remedies(shown: Explanation, measured: Mapping[str, Counter[str]]) -> Iterator[str]:
    texts = {_wording(text): text for text in measured}
    for number, (sentence, code) in enumerate(shown.remedies, 1):
        text = texts.pop(_wording(sentence), "")
        yield f"{number}. {sentence}" + (
            f" *Measured: {_effects(measured[text])}.*" if text else ""
        )
        if code:
            indented = "\n".join(f"   {line}".rstrip() for line in code.splitlines())
            yield f"\n   ```python\n{indented}\n   ```\n"
    # Worded for a kind of program that no row of the tests has.
    yield from (f"- {text} *Measured: {_effects(measured[text])}.*" for text in texts.values())
    if shown.remedies:
        yield f"\n{BENCHMARK if measured else NOT_MEASURED}"


def _wording(text: str) -> str:
    return without_numbers(text).rstrip(".")  # a point after a number goes with it


def _effects(effects: Counter[str]) -> str:
    """Return what a remedy did: `cured 2 of 3 programs, improved 1`."""
    rest = [f"{name} {effects[name]}" for name in EFFECTS[1:] if effects[name]]
    return ", ".join([f"cured {effects['cured']} of {_programs(effects.total())}", *rest])


def _programs(count: int) -> str:
    return "1 program" if count == 1 else f"{count} programs"


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
