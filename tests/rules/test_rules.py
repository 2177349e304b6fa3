"""Rules on histories made by hand: a table of what fires and what must not."""

import functools
import inspect
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_babysit import rules
from keras_babysit.advice import Advice, Severity
from keras_babysit.history import History, Measurement


def history(series, **facts):
    """Return a history of `{(quantity, target): values}`, one value per step."""
    made = History()
    made.facts.update({"layers": {}} | facts)
    for (quantity, target), points in series.items():
        for step, value in enumerate(points):
            made.append(Measurement(step, step, quantity, target, value))
    return made


def layer(quantity, values, kind="rectifier", role="hidden"):
    return history({(quantity, "dense"): values}, layers={"dense": {"kind": kind, "role": role}})


DEAD, SATURATED = "activations/dead_fraction", "activations/saturated_fraction"


def losses(start, batches=(), epochs=()):
    return history(
        {("loss/start", ""): [start], ("loss/batch", ""): batches, ("logs/loss", ""): epochs}
    )


def scores(train, validation=(), error=0.01, name="error", **more):
    series = {
        (f"score/{name}", "train"): train,
        (f"score/{name}_stderr", "train"): [error] * len(train),
        (f"score/{name}", "validation"): validation,
        (f"score/{name}_stderr", "validation"): [error] * len(validation),
    }
    return series | {(quantity, "train"): values for quantity, values in more.items()}


def poor(error, reference, losses, epochs=8, done=None, **more):
    series = scores(error, **more) | {
        ("score/loss", "train"): losses,
        ("score/loss_stderr", "train"): [0.001] * len(losses),
        ("loss/start", ""): [0.7],
    }
    for name, value in reference.items():
        series[f"reference/{name}", "train"] = [value] * len(error)
    made = history(series, epochs=epochs)
    if done:
        made.facts["has_ended"] = True
    return made


FLAT = [0.693] * 8
FALLING = [0.69 - 0.05 * step for step in range(8)]

