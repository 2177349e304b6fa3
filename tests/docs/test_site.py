"""The parts of the documentation that are made of the code."""

import re
from collections import Counter

import pytest

from benchmarks.remedies import results
from keras_babysit.explanations import explainable
from tests.rules.table import TABLE
from tools.site import chart, findings, links
from tools.site.stage import adapted

CHECK, CARD_ONLY, CHART = "gradient_flow", "labels_out_of_range", "dead_units"


@pytest.mark.parametrize("name", [CHECK, CARD_ONLY, CHART, "rescue"])
def test_a_page_says_what_to_do_and_links_to_pages_that_exist(name):
    page = findings.page(name)
    assert page.startswith("# ")
    assert ("## What to do" in page) == (name != "rescue")
    assert "## Silence it" in page
    assert ('class="kb-card"' in page) == (name in (CARD_ONLY, CHART))
    assert ("<svg class=" in page) == (name == CHART)
    assert set(re.findall(r"\((\w+)\.md\)", page)) <= set(explainable())


MEASURED = {
    "a": ("Lower the learning rate to 0.1.", "cured"),
    "b": ("Lower the learning rate to 3e-05.", "harms"),
    "c": ("Lower the learning rate to 2.", "not applicable"),
    "d": ("Sleep on it.", "improved"),
}


def test_a_page_has_what_its_remedies_did_to_programs(monkeypatch):
    rule = "learning_rate_too_high"
    seen = {k: {"rule": rule, "remedy": text, "effect": how} for k, (text, how) in MEASURED.items()}
    monkeypatch.setattr(results, "load", lambda: {"first": seen})
    assert findings.efficacy(rule) == {
        "Lower the learning rate to 0.1.": Counter(cured=1, harms=1),
        "Sleep on it.": Counter(improved=1),
    }
    page = findings.page(rule)
    assert re.search(r"1\. Lower the .* \*Measured: cured 1 of 2 programs, harms 1\.\*\n", page)
    assert "- Sleep on it. *Measured: cured 0 of 1 program, improved 1.*" in page
    assert "has not carried out any" in findings.page(CHART)


def test_the_index_has_every_finding():
    listed = set(re.findall(r"\((\w+)\.md\)", findings.index()))
    assert listed == set(explainable())


def test_a_chart_names_what_it_shows():
    _, history, _ = TABLE["died-late"]
    drawn = chart.chart(history, ["loss/batch", "activations/dead_fraction"])
    assert "activations/dead_fraction" in drawn
    assert chart.chart(history, ["loss/batch"]) == ""


def test_links_of_the_repository_become_links_of_the_site():
    text = "[a](../rules.md#dead-units) [b](../messages.md) [c](rules.md) `examples/search.py` `x`"
    assert adapted(text, "../") == (
        "[a](../findings/dead_units.md) [b](../findings/index.md) [c](rules.md) "
        "[`examples/search.py`](../examples/search.md) `x`"
    )


def test_a_broken_link_and_a_foreign_script_are_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<h1 id="one"></h1><a href="b.html#two"></a><a href="#one"></a><a href="c.html"></a>'
        '<a href="b.html#three"></a><a href="https://example.org"></a><img src="data:image/png,x">'
        '<script src="https://example.org/x.js"></script>'
    )
    (tmp_path / "b.html").write_text('<p id="two"></p>')
    assert links.broken(tmp_path) == [
        "a.html loads https://example.org/x.js",
        "a.html: no c.html",
        "a.html: no b.html#three",
    ]
