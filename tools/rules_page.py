"""Writes docs/rules.md from the rules, their docstrings and the benchmark: `make docs-pages`."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_babysit.checks import DEFAULT_CHECKS
from keras_babysit.explanations import parts, prose, thresholds
from keras_babysit.findings import CONDITIONS, Condition, alternatives
from keras_babysit.findings.verdict import FACTS
from keras_babysit.rules import DEFAULT_RULES, RANKED, Rule

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "rules.md"
COUNTS = ROOT / "benchmarks" / "diagnosis" / "rule_counts.json"

BEFORE = """\
<!-- Generated from the docstrings of keras_babysit/rules/ by `make docs-pages`; edit those. -->
# The rules

A rule is a pure function of the history: `keras_babysit/rules/<name>.py`. Its thresholds are
arguments, so `functools.partial(kb.rules.dead_units, threshold=0.6)` is a rule as well. A rule that
asks another one gets the findings of your version of it.

A rule of your own can run the checks that these run: see [extending.md](extending.md). Which faults
of transformers they cover is listed in [transformers.md](transformers.md).

The order is the rank of causes: the data first, then the structure of the network, then the
learning rate, then their effects. All messages and remedies are listed in
[messages.md](messages.md). The last two columns count the programs of the [benchmark](accuracy.md)
on which each rule was right and wrong (`make bench-diagnosis`). Right is to name the fault or a
symptom of it; wrong is an alarm on a healthy program, or about something else on a faulty one.

| condition | rule | usual severity | right | wrong |
|---|---|---|---|---|
"""

CAUSES = """
## Causes before symptoms

Each rule states which conditions follow from its own (*Explains*). `sitter.findings` and
`sitter.verdict` put the likeliest root cause first and its symptoms behind it: of all rules that
explain a finding, the one of the highest rank is its cause. Of two that may follow from each other
the one that was seen first is the cause; if both were seen at about the same time, the one of the
higher rank.

A finding opens once, may worsen, and resolves once it has not held for three judgements.

## What else is reported

| condition | name | turned off by |
|---|---|---|
"""


def page() -> str:
    """Return the page: a table of all rules in their rank, and a section for each."""
    counts = json.loads(COUNTS.read_text(encoding="utf-8"))
    rules = [one for one in RANKED if isinstance(one, Rule)]
    others = [one for one in RANKED if isinstance(one, Condition)]
    others += [CONDITIONS[name] for name in DEFAULT_CHECKS.names]
    rows = "".join(_row(rule.condition, counts) for rule in rules)
    sections = "".join(_section(rule) for rule in rules)
    return BEFORE + rows + sections + CAUSES + "".join(_other(one) for one in others)


def _row(condition: Condition, counts: Mapping[str, Mapping[str, int]]) -> str:
    of_rule = counts.get(condition.name, {})
    right, wrong = (str(of_rule.get(key, "")) for key in ("right", "wrong"))
    severity = condition.severity.name
    cells = (_link(condition), f"`{condition.name}`", severity, right, wrong)
    return f"| {' | '.join(cells)} |\n"


def _other(condition: Condition) -> str:
    code = CONDITIONS.silence(condition.name)
    cells = (condition.title, f"`{condition.name}`", f"`{code}`" if code else "")
    return f"| {' | '.join(cells)} |\n"


def _section(rule: Rule[...]) -> str:
    condition = rule.condition
    text, found = parts(inspect.getdoc(rule) or "")
    facts = [
        ("Thresholds", _thresholds(found.get("Args", ""))),
        ("Reports", prose(found.get("Returns", ""))),
        ("Needs measured", ", ".join(_need(need) for need in condition.needs)),
        ("Silent", "; ".join(condition.silent)),
        ("Explains", ", ".join(_link(CONDITIONS[name]) for name in condition.explains)),
        ("Reference", prose(found.get("Reference", ""))),
        ("Turned off by", f"`{CONDITIONS.silence(condition.name)}`"),
    ]
    lines = "".join(f"- **{heading}**:{_after(value)}\n" for heading, value in facts if value)
    return f"\n## {condition.title}\n\n`{condition.name}`. {text}\n\n{lines}"


def _thresholds(args: str) -> str:
    """Return the arguments but the history, a list item each."""
    return "".join(f"\n  - `{name}`: {text}" for name, text in thresholds(args))


def _after(text: str) -> str:
    return text if text.startswith("\n") else f" {text}"


def _need(need: str) -> str:
    return " or ".join(FACTS.get(name, f"`{name}`") for name in alternatives(need))


def _link(condition: Condition) -> str:
    anchor = re.sub(r"[^\w -]", "", condition.title.lower()).replace(" ", "-")
    is_rule = condition.name in DEFAULT_RULES.names
    return f"[{condition.title}](#{anchor})" if is_rule else condition.title


def write_counts(counts: Mapping[str, Any]) -> None:
    """Write how often each rule was right and wrong, and the page anew."""
    COUNTS.write_text(json.dumps(dict(sorted(counts.items())), indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
