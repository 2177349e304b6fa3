"""Rounds of rising fidelity: what each trains, who goes on, what short trials teach."""

import itertools

import numpy as np
import pytest
from scipy.stats import spearmanr

from keras_babysit.search import Range, Record
from keras_babysit.search.agreement import agreement, first_trusted_rung
from keras_babysit.search.coarse_to_fine_search_cv import round_sizes
from keras_babysit.search.fidelity import read_fidelities, stages
from keras_babysit.search.finalists import closeness, mean_interval, winner, with_reruns
from keras_babysit.search.phases import (
    CONTINUE,
    NEW,
    REPEAT,
    assignments,
    goes_on,
    plan_phases,
    trials_to_continue,
)
from keras_babysit.search.record import by_promise, mean
from keras_babysit.search.rounds import Steering, next_ranges, ranges_by_round

pytestmark = pytest.mark.any_backend

LR = Range("rate", 1e-4, 1.0, sampling="log")


def trial(number, *rung_scores, rate=0.01, state="partial", **known):
    """Return the record of a trial that reached some fidelities."""
    known = {"key": (0, number, 0), "scores": rung_scores[-1:]} | known
    space = {"params": {"rate": rate}, "space": {"rate": LR}}
    return Record(number, state=state, rung_scores=rung_scores, **space, **known)


FIDELITIES = {
    "auto": (("auto", 3, 5, 30), [(1, 10), (1, 30), (5, 30)]),
    "two-rounds": (("auto", 2, 5, 30), [(1, 30), (5, 30)]),
    "more-rounds": (("auto", 5, 2, 4), [(1, 2), (1, 4), (2, 4), (2, 4), (2, 4)]),
    "one-round": (("auto", 1, 5, 30), [(5, 30)]),
    "no-epochs": (("auto", 3, 5, None), [(1, None), (1, None), (5, None)]),
    "full": ((None, 2, 5, 30), [(5, 30), (5, 30)]),
    "declared": (([(2, 3), (2, 8), (3, 8)], 3, 3, 8), [(2, 3), (2, 8), (3, 8)]),
}


@pytest.mark.parametrize(("given", "expected"), FIDELITIES.values(), ids=FIDELITIES)
def test_the_fidelity_of_each_round(given, expected):
    assert [(one.folds, one.epochs) for one in read_fidelities(*given)] == expected


@pytest.mark.parametrize(
    "bad", ["fast", [(1, 2)], [(2, 8), (1, 8), (3, 8)], [(1, 2), (1, 4), (2, 4)], [1, 2, 3], [()]]
)
def test_bad_fidelities(bad):
    with pytest.raises(ValueError, match=r'`fidelity` must be "auto".*Received: fidelity='):
        read_fidelities(bad, 3, 3, 8)


def test_the_stages_of_a_trial_train_each_fold_once():
    found = stages(read_fidelities([(2, 3), (2, 8), (3, 8)], 3, 3, 8))
    parts = [(s.rung, s.fold, s.start, s.end) for s in found]
    assert parts == [(0, 0, 0, 3), (0, 1, 0, 3), (1, 0, 3, 8), (1, 1, 3, 8), (2, 2, 0, 8)]
    assert [s.is_last for s in found] == [False, True, False, True, True]


def test_the_sizes_of_rounds():
    for trials, rounds in itertools.product(range(1, 40), range(1, 7)):
        if rounds <= trials:
            sizes = round_sizes(trials, rounds)
            assert sum(sizes) == trials
            assert len(sizes) == rounds
            assert min(sizes) >= 1
    assert round_sizes(24, 3) == [15, 6, 3]


def test_scores_of_one_fidelity_are_compared_with_each_other_only():
    """Scores at the higher one are on another level: the loss has gone down for all."""
    found = by_promise([trial(0, 5.0, 1.5), trial(1, 6.0), trial(2, 7.0, 1.0), trial(3, 8.0)])
    assert [r.number for r in found] == [2, 1, 0, 3]
    trusted = by_promise([trial(0, 5.0, 1.5), trial(1, 6.0), trial(2, 7.0, 1.0)], first_rung=1)
    assert [r.number for r in trusted] == [2, 0]


