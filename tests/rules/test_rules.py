"""Rules on histories made by hand (`table.py`), on any history, and with bad arguments."""

import inspect
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_babysit import quantities, rules
from keras_babysit.facts import DataFacts, LayerFacts, TargetFacts, WeightFacts
from keras_babysit.findings import Finding, Severity, alternatives
from keras_babysit.findings.verdict import FACTS
from keras_babysit.history import History, Measurement
from tests.rules.table import DEAD, FLAT, SATURATED, TABLE, history, layer, losses, poor


@pytest.mark.parametrize("case", TABLE)
def test_a_rule_fires_or_is_silent(case):
    rule, made, severity = TABLE[case]
    found = rule(made)
    assert [finding.severity for finding in found] == ([] if severity is None else [severity])


def test_the_table_covers_every_rule_both_ways():
    fires = {rule for rule, _, severity in TABLE.values() if severity is not None}
    silent = {rule for rule, _, severity in TABLE.values() if severity is None}
    assert set(rules.DEFAULT_RULES) == fires == silent


def test_rules_survive_the_way_to_json_and_back():
    for rule, made, severity in TABLE.values():
        again = History.from_jsonl(made.to_jsonl())
        assert bool(rule(again)) == (severity is not None)


numbers = st.one_of(st.floats(width=32), st.just(math.nan), st.just(math.inf), st.just(-math.inf))
QUANTITIES = sorted({quantity for _, made, _ in TABLE.values() for quantity in made.quantities()})


@given(
    st.dictionaries(
        st.tuples(
            st.sampled_from(QUANTITIES), st.sampled_from(["", "dense", "train", "validation"])
        ),
        st.lists(numbers, max_size=6),
    ),
    st.fixed_dictionaries({}, optional={"epochs": st.integers(0, 3), "has_ended": st.booleans()}),
)
def test_every_rule_tolerates_every_history(series, facts):
    made = history(series, **facts)
    assert all(isinstance(finding, Finding) for finding in rules.DEFAULT_RULES.judge(made))


@pytest.mark.parametrize("rule", list(rules.DEFAULT_RULES), ids=rules.rule_name)
def test_every_rule_says_what_it_needs_to(rule):
    text = inspect.getdoc(rule)
    for part in ("Args:", "Returns:", "Example:", "Reference:", "silent", "Reads"):
        assert part in text
    module = inspect.getmodule(rule)
    assert module.__name__.endswith(rule.__name__)


@pytest.mark.parametrize(
    ("rule", "arguments", "message"),
    [
        (rules.dead_units, {"threshold": 1.7}, r"`threshold` must be in \(0, 1\]"),
        (rules.dead_units, {"patience": 0}, "`patience` must be at least 1"),
        (rules.saturated_units, {"threshold": 0}, r"`threshold` must be in \(0, 1\]"),
        (rules.loss_explosion, {"factor": 1.0}, "`factor` must be above 1"),
        (rules.overfitting, {"gap": -1}, r"`gap` must be in \(0, 1\]"),
        (rules.underfitting, {"margin": 2}, r"`margin` must be in \(0, 1\]"),
    ],
)
def test_thresholds_are_checked(rule, arguments, message):
    with pytest.raises(ValueError, match=message):
        rule(History(), **arguments)


def test_layers_of_identical_units_are_one_finding():
    made = history({("weights/unit_spread", f"{name}/kernel"): [0.0] * 4 for name in "abcde"})
    layers = {name: LayerFacts(role="hidden") for name in "abcde"}
    weights = {f"{n}/kernel": WeightFacts(layer=n, size=9, is_kernel=True) for n in "abcde"}
    made.note(layers=layers, weights=weights)
    (finding,) = rules.symmetric_units(made)
    assert finding.target == "a"
    assert finding.message.startswith('In each of "a", "b", "c" and 2 more, all units have')


def test_the_learning_rate_comes_from_the_first_step():
    made = losses(2.3, [2.3] + [50] * 11)
    made.append(Measurement(0, 0, "optimizer/learning_rate", "", 1000.0))
    made.append(Measurement(0, 0, "updates/ratio", "dense/kernel", 100.0))
    (finding,) = rules.loss_explosion(made)
    # Moving by 5e-3 instead of by 100 takes a learning rate that is 5e-5 times as high.
    assert "learning_rate = 0.05" in finding.remedies[0].code


