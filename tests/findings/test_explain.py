from dataclasses import replace

import numpy as np
import pytest

from keras_babysit.findings import Finding, Severity, causes_of, explain, moments


def found(rule, step):
    return Finding(rule, Severity.WARNING, "", rule, step=step)


def roots(*findings):
    return [one.rule for one in explain(findings) if not one.cause]


@pytest.mark.parametrize(("rate", "blown_up"), [(12, 4), (400, 300), (5, 5)])
def test_of_what_was_seen_at_about_one_time_the_higher_rank_is_the_cause(rate, blown_up):
    """Rules wait for different numbers of probes, which says nothing of what came first."""
    findings = found("exploding_activations", blown_up), found("learning_rate_too_high", rate)
    assert roots(*findings) == ["learning_rate_too_high"]


def test_what_was_seen_long_before_is_the_cause():
    findings = found("exploding_activations", 100), found("learning_rate_too_high", 400)
    assert roots(*findings) == ["exploding_activations"]


def test_what_speaks_at_once_is_the_cause_of_what_comes_a_step_later():
    findings = found("non_finite_values", 0), found("loss_explosion", 1)
    assert roots(*findings) == ["non_finite_values"]
    findings = found("non_finite_values", 5), found("loss_explosion", 4)
    assert roots(*findings) == ["loss_explosion"]


def test_an_explosion_is_no_cause_of_what_was_seen_long_before():
    early, late = found("constant_output", 51), found("loss_explosion", 560)
    assert set(roots(early, late)) == {"constant_output", "loss_explosion"}
    assert roots(early, found("loss_explosion", 60)) == ["loss_explosion"]


def test_a_condition_that_is_judged_late_is_still_the_cause():
    findings = found("constant_output", 51), found("uninformative_inputs", 560)
    assert roots(*findings) == ["uninformative_inputs"]


def test_what_was_resolved_long_before_explains_nothing():
    over = replace(found("constant_features", 0), resolved_step=5)
    assert set(roots(over, found("dead_units", 50))) == {"constant_features", "dead_units"}
    assert roots(over, found("dead_units", 15)) == ["constant_features"]  # rules wait


def test_a_circle_has_one_root():
    steps = {"dead_units": 40, "collapsed_activations": 22, "vanishing_gradients": 30}
    findings = [found(rule, step) for rule, step in steps.items()]
    assert len(roots(*findings)) == 1


def test_what_explains_nothing_and_is_not_explained_stands_by_itself():
    assert roots(found("my_rule", 0), found("overfitting", 0)) == ["overfitting", "my_rule"]


def test_notes_explain_nothing():
    note = replace(found("unscaled_inputs", 0), severity=Severity.NOTE)
    assert roots(note, found("dead_units", 5)) == ["dead_units", "unscaled_inputs"]


def shuffled(findings):
    return [findings[index] for index in np.random.default_rng(0).permutation(len(findings))]


MIXED = [
    replace(found("learning_rate_too_high", 12), target="a"),
    replace(found("learning_rate_too_high", 12), target="b"),
    replace(found("learning_rate_too_high", 3), target="a", resolved_step=8),
    replace(found("loss_explosion", 14), severity=Severity.ERROR),
    replace(found("dead_units", 20), target="a"),
    replace(found("dead_units", 20), target="b", severity=Severity.NOTE),
    replace(found("overfitting", 1), severity=Severity.ERROR, resolved_step=2),
    replace(found("class_imbalance", 0), severity=Severity.NOTE),
]


def test_a_cause_has_its_targets_and_episodes_and_its_symptoms_by_rule():
    causes = causes_of(explain(shuffled(MIXED)))
    assert [cause.rule for cause in causes] == [
        "learning_rate_too_high",
        "class_imbalance",
        "overfitting",  # an error, but nothing of it holds
    ]
    first = causes[0]
    assert first.title == "Learning rate too high"
    assert first.severity is Severity.ERROR  # as bad as its worst symptom
    assert {(one.target, one.step) for one in first.findings} == {("a", 12), ("b", 12), ("a", 3)}
    assert sorted(first.root.targets) == ["a", "b"]
    assert [group.rule for group in first.symptoms] == ["loss_explosion", "dead_units"]
    assert [one.severity.name for one in first.symptoms[1].findings] == ["WARNING", "NOTE"]


def test_the_order_of_the_findings_is_that_of_the_causes():
    findings = explain(shuffled(MIXED))
    groups = [group for cause in causes_of(findings) for group in cause.groups]
    assert [one for group in groups for one in group.findings] == findings
    assert [one for some in moments(findings) for one in some] == findings
    assert explain(shuffled(findings))[2:] == findings[2:]  # "a" and "b" of one step may swap


def test_of_one_moment_is_what_opened_at_one_step_and_is_equally_severe():
    sizes = [(some[0].rule, len(some)) for some in moments(explain(MIXED))]
    assert sizes == [
        ("learning_rate_too_high", 2),
        ("learning_rate_too_high", 1),
        ("loss_explosion", 1),
        ("dead_units", 1),
        ("dead_units", 1),
        ("class_imbalance", 1),
        ("overfitting", 1),
    ]


def test_symptoms_are_grouped_where_their_cause_is_not_among_them():
    """A sink gets the changes of one step: the cause may have been reported earlier."""
    symptom = replace(found("dead_units", 20), cause="learning_rate_too_high")
    (cause,) = causes_of([symptom])
    assert (cause.rule, cause.findings) == ("learning_rate_too_high", ())
    assert cause.severity is Severity.WARNING
    assert moments([symptom]) == [[symptom]]


def test_no_findings_have_no_causes():
    assert causes_of([]) == ()
    assert explain([]) == moments([]) == []
