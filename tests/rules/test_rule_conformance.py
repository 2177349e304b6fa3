"""Every default rule against the shipped suite, with the histories of the table."""

import functools

from keras_babysit import rules
from keras_babysit.testing.rules import CHECKS, RuleCase, parametrize_checks
from tests.rules.table import TABLE


def case_of(rule):
    made = [(history, severity) for asked, history, severity in TABLE.values() if asked is rule]
    return RuleCase(
        rule,
        fires=[history for history, severity in made if severity is not None],
        silent=[history for history, severity in made if severity is None],
    )


CASES = {rules.rule_name(rule): case_of(rule) for rule in rules.DEFAULT_RULES}


@parametrize_checks(CASES)
def test_rule(case, check):
    check(case)


@parametrize_checks(
    {"partial": RuleCase(functools.partial(rules.dead_units, threshold=0.9), [], [])}
)
def test_a_configured_rule_has_the_docstring_of_its_function(case, check):
    if check is CHECKS["docstring"]:
        check(case)
