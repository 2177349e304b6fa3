"""`kb.explain`, and the texts that it prints."""

import json
from dataclasses import replace

import pytest

import keras_babysit as kb
from keras_babysit import config
from keras_babysit.checks import DEFAULT_CHECKS
from keras_babysit.explanations import explainable, explanation
from keras_babysit.explanations.text import text
from keras_babysit.findings import CONDITIONS, Condition
from keras_babysit.rules import DEFAULT_RULES
from tools.messages_page import EXAMPLES, examples, of_rules


@pytest.mark.parametrize("name", [*DEFAULT_RULES.names, *DEFAULT_CHECKS.names])
def test_a_condition_has_everything_that_its_reader_needs(name):
    shown = explanation(name)
    assert shown.summary.startswith("Report ")
    assert shown.about
    assert shown.messages
    assert shown.remedies
    assert shown.reference
    assert shown.silence
    lines = text(shown, 80).splitlines()
    code = {line for _, block in shown.remedies for line in block.splitlines()}
    wide = [one for one in lines if len(one) > 80 and not one.strip().startswith("kb.")]
    assert {one.strip() for one in wide} <= {one.strip() for one in code}


def test_the_examples_are_those_of_the_rows():
    written = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    made = {name: examples(found) for name, found in of_rules().items()}
    assert {name: written.get(name) for name in made} == made, "run `make messages`"


def test_it_prints_what_the_page_says(capsys):
    kb.explain("dead_units")
    printed = capsys.readouterr().out
    for part in ("Dead units\ndead_units, usually", "What to do:", "Source:", "without("):
        assert part in printed


def test_it_says_what_the_first_remedy_did_to_faulty_programs():
    shown = replace(explanation("dead_units"), efficacy=(("cured", 3), ("no difference", 1)))
    said = "Measured:\n  The first remedy, carried out on 4 faulty programs: 3 cured, 1 unchanged."
    assert said in text(shown)
    assert "Measured:" not in text(replace(shown, efficacy=()))


def test_it_takes_findings_and_rules_too(capsys):
    kb.explain("overfitting")
    expected = capsys.readouterr().out
    kb.explain(kb.Finding("overfitting", kb.Severity.WARNING, "", "A gap."))
    assert capsys.readouterr().out == expected
    kb.explain(kb.rules.overfitting)
    assert capsys.readouterr().out == expected


def test_an_unknown_name_raises_with_the_nearest_one():
    with pytest.raises(
        ValueError, match=r"nearest known name is 'dead_units'.*Received: 'ded_unit"
    ):
        kb.explain("ded_units")


def test_a_rule_of_ones_own_is_explained_by_its_docstring(capsys):
    CONDITIONS.add(Condition("mine", about="Report a thing.\n\nIt matters."))
    try:
        kb.explain("mine")
    finally:
        CONDITIONS.discard("mine")
    assert "It matters." in capsys.readouterr().out


def test_pages_are_named_where_there_are_any(monkeypatch):
    monkeypatch.setattr(config, "_SETTINGS", {"doc_url": "https://docs.example.org"})
    address = "https://docs.example.org/findings/dead_units.html"
    assert text(explanation("dead_units")).endswith(f"Page:\n  {address}")


def test_every_name_is_listed_once():
    assert len(explainable()) == len(set(explainable())) > 80
