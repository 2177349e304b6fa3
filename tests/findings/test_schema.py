"""What programs read of a verdict is what docs/schema/verdict.json says."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest

from keras_babysit.findings import Finding, Severity, verdict_of
from keras_babysit.findings.verdict import FORMAT_VERSION
from keras_babysit.history import to_jsonable
from tests.rules.table import TABLE

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs/schema/verdict.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def as_json(findings, history):
    record = to_jsonable(verdict_of(findings, history).to_json())
    return json.loads(json.dumps(record, allow_nan=False))


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["version"]["const"] == FORMAT_VERSION


@pytest.mark.parametrize("case", TABLE)
def test_verdicts_of_all_rules_are_valid(case):
    rule, made, _ = TABLE[case]
    VALIDATOR.validate(as_json(rule(made), made))


def test_a_verdict_with_symptoms_and_what_was_not_checked_is_valid():
    _, made, _ = next(iter(TABLE.values()))
    found = [
        Finding("dead_units", Severity.ERROR, "fc1", "dead", {"loss": float("nan")}, step=3),
        Finding("no_gradient", Severity.ERROR, "fc1", "none", step=5, resolved_step=9),
        Finding("not_watched", Severity.NOTE, "", "not measured"),
    ]
    record = as_json(found, made)
    VALIDATOR.validate(record)
    [cause] = record["causes"]
    assert cause["symptoms"]
    assert record["not_checked"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 2),
        (("severity",), "FATAL"),
        (("causes", 0, "rule"), None),
        (("causes", 0, "findings"), []),
        (("causes", 0, "findings", 0, "step"), -1),
        (("causes", 0, "findings", 0, "resolved_step"), "never"),
        (("do_first",), {"text": "no code"}),
    ],
)
def test_what_breaks_the_promise_is_not_valid(path, value):
    _, made, _ = next(iter(TABLE.values()))
    record = copy.deepcopy(as_json([Finding("dead_units", Severity.ERROR, "fc1", "dead")], made))
    part = record
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(record)
