"""docs/rules.md is what `make docs-pages` makes of the rules."""

import json

import pytest

from keras_babysit.rules import DEFAULT_RULES, rule_name
from tools.rules_page import COUNTS, PAGE, page


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs-pages`"


@pytest.mark.parametrize("rule", list(DEFAULT_RULES), ids=rule_name)
def test_every_rule_has_a_row_with_its_counts_and_a_section(rule):
    text, name = page(), rule.condition.name
    counts = json.loads(COUNTS.read_text(encoding="utf-8")).get(name, {"right": "", "wrong": ""})
    (row,) = (line for line in text.splitlines() if line.startswith("|") and f" `{name}` " in line)
    assert row.endswith(f"| {counts['right']} | {counts['wrong']} |")
    section = text.split(f"\n## {rule.condition.title}\n")[1].split("\n## ")[0]
    for part in ("**Reports**", "**Needs measured**", "**Silent**", "**Reference**"):
        assert part in section
    for threshold in rule.__wrapped__.__kwdefaults__ or ():
        assert f"  - `{threshold}`: " in section


def test_links_lead_to_sections():
    text = page()
    headings = {
        "".join(c for c in line[3:].lower() if c.isalnum() or c in " -").replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("## ")
    }
    linked = {part.split(")")[0] for part in text.split("](#")[1:]}
    assert linked <= headings
