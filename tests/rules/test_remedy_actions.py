"""Every remedy is a change that can be carried out, or says why there is none."""

import ast
from pathlib import Path

import pytest

import keras_babysit
from keras_babysit.actions import ACTIONS, action_from_json
from keras_babysit.findings import Finding
from tests.rules.table import TABLE

PACKAGE = Path(keras_babysit.__file__).parent
PARTS = ("rules", "checks", "recorder")


def remedies():
    """Return every remedy of every row of the table, and its finding."""
    found = []
    for rule, made, severity in TABLE.values():
        if severity is not None:
            found += [(remedy, one) for one in rule(made) for remedy in one.remedies]
    return found


def test_every_remedy_of_a_rule_has_a_change_or_says_why_it_has_none():
    for remedy, finding in remedies():
        assert (remedy.change is None) == bool(remedy.no_change_because), (finding.rule, remedy)


def test_the_code_is_that_of_the_change_and_both_survive_json():
    for remedy, finding in remedies():
        if remedy.change is not None:
            assert remedy.code == remedy.change.code
        assert remedy in Finding.from_json(finding.to_json()).remedies


def is_decided(call):
    return {"change", "no_change_because"} & {keyword.arg for keyword in call.keywords}


@pytest.mark.parametrize("part", PARTS)
def test_no_remedy_is_written_without_deciding(part):
    for path in (PACKAGE / part).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Remedy":
                assert is_decided(node), f"{path.name}:{node.lineno}"


def test_actions_of_other_versions_are_left_out():
    assert action_from_json({"kind": "DoSomethingNew"}) is None
    assert action_from_json({"kind": "TrainLonger", "speed": 3}) is None


def test_the_names_of_actions_are_their_classes():
    assert all(kind.__name__ == name for name, kind in ACTIONS.items())