TABLE = {
    "half-zero-but-alive": (rules.dead_units, layer(DEAD, [0.0] * 9), None),
    "a-tenth-dead": (rules.dead_units, layer(DEAD, [0.1] * 9), None),
    "a-fifth-dead-is-a-note": (rules.dead_units, layer(DEAD, [0.25] * 9), Severity.NOTE),
    "died-late": (rules.dead_units, layer(DEAD, [0, 0, 0.6, 0.7, 0.7]), Severity.WARNING),
    "died-through": (rules.dead_units, layer(DEAD, [0, 1.0, 1.0, 1.0]), Severity.ERROR),
    "dead-once": (rules.dead_units, layer(DEAD, [0, 0, 0.9]), None),
    "came-back": (rules.dead_units, layer(DEAD, [0.9, 0.9, 0.9, 0.1, 0.1, 0.1]), None),
    "open-on-both-sides": (rules.dead_units, layer(DEAD, [0.9] * 5, kind="open"), None),
    "no-probe-yet": (rules.dead_units, history({}), None),
    "stuck-at-an-end": (
        rules.saturated_units,
        layer(SATURATED, [0.8] * 4, kind="squashing"),
        Severity.WARNING,
    ),
    "all-stuck": (
        rules.saturated_units,
        layer(SATURATED, [1.0] * 4, kind="squashing"),
        Severity.WARNING,
    ),
    "a-third-stuck": (rules.saturated_units, layer(SATURATED, [0.3] * 4, kind="squashing"), None),
    "sure-classifier": (
        rules.saturated_units,
        layer(SATURATED, [1.0] * 4, kind="squashing", role="output"),
        None,
    ),
    "explodes": (rules.loss_explosion, losses(2.3, [2.3] + [50] * 11), Severity.ERROR),
    "explodes-hopelessly": (rules.loss_explosion, losses(2.3, [2.3, 5e3, 6e4]), Severity.ERROR),
    "overshoots-at-first": (rules.loss_explosion, losses(2.3, [2.3, 50, 60, 20]), None),
    "one-spike": (rules.loss_explosion, losses(2.3, [2.3, 50, 2.0]), None),
    "mean-of-an-epoch": (rules.loss_explosion, losses(2.3, [2.3], [7.5]), Severity.ERROR),
    "mean-of-a-short-epoch": (
        rules.loss_explosion,
        history({("loss/start", ""): [2.3], ("logs/loss", ""): [7.5, 2.0]}, steps_per_epoch=3),
        None,
    ),
    "large-from-the-start": (rules.loss_explosion, losses(5e4, [5e4, 4e4, 3e4], [3e4]), None),
    "not-a-number": (rules.loss_explosion, losses(2.3, [2.3, math.nan]), Severity.ERROR),
    "negative-loss": (rules.loss_explosion, losses(-1.0, [-5.0, 4.0, 5.0]), None),
    "exploded-and-came-back": (rules.loss_explosion, losses(2.3, [50, 60, 2, 1], [1.5]), None),
    "nan-in-the-inputs": (
        rules.non_finite_values,
        history({("inputs/nonfinite", "inputs[0]"): [0, 2], ("logs/loss", ""): [math.nan]}),
        Severity.ERROR,
    ),
    "nan-in-the-inputs-is-no-explosion": (
        rules.loss_explosion,
        history(
            {
                ("inputs/nonfinite", "inputs[0]"): [0, 2],
                ("loss/start", ""): [2.3],
                ("loss/batch", ""): [math.nan, math.nan],
            }
        ),
        None,
    ),
    "all-finite": (
        rules.non_finite_values,
        history({("inputs/nonfinite", "inputs[0]"): [0, 0], ("logs/loss", ""): [1.0]}),
        None,
    ),
    "skipped-by-the-loss-scale": (
        rules.non_finite_values,
        history(
            {
                ("gradients/norm", "dense/kernel"): [math.inf],
                ("optimizer/loss_scale", ""): [32768.0],
            }
        ),
        None,
    ),
    "wide-gap": (
        rules.overfitting,
        history(scores([0.0] * 3, [0.3] * 3)),
        Severity.WARNING,
    ),
    "usual-gap": (rules.overfitting, history(scores([0.0] * 3, [0.04] * 3)), None),
    "wide-but-unsure": (rules.overfitting, history(scores([0.0] * 3, [0.3] * 3, error=0.2)), None),
    "validation-loss-rises": (
        rules.overfitting,
        history(
            scores([1.5, 0.5, 0.2, 0.1, 0.05], [1.6, 0.9, 1.3, 1.5, 1.6], name="loss")
            | {("loss/start", ""): [2.3]}
        ),
        Severity.WARNING,
    ),
    "validation-loss-wobbles": (
        rules.overfitting,
        history(
            scores([1.5, 0.5, 0.2, 0.1, 0.05], [1.6, 0.9, 0.92, 0.91, 0.93], name="loss")
            | {("loss/start", ""): [2.3]}
        ),
        None,
    ),
    "no-better-than-a-constant": (
        rules.underfitting,
        poor([0.5] * 8, {"constant_error": 0.5}, FLAT),
        Severity.WARNING,
    ),
    "neighbours-do-better": (
        rules.underfitting,
        poor(
            [0.3] * 8,
            {
                "constant_error": 0.5,
                "neighbour_error": 0.05,
                "neighbour_advantage": 0.25,
                "neighbour_advantage_stderr": 0.02,
            },
            FLAT,
        ),
        Severity.WARNING,
    ),
    "noise-that-nobody-can-learn": (
        rules.underfitting,
        poor(
            [0.3] * 8,
            {
                "constant_error": 0.5,
                "neighbour_error": 0.35,
                "neighbour_advantage": -0.05,
                "neighbour_advantage_stderr": 0.02,
            },
            FLAT,
        ),
        None,
    ),
    "too-early-to-tell": (
        rules.underfitting,
        poor([0.5] * 8, {"constant_error": 0.5}, FLAT, epochs=100),
        None,
    ),
    "ended-early": (
        rules.underfitting,
        poor([0.5] * 51, {"constant_error": 0.5}, [0.693] * 51, epochs=200, done=True),
        Severity.WARNING,
    ),
    "ended-early-while-falling": (
        rules.underfitting,
        poor([0.5] * 12, {"constant_error": 0.5}, [0.69 - 0.03 * s for s in range(12)], 100, True),
        None,
    ),
    "ended-at-once": (
        rules.underfitting,
        poor([0.5] * 5, {"constant_error": 0.5}, FLAT[:5], epochs=100, done=True),
        None,
    ),
    "still-falling": (
        rules.underfitting,
        poor([0.5] * 8, {"constant_error": 0.5}, FALLING, epochs=12),
        None,
    ),
    "no-yardstick": (rules.underfitting, poor([0.5] * 8, {}, FLAT), None),
    "gap-instead": (
        rules.underfitting,
        poor([0.5] * 8, {"constant_error": 0.5}, FLAT, validation=[0.8] * 8),
        None,
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_a_rule_fires_or_is_silent(case):
    rule, made, severity = TABLE[case]
    found = rule(made)
    assert [advice.severity for advice in found] == ([] if severity is None else [severity])


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
    st.dictionaries(st.sampled_from(["epochs", "has_ended"]), st.integers(0, 3)),
)
def test_every_rule_tolerates_every_history(series, facts):
    made = history(series, **facts)
    for rule in rules.DEFAULT_RULES:
        assert all(isinstance(advice, Advice) for advice in rule(made))


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


def test_the_learning_rate_comes_from_the_first_step():
    made = losses(2.3, [2.3] + [50] * 11)
    made.append(Measurement(0, 0, "optimizer/learning_rate", "", 1000.0))
    made.append(Measurement(0, 0, "updates/ratio", "dense/kernel", 100.0))
    (advice,) = rules.loss_explosion(made)
    # Moving by 1e-3 instead of by 100 takes a rate that is 1e-5 times as high.
    assert "learning_rate = 0.01" in advice.remedies[0].code


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


def test_rules_are_read_from_names_and_functions():
    changed = functools.partial(rules.dead_units, threshold=0.9)
    assert rules.read_rules(["loss_explosion", changed]).names == ["loss_explosion", "dead_units"]
    assert "dead_units" not in rules.DEFAULT_RULES.without("dead_units").names
    more = rules.Rules([*rules.DEFAULT_RULES, lambda history: []])
    assert len(more) == len(rules.DEFAULT_RULES) + 1


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (["dead_unit"], ValueError, "There must be a rule of that name"),
        ([3], TypeError, "functions or names of rules. Received: int"),
        (["dead_units", "dead_units"], ValueError, "distinct names. Received: 'dead_units' twice"),
    ],
)
def test_wrong_rules_are_refused(wrong, error, message):
    with pytest.raises(error, match=message):
        rules.read_rules(wrong)
