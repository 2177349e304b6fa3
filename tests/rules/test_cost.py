"""What findings mean for each other: notes that are the root, and remedies that are not due."""

import pytest

from keras_babysit import rules
from keras_babysit.findings import Finding, Severity
from keras_babysit.rules._cost import by_cost
from keras_babysit.rules._experiments import CAPACITY
from tests.rules.table import at_half, history, one_step


def found_in(made):
    return {one.rule: one for one in rules.DEFAULT_RULES.judge(made)}


def note(rule, severity=Severity.NOTE):
    return Finding(rule, severity, "dense", "something is unusual")


def raised(*findings):
    """Return the rules of findings that are warnings in a run that has learned nothing."""
    found = by_cost(at_half(history({}), better=-0.01), findings)
    return {one.rule for one in found if one.severity >= Severity.WARNING}


@pytest.mark.parametrize(
    ("better", "severity"),
    [(-0.01, Severity.WARNING), (0.04, Severity.WARNING), (0.2, Severity.NOTE)],
)
def test_a_note_is_a_warning_where_the_network_has_learned_nothing(better, severity):
    made = at_half(one_step(1, class_name="Conv1D"), better=better)
    assert found_in(made)["single_time_step"].severity == severity


def test_only_the_note_of_the_highest_rank_becomes_a_warning():
    assert raised(note("order_ignored"), note("unmasked_padding")) == {"unmasked_padding"}


def test_a_note_stays_one_if_a_warning_explains_the_poor_fit():
    other = note("dead_units", Severity.WARNING)
    assert raised(note("unmasked_padding"), other) == {"dead_units"}


def test_a_warning_that_is_itself_a_poor_fit_explains_nothing():
    other = note("plateau", Severity.WARNING)
    assert raised(note("unmasked_padding"), other) == {"unmasked_padding", "plateau"}


def test_notes_of_other_conditions_stay_notes():
    assert raised(note("dead_units"), note("class_imbalance"), note("my_rule")) == set()


@pytest.mark.parametrize("cause", ["dead_units", "not_zero_centered", None])
def test_more_capacity_is_no_remedy_while_a_cause_is_open(cause):
    poor = Finding("underfitting", Severity.WARNING, "", "poor", remedies=(CAPACITY,))
    causes = [note(cause, Severity.WARNING)] if cause else []
    found = by_cost(history({}), [*causes, poor])
    explains = cause == "dead_units"
    assert (CAPACITY in found[-1].remedies) != explains
