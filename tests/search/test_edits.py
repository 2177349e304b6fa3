"""What trials change about the ranges: a table of searches and the edits that follow."""

import dataclasses

import pytest

from keras_babysit.history import History, Measurement
from keras_babysit.search import Range
from keras_babysit.search.edits import EDITS, RoundOutcome
from keras_babysit.search.edits._boundary import boundary
from keras_babysit.search.phases import plan_phases
from keras_babysit.search.rounds import Steering, next_ranges, ranges_by_round
from keras_babysit.search.traits import RATE, STABLE_RATE, rank_correlation
from keras_babysit.search.traits import rates as rates_of
from tests.search.records import DROPOUT, LR, UNITS, record

TWO_ROUNDS = plan_phases([12, 12], [0, 0], 0)


def rates(*pairs):
    """Return trials at these learning rates, each with a cost or a cause."""
    return [
        record(n, *((None, how) if isinstance(how, str) else (how,)), learning_rate=rate)
        for n, (rate, how) in enumerate(pairs)
    ]


GOOD = [(10.0**k, abs(k + 3) + 0.1) for k in (-4.6, -4, -3.4, -3, -2.6, -2.2)]
DIVERGED = [(v, "loss_explosion") for v in (0.1, 0.3, 1.0)] + [(5.0, "non_finite_values")]
STILL = [(v, "no_update") for v in (1.1e-5, 1.2e-5, 1.3e-5, 1.6e-5)]


def fits(finding, name, trait, *, gap=0.0):
    """Return trials with a finding, whose trait increases with a hyperparameter."""
    spread = {"dropout": [0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4]}
    values = spread.get(name, [12, 20, 30, 40, 50, 60, 70, 90])
    return [
        record(
            n,
            abs(n - 3) / 10,
            findings=(finding,),
            gap=gap,
            traits={trait: value},
            learning_rate=10 ** -(2 + n % 3 / 10),
            **{name: value},
        )
        for n, value in enumerate(values)
    ]


def borne(*pairs):
    """Return trials at these learning rates, and the rates that their networks bore."""
    return [
        record(n, abs(n - 3) + 0.1, traits={RATE: rate, STABLE_RATE: stable}, learning_rate=rate)
        for n, (rate, stable) in enumerate(pairs)
    ]