def test_the_agreement_is_spearmans_and_its_p_value_that_of_a_permutation_test():
    rng = np.random.default_rng(0)
    for count in (4, 6, 12):
        low = rng.normal(size=count)
        high = low + rng.normal(size=count)
        found = agreement(
            [trial(n, *pair) for n, pair in enumerate(zip(low, high, strict=True))], 0
        )
        expected = spearmanr(low, high, alternative="greater")
        assert found.correlation == pytest.approx(expected.statistic)
        assert found.trials == count
        if count > 7:
            assert found.p_value == pytest.approx(expected.pvalue, abs=0.02)
        else:
            orders = [high[list(p)] for p in itertools.permutations(range(count))]
            as_good = [spearmanr(low, o).statistic >= expected.statistic - 1e-9 for o in orders]
            assert found.p_value == pytest.approx(np.mean(as_good))


def test_few_trials_do_not_agree():
    assert not agreement([trial(n, n, n) for n in range(3)], 0).holds
    assert agreement([trial(n, n, n) for n in range(5)], 0).holds
    assert not agreement([trial(n, n, -n) for n in range(5)], 0).holds
    assert first_trusted_rung([trial(n, n, n, -n) for n in range(5)], 2) == 2
    assert first_trusted_rung([trial(n, n, -n, -n) for n in range(5)], 2) == 1


def test_the_best_third_goes_on_and_two_controls():
    records = [trial(n, float(n)) for n in range(12)]
    stopped = trial(12, state="stopped", cause="no_update")
    chosen = trials_to_continue([*records, stopped], 1)
    assert [r.number for r in chosen] == [0, 1, 2, 3, 6, 10]
    assert [r.number for r in trials_to_continue(records[:6], 1)] == [0, 1, 2, 4, 5]
    assert len(trials_to_continue(records[:4], 1)) == 4
    assert [r.number for r in trials_to_continue(records[:1], 1)] == [0]
    assert trials_to_continue([stopped], 1) == []


def test_a_trial_goes_on_if_it_is_among_the_best_third():
    others = [float(n) for n in range(8)]
    assert goes_on(2.5, [0.0, 1.0, *others[3:]])
    assert not goes_on(3.5, others)
    assert goes_on(9.0, [])


def test_what_each_phase_runs():
    phases = plan_phases([3, 2], [0, 1], 2)
    kinds = [NEW, CONTINUE, NEW, REPEAT]
    assert [(p.kind, p.round) for p in phases] == list(zip(kinds, (0, 1, 1, 1), strict=True))
    first = assignments(0, phases, [])
    assert list(first) == [(0, 0), (0, 1), (0, 2)]
    records = [trial(n, float(n), key=(0, n, 0)) for n in range(3)]
    going = assignments(1, phases, records)
    assert [one.continues for one in going.values()] == [0, 1, 2]
    assert [one.key for one in going.values()] == [(0, 0, 0), (0, 1, 0), (0, 2, 0)]
    done = [
        trial(3 + n, n, n, state="complete", phase=1, continues=n, key=(0, n, 0)) for n in range(3)
    ]
    repeated = assignments(3, phases, records + done).values()
    assert [one.repeats for one in repeated] == [3, 4, 5] * 2
    assert {one.key for one in repeated} == {(0, n, k) for n in range(3) for k in (1, 2)}


def test_the_best_trial_of_the_second_round_is_completed_at_once():
    phases = plan_phases([9, 4, 2, 2], [0, 1, 2, 2], 0)
    kinds = [(NEW, 0), (CONTINUE, 1), (CONTINUE, 2), (NEW, 1), (CONTINUE, 2), (NEW, 2), (NEW, 2)]
    assert [(one.kind, one.rung) for one in phases] == kinds
    short = [trial(n, float(n), key=(0, n, 0)) for n in range(9)]
    longer = [
        trial(9 + n, float(n), 5.0 - n, continues=n, key=(0, n, 0), phase=1) for n in range(5)
    ]
    (going,) = assignments(2, phases, short + longer).values()
    assert going.continues == 13
    assert going.key == (0, 4, 0)


