"""What every rule must do, as checks.

A check takes a `RuleCase` and fails by assertion.
"""

import dataclasses
import functools
import inspect
import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from keras_babysit.findings import Finding, Journal, Severity
from keras_babysit.history import History
from keras_babysit.testing.parametrize import parametrize

SPOILT_HISTORIES = 100
"""Damaged copies of its histories that a rule is asked about."""

SECTIONS = ("Reads", "Args:", "Returns:", "Example:", "Reference:")
"""What the docstring of a rule must have: what it reads, and these sections."""

ODD_VALUES = (0.0, -1.0, 1e-38, 1e38, "nan", "inf", "-inf")

Rule = Callable[..., list[Finding]]


@dataclasses.dataclass(frozen=True)
class RuleCase:
    """One rule and some histories.

    Args:
        rule: A function `history -> [Finding]`, or a `functools.partial` of one.
        fires: Histories in which it must find something, at least one.
        silent: Histories in which it must find nothing, at least one: a healthy run that looks
            like a sick one is the best of them.
    """

    rule: Rule
    fires: Sequence[History]
    silent: Sequence[History]

    @property
    def histories(self) -> list[History]:
        """All histories of the case."""
        return [*self.fires, *self.silent]


def parametrize_checks(cases: Mapping[str, RuleCase]) -> pytest.MarkDecorator:
    """Return a decorator that calls a test with every `case` and every `check`.

    Args:
        cases: Rules by name.

    Example:
        >>> sick, healthy = History(), History()
        >>> cases = {"my_rule": RuleCase(lambda history: [], fires=[sick], silent=[healthy])}
        >>> @parametrize_checks(cases)
        ... def test_rules(case, check):
        ...     check(case)
    """
    return parametrize(cases, CHECKS)


def check_fires(case: RuleCase) -> None:
    """It finds something in every history in which it must."""
    assert case.fires
    for number, history in enumerate(case.fires):
        assert _ask(case.rule, history), f"history {number} of `fires`"


def check_is_silent(case: RuleCase) -> None:
    """It finds nothing in a healthy history."""
    assert case.silent
    for number, history in enumerate(case.silent):
        assert _ask(case.rule, history) == [], f"history {number} of `silent`"


def check_is_silent_on_an_empty_history(case: RuleCase) -> None:
    """Nothing was measured, so nothing is found."""
    assert _ask(case.rule, History()) == []


def check_changes_nothing(case: RuleCase) -> None:
    """The history and the global random states are the same after it."""
    for history in case.histories:
        before = history.to_jsonl(), random.getstate(), str(np.random.get_state())
        _ask(case.rule, history)
        assert (history.to_jsonl(), random.getstate(), str(np.random.get_state())) == before


def check_returns_the_same_twice(case: RuleCase) -> None:
    """The findings depend on the history alone: asked again, also of a copy, they are the same."""
    for history in case.histories:
        copy = History.from_jsonl(history.to_jsonl())
        first, again, of_copy = (_texts(_ask(case.rule, one)) for one in (history, history, copy))
        assert first == again
        assert sorted(first) == sorted(of_copy)


def check_findings_survive_json(case: RuleCase) -> None:
    """Findings and their events are strict JSON, and the same after it."""
    for history in case.fires:
        found = _ask(case.rule, history)
        for event in Journal().update(found, step=1, epoch=0):
            text = json.dumps(event.to_json(), allow_nan=False)
            assert Finding.from_json(json.loads(text)).to_json() == event.finding.to_json()


def check_findings_say_what_to_do(case: RuleCase) -> None:
    """A finding has a message, a source and, unless it is a note, at least one remedy."""
    for history in case.fires:
        for finding in _ask(case.rule, history):
            assert finding.message.strip()
            assert finding.reference.strip()
            assert finding.remedies or finding.severity is Severity.NOTE


def check_tolerates_any_history(case: RuleCase) -> None:
    """Histories with odd values, with gaps and without some facts raise nothing."""
    rng = np.random.default_rng(0)
    for _ in range(SPOILT_HISTORIES):
        history = case.histories[rng.integers(len(case.histories))]
        spoilt = spoil(history, rng)
        found = _ask(case.rule, spoilt)
        assert all(isinstance(finding, Finding) for finding in found)
        assert _texts(_ask(case.rule, spoilt)) == _texts(found)


def check_docstring_has_its_sections(case: RuleCase) -> None:
    """It says what it reads, its thresholds, what it returns, an example and a source."""
    rule = case.rule
    while isinstance(rule, functools.partial):
        rule = rule.func
    text = inspect.getdoc(rule) or ""
    assert [section for section in SECTIONS if section not in text] == []


def spoil(history: History, rng: np.random.Generator) -> History:
    """Return a damaged copy of a history.

    Some facts and measurements are missing, and some values are odd: not finite, huge or negative.

    Args:
        history: The history, which stays as it is.
        rng: Decides what is damaged.
    """
    lines = history.to_jsonl().splitlines()
    first, records = json.loads(lines[0]), [json.loads(line) for line in lines[1:]]
    for name in list(first.get("facts", {})):
        if rng.random() < 0.2:
            del first["facts"][name]
    kept = rng.uniform(0.3, 1.0)
    odd = rng.choice([0.0, 0.1, 1.0])
    records = [record for record in records if rng.random() < kept]
    for record in records:
        record["value"] = _spoilt_value(record["value"], odd, rng)
    return History.from_jsonl("\n".join(json.dumps(one) for one in [first, *records]) + "\n")


def _spoilt_value(value: Any, odd: float, rng: np.random.Generator) -> Any:
    if isinstance(value, list):
        return [_spoilt_value(entry, odd, rng) for entry in value]
    return ODD_VALUES[rng.integers(len(ODD_VALUES))] if rng.random() < odd else value


def _ask(rule: Rule, history: History) -> list[Finding]:
    with np.errstate(all="ignore"):  # as the rules are asked during a run
        return rule(history)


def _texts(findings: Sequence[Finding]) -> list[str]:
    return [json.dumps(finding.to_json()) for finding in findings]


CHECKS: dict[str, Callable[[RuleCase], None]] = {
    "fires": check_fires,
    "is-silent": check_is_silent,
    "is-silent-on-an-empty-history": check_is_silent_on_an_empty_history,
    "changes-nothing": check_changes_nothing,
    "returns-the-same-twice": check_returns_the_same_twice,
    "findings-survive-json": check_findings_survive_json,
    "findings-say-what-to-do": check_findings_say_what_to_do,
    "tolerates-any-history": check_tolerates_any_history,
    "docstring": check_docstring_has_its_sections,
}