# name: trials, current ranges, the expected edit as (function, target, low, high)
TABLE = {
    "diverged-above": (
        rates(*GOOD, *DIVERGED),
        [LR],
        ("stopped_beyond", "learning_rate", 1e-5, (0.0063, 0.1)),
    ),
    "never-moved-below": (
        rates(*GOOD, *STILL),
        [LR],
        ("stopped_beyond", "learning_rate", (1.6e-5, 2.6e-5), 10.0),
    ),
    "two-may-be-bad-luck": (rates(*GOOD, *DIVERGED[:2]), [LR], None),
    "died-everywhere": (
        rates(*[(10.0**k, "dead_units" if k % 2 else 0.1) for k in range(-4, 2)]),
        [LR],
        None,
    ),
    "one-of-ten-was-spared": (
        rates(*GOOD, *[(0.1 * 1.3**n, "loss_explosion") for n in range(10)], (0.6, 3.0)),
        [LR],
        ("stopped_beyond", "learning_rate", 1e-5, (0.0063, 0.1)),
    ),
    "the-best-lies-beyond": (
        rates(*GOOD, *[(0.1 * 1.3**n, "loss_explosion") for n in range(10)], (0.6, 0.01)),
        [LR],
        None,
    ),
    "best-at-the-upper-edge": (
        rates(*[(10.0**k, -k) for k in range(-4, 1)], (9.0, -2)),
        [LR],
        ("edge_of_range", "learning_rate", 1e-5, (20.0, 400.0)),
    ),
    "best-at-the-lower-edge": (
        rates((1.1e-5, 0.1), (1e-4, 1), (1e-2, 2), (1.0, 3)),
        [LR],
        ("edge_of_range", "learning_rate", (0.9e-6, 1e-6), 10.0),  # a decade at most
    ),
    "best-at-the-edge-of-a-cut": (
        rates(*[(10.0**k, abs(k + 2)) for k in range(-5, -1)], *DIVERGED),
        [LR.between(1e-5, 0.0101)],
        ("edge_of_range", "learning_rate", 1e-5, (0.0102, 0.1)),  # up to where trials die
    ),
    "a-fraction-stays-below-1": (
        [record(n, 0.5 - d, dropout=d) for n, d in enumerate([0.0, 0.2, 0.3, 0.5])],
        [DROPOUT],
        ("edge_of_range", "dropout", 0.0, (0.6, 0.75)),
    ),
    "a-rate-of-nothing-stays-at-0": (
        [record(n, d, dropout=d) for n, d in enumerate([0.0, 0.2, 0.3, 0.5])],
        [DROPOUT],
        None,
    ),
    "units-at-the-top": (
        [record(n, 1 / u, units=u) for n, u in enumerate([8, 16, 64, 128])],
        [UNITS],
        ("edge_of_range", "units", 8, (129, 300)),
    ),
    "big-gap-more-dropout": (
        fits("overfitting", "dropout", "dropout", gap=0.3),
        [LR, DROPOUT],
        ("overfitting", "dropout", (0.1, 0.2), 0.5),
    ),
    "big-gap-nothing-to-change": (
        fits("overfitting", "units", "weights", gap=0.3),
        [LR, UNITS],
        ("overfitting", "", None, None),
    ),
    "poor-fit-more-units": (
        fits("underfitting", "units", "weights"),
        [LR, UNITS],
        ("underfitting", "units", (15, 41), 128),
    ),
    "poor-fit-nothing-to-change": (
        fits("underfitting", "dropout", "dropout"),
        [LR, DROPOUT],
        ("underfitting", "", None, None),
    ),
    "networks-bear-no-more": (
        borne(*[(r, (0.03, 0.05)[n % 2]) for n, (r, _) in enumerate(GOOD)]),
        [LR],
        ("beyond_headroom", "learning_rate", 1e-5, (0.09, 0.11)),
    ),
    "too-few-headrooms": (
        borne(*[(r, 0.03) for r, _ in GOOD[:4]]),
        [LR],
        None,
    ),
    "the-best-bears-more-than-was-measured": (
        borne(*[(r, 1e-4) for r, _ in GOOD]),
        [LR],
        None,
    ),
    "all-well": (
        rates(*GOOD),
        [LR],
        None,
    ),
}


def find(records, ranges):
    ranges = {one.name: one for one in ranges}
    declared = {one.name: one for one in (LR, DROPOUT, UNITS) if one.name in ranges}
    outcome = RoundOutcome(records, ranges, dict(ranges), declared)
    return {edit.__name__: found for edit in EDITS if (found := edit(outcome))}


@pytest.mark.parametrize(("records", "ranges", "expected"), TABLE.values(), ids=TABLE)
def test_edits(records, ranges, expected):
    found = find(records, ranges)
    if expected is None:
        assert found == {}
        return
    name, target, low, high = expected
    assert name in found
    (edit,) = [e for e in found[name] if e.finding.target == target]
    assert edit.finding.remedies[0].text
    if low is None:
        assert edit.range is None
        return
    assert edit.range.name == target
    assert is_at(edit.range.low, low)
    assert is_at(edit.range.high, high)
    assert edit.range.code() in edit.finding.remedies[0].code


def is_at(value, expected):
    if isinstance(expected, tuple):
        return expected[0] <= value <= expected[1]
    return value == pytest.approx(expected)


def test_every_edit_has_a_row():
    assert {row[2][0] for row in TABLE.values() if row[2]} == {edit.__name__ for edit in EDITS}


def test_a_hyperparameter_of_another_value_is_no_learning_rate():
    trials = [
        dataclasses.replace(r, traits=r.traits | {RATE: 0.1})
        for r in borne(*[(r, 0.03) for r, _ in GOOD])
    ]
    assert find(trials, [LR]) == {}


def test_rates_are_those_of_the_first_step_and_of_a_headroom_with_an_end():
    history = History()
    for step, high in ((0, 16.0), (4, 8.0), (16, 32.0)):
        history.append(Measurement(step, 0, "optimizer/learning_rate", "", 0.01))
        history.append(Measurement(step, 0, "optimizer/headroom_high", "", high))
    assert rates_of(history) == pytest.approx({RATE: 0.01, STABLE_RATE: 0.08})
    assert rates_of(History()) == {}