def rates(scores, high, **known):
    """Return trials at rising learning rates; those with a second score went on."""
    values = np.geomspace(1e-4, 1.0, len(scores))
    both = [(a,) if b is None else (a, b) for a, b in zip(scores, high, strict=True)]
    return [
        trial(n, *pair, rate=v, **known)
        for n, (pair, v) in enumerate(zip(both, values, strict=True))
    ]


LOW = [float(abs(n - 3)) for n in range(12)]


def test_ranges_narrow_where_short_trials_rank_like_long_ones():
    high = [1.0 + LOW[n] if n in (1, 2, 3, 4, 8, 11) else None for n in range(12)]
    after, _ = next_ranges(rates(LOW, high), {"rate": LR}, Steering(), rung=1)
    assert after["rate"].width < 0.6 * LR.width


def test_ranges_do_not_narrow_where_they_rank_differently():
    high = [10.0 - LOW[n] if n in (1, 2, 3, 4, 8, 11) else None for n in range(12)]
    records = rates(LOW, high)
    phases = plan_phases([12, 4], [0, 1], 0)
    (_, after), findings = ranges_by_round(records, phases, Steering(may_widen=False))
    assert after["rate"] == LR
    found = next(one for one in findings if one.rule == "ranks_differ")
    assert found.evidence["trials"] == 6
    assert found.evidence["correlation"] < 0
    assert "The ranges do not narrow" in found.message


def test_causes_end_a_range_even_if_ranks_differ():
    """What diagnosis learnt does not depend on the ranks."""
    high = [10.0 - LOW[n] if n in (1, 2, 3, 4, 8, 11) else None for n in range(12)]
    records = rates(LOW, high)
    bad = [
        trial(20 + n, rate=v, state="stopped", cause="loss_explosion", scores=())
        for n, v in enumerate([1.0, 1.0, 0.9, 0.9])
    ]
    records = [r for r in records if r.params["rate"] < 0.4] + bad
    after, _ = next_ranges(records, {"rate": LR}, Steering(), rung=1)
    assert after["rate"].high < 0.9


def finalist(number, *reruns, score=0.0):
    repeated = [
        Record(100 + 10 * number + k, scores=scores, repeats=number, rung_scores=(mean(scores),))
        for k, scores in enumerate(reruns)
    ]
    return [Record(number, scores=[score] * 2, rung_scores=(score,)), *repeated]


def test_the_winner_has_the_best_mean_over_other_seeds():
    lucky = finalist(0, (2.0, 2.2), (2.1, 2.3), score=0.5)
    steady = finalist(1, (1.0, 1.1), (1.1, 1.2), score=0.9)
    other = finalist(2, score=0.7)
    records = with_reruns([*lucky, *steady, *other])
    assert [r.number for r in records] == [0, 1, 2]
    assert winner(records).number == 1
    assert winner(records).rerun_score == pytest.approx(1.1)
    (found,) = closeness(records)
    assert found.message.startswith("The winner is clear")
    assert found.evidence["difference"] == pytest.approx(1.05)
    broken = finalist(3, (0.0, 0.1), (), score=0.1)  # one repetition was stopped
    assert winner(with_reruns([*steady, *broken])).number == 1


def test_finalists_that_differ_less_than_their_seeds_are_equally_good():
    records = with_reruns(
        [*finalist(0, (1.0, 1.6), (1.5, 0.9)), *finalist(1, (1.4, 1.0), (1.1, 1.6))]
    )
    (found,) = closeness(records)
    assert found.message.startswith("The best trials are equally good")
    assert found.evidence["low"] < 0 < found.evidence["high"]


def test_the_interval_is_students():
    from scipy.stats import ttest_1samp

    values = np.random.default_rng(0).normal(size=7)
    expected = ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert mean_interval(values) == pytest.approx((expected.low, expected.high))
    assert mean_interval([1.0]) == (-np.inf, np.inf)