def with_units(units, dead):
    made = layer(DEAD, [dead / units] * 4)
    made.append(Measurement(4, 0, "activations/gate_max", "dense", np.ones(units, np.float32)))
    return made


@pytest.mark.parametrize(
    ("units", "dead", "fires"), [(5, 2, 0), (5, 4, 1), (64, 28, 0), (64, 35, 1)]
)
def test_few_units_take_a_larger_share(units, dead, fires):
    warnings = [a for a in rules.dead_units(with_units(units, dead)) if a.severity > Severity.NOTE]
    assert len(warnings) == fires


def test_the_end_of_the_range_is_named():
    made = layer(SATURATED, [0.8] * 3, kind="squashing")
    made.append(Measurement(3, 0, "activations/saturated_low", "dense", np.full(40, 0.9)))
    made.append(Measurement(3, 0, "activations/saturated_high", "dense", np.full(40, 0.05)))
    assert "the low end" in rules.saturated_units(made)[0].message


def test_a_layer_whose_square_overflows_is_named():
    made = layer("activations/std", [float("inf")])
    made.append(Measurement(0, 0, "loss/batch", "", float("inf")))
    message = rules.non_finite_values(made)[0].message
    assert 'outputs of "dense" are finite, but too large to be squared' in message


@pytest.mark.parametrize(
    ("batches", "first_seen"),
    [([2.0, 6.0], "weights"), ([2.0, 6.1], "loss"), ([6.1, 2.0], "weights"), ([], "weights")],
)
def test_weights_that_go_bad_after_an_explosion_need_no_other_cause(batches, first_seen):
    made = losses(2.0, batches)
    made.append(Measurement(2, 0, "weights/norm", "dense/kernel", math.nan))
    made.append(Measurement(2, 0, "loss/batch", "", 50.0))  # of the step itself
    (finding,) = rules.non_finite_values(made)
    assert finding.evidence["first_seen"] == first_seen
    assert finding.needs_cause == (first_seen == "weights")


def test_every_rule_reports_under_its_name_and_as_bad_as_it_says():
    severities = {}
    for rule, made, _ in TABLE.values():
        for one in rule(made):
            assert one.rule == rules.rule_name(rule)
            severities.setdefault(rule, set()).add(one.severity)
    for rule, found in severities.items():
        assert rule.condition.severity in found, rule


@pytest.mark.parametrize("rule", list(rules.DEFAULT_RULES), ids=rules.rule_name)
def test_every_rule_says_what_it_needs_measured_and_when_it_is_silent(rule):
    assert rule.condition.needs
    assert rule.condition.silent
    for need in rule.condition.needs:
        for name in alternatives(need):
            assert name in FACTS or quantities.get(name).name == name


@pytest.mark.parametrize("of_stretch", [0.15, 0.95])
def test_validation_targets_sorted_by_class_are_named(of_stretch):
    constant = {"constant_error": 0.5, "neighbour_error": 0.49}
    advantage = {"constant_advantage": 0.0, "constant_advantage_stderr": 0.02}
    made = poor([0.5] * 8, constant | advantage, FLAT)
    leaf = TargetFacts(largest_fraction=0.1, largest_fraction_of_stretch=of_stretch, stretch=32)
    made.note(validation=DataFacts(targets=(leaf,)))
    (finding,) = rules.uninformative_inputs(made)
    is_sorted = of_stretch > 0.5
    assert ("sorted by class" in finding.message) == is_sorted
    assert finding.remedies[0].text.startswith("Read inputs") == is_sorted


def test_the_remedy_for_equal_samples_fits_the_networks():
    """A decoder has no discriminator, and a generator no divergence."""
    said = {}
    for case in ("generator-of-one-sample", "decoder-of-one-picture"):
        rule, made, _ = TABLE[case]
        said[case] = " ".join(remedy.text for remedy in rule(made)[0].remedies)
    assert "discriminator" in said["generator-of-one-sample"]
    assert "discriminator" not in said["decoder-of-one-picture"]
    assert "KL divergence" in said["decoder-of-one-picture"]