def test_the_message_counts_trials_on_both_sides():
    (edit,) = find(rates(*GOOD, *DIVERGED), [LR])["stopped_beyond"]
    assert edit.finding.message.startswith("4 of 4 trials with learning_rate above 0.0")
    assert "diverged, and 0 of 6 below it" in edit.finding.message


def test_the_p_value_agrees_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    trials = rates(*GOOD[:3], *DIVERGED[:3])
    # 3 of 3 beyond and 0 of 3 before: 1 of 20 arrangements.
    assert stats.fisher_exact([[3, 0], [0, 3]], "greater").pvalue == pytest.approx(0.05)
    assert boundary(trials, "learning_rate", {"loss_explosion"}, 1) is None
    more = rates(*GOOD, *DIVERGED[:3])
    assert stats.fisher_exact([[3, 0], [0, 6]], "greater").pvalue < 0.0120
    assert boundary(more, "learning_rate", {"loss_explosion"}, 1) is None
    assert stats.fisher_exact([[4, 0], [0, 6]], "greater").pvalue < 0.01
    causes = {"loss_explosion", "non_finite_values"}
    assert boundary(rates(*GOOD, *DIVERGED), "learning_rate", causes, 1).beyond == (4, 4)


def test_rank_correlation_agrees_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    first, second = [1, 2, 2, 5, 9, 3], [3, 1, 4, 4, 8, 8]
    expected = stats.spearmanr(first, second).statistic
    assert rank_correlation(first, second) == pytest.approx(expected)
    assert rank_correlation([1, 1, 1], [1, 2, 3]) == 0


def test_a_cap_is_the_end_of_the_next_range_and_is_explained():
    records = rates(*GOOD, *DIVERGED)
    ranges, finding = ranges_by_round(records, TWO_ROUNDS, Steering(keep=1.0))
    assert ranges[1]["learning_rate"].high < 0.1
    assert all(r.params["learning_rate"] <= ranges[1]["learning_rate"].high for r in records[:6])
    assert all(one.epoch == 0 for one in finding)


def test_later_rounds_do_not_change_an_earlier_one():
    early = rates(*GOOD, *DIVERGED)
    late = [dataclasses.replace(r, number=r.number + 20, round=1, phase=1) for r in early]
    alone, _ = ranges_by_round(early, TWO_ROUNDS, Steering())
    together, _ = ranges_by_round([*early, *late], TWO_ROUNDS, Steering())
    assert alone == together


def test_the_best_over_all_rounds_counts():
    early = rates((1e-3, 0.0), (1.2e-3, 0.2), (8e-4, 0.2))
    late = [
        dataclasses.replace(r, number=r.number + 9, round=1)
        for r in rates((1e-2, 5.0), (1.2e-2, 5.0), (9e-3, 5.0))
    ]
    after, _ = next_ranges([*early, *late], {"learning_rate": LR}, Steering())
    assert after["learning_rate"].low < 1e-3 < after["learning_rate"].high


def test_without_widening_a_range_stays_within_the_declared_one():
    records = rates(*[(10.0**k, -k) for k in range(-4, 1)], (9.0, -2))
    after, finding = next_ranges(records, {"learning_rate": LR}, Steering(may_widen=False))
    assert after["learning_rate"].high <= LR.high
    assert not [one for one in finding if one.rule == "edge_of_range"]
    narrow = LR.between(1e-5, 9.1)
    after, finding = next_ranges(records, {"learning_rate": narrow}, Steering(may_widen=False))
    assert after["learning_rate"].high == LR.high
    assert [one.rule for one in finding] == ["edge_of_range"]


@pytest.mark.parametrize("bad", [{"keep": 0}, {"min_width": 1.5}, {"margin": -1}])
def test_bad_steering(bad):
    with pytest.raises(ValueError, match=f"Argument `{next(iter(bad))}` must be"):
        Steering(**bad)


def test_an_edge_of_steps_is_the_last_step():
    one = Range("units", 16, 64, step=16, is_int=True)
    records = [
        dataclasses.replace(
            record(n), params={"units": u}, space={"units": one}, scores=(1 / u,), state="complete"
        )
        for n, u in enumerate([16, 32, 64])
    ]
    outcome = RoundOutcome(records, {"units": one}, {"units": one}, {"units": one})
    assert EDITS[0](outcome)[0].range.high == 80
