import pytest

from keras_babysit.findings import Finding, Severity
from keras_babysit.rules import explain


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


def test_a_circle_has_one_root():
    steps = {"dead_units": 40, "collapsed_activations": 22, "vanishing_gradients": 30}
    findings = [found(rule, step) for rule, step in steps.items()]
    assert len(roots(*findings)) == 1
