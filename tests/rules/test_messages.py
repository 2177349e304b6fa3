"""docs/messages.md is what `make messages` makes of the rules and the checks.

The messages of the checks are compared in `tests/checks/test_pairs.py`, which makes them.
"""

import ast
import builtins

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.checks import DEFAULT_CHECKS
from keras_babysit.findings import CONDITIONS
from keras_babysit.rules import DEFAULT_RULES
from tests.rules.table import TABLE
from tools.messages_page import PAGE, committed, page

MODULES = {"kb": kb, "keras": keras, "np": np}
NAMES = {*MODULES, "model", "x", "y"}
"""What the code of a remedy may use without saying so."""

FINDINGS = {
    f"{case}-{index}": finding
    for case, (rule, made, _) in TABLE.items()
    for index, finding in enumerate(rule(made))
}


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(*committed()), "run `make messages`"


@pytest.mark.parametrize("name", [*DEFAULT_RULES.names, *DEFAULT_CHECKS.names])
def test_every_rule_and_check_has_a_section_with_messages_and_remedies(name):
    section = PAGE.read_text(encoding="utf-8").split(f"\n`{name}`, turned off by ")[1]
    section = section.split("\n## ")[0]
    assert "\n- " in section
    assert "\n1. " in section
    assert "\nReference: " in section
    assert CONDITIONS.silence(name) in section


@pytest.mark.parametrize("case", FINDINGS)
def test_a_message_is_made_of_short_sentences(case):
    message = FINDINGS[case].message
    sentences = message.removesuffix(".").split(". ")
    assert message.endswith(".")
    assert message[0].isupper() or message[0].isdigit()
    assert max(len(sentence.split()) for sentence in sentences) <= 25, message


@pytest.mark.parametrize("case", FINDINGS)
def test_a_layer_that_a_message_names_stands_in_quotes(case):
    finding = FINDINGS[case]
    words = finding.message.replace('"', " ").split()
    is_layer = finding.target not in (
        "",
        "a",
        "inputs",
        "validation",
    )  # the others are words as well
    if is_layer and finding.target in words:
        assert f'"{finding.target}"' in finding.message


@pytest.mark.parametrize("case", FINDINGS)
def test_remedies_have_code_that_names_what_it_needs(case):
    for remedy in FINDINGS[case].remedies:
        assert remedy.text[0].isupper()
        assert remedy.text.endswith(".")
        tree = ast.parse(remedy.code)
        free = _free_names(tree) - NAMES - set(dir(builtins))
        unsaid = {name for name in free if name not in _comments(remedy.code) + remedy.text}
        assert not unsaid, remedy.code
        for path in _paths(tree):
            _resolve(path)


def _free_names(tree):
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    made = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    made |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    made |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    made |= {
        one.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for one in node.names
    }
    return {node.id for node in names} - made


def _comments(code):
    return " ".join(line.partition("#")[2] for line in code.splitlines())


def _paths(tree):
    """Return `keras.layers.Dense` and the like, as they stand in code."""
    texts = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return [text for text in texts if text.split(".")[0] in MODULES and "(" not in text]


def _resolve(path):
    first, *rest = path.split(".")
    found = MODULES[first]
    for name in rest:
        found = getattr(found, name)
    return found
