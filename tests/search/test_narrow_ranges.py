"""Properties of narrowed ranges, for any trials."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from keras_babysit.search import Range, Record, narrow_ranges

FRACTIONS = st.floats(0.05, 1.0)


@st.composite
def searches(draw):
    """Return a range and trials in it, some of them without a score."""
    sampling = draw(st.sampled_from(["linear", "log", "reverse_log"]))
    is_int = draw(st.booleans())
    numbers = st.integers(1, 999) if is_int else st.floats(1e-5, 1e3)
    low, high = sorted(draw(st.tuples(numbers, numbers)))
    one = Range("a", low, high, None, sampling, is_int)
    begin, end = one.axis
    records = []
    for number, fraction in enumerate(draw(st.lists(st.floats(0, 1), max_size=25))):
        value = one.tidy(min(max(one.from_axis(begin + fraction * (end - begin)), low), high))
        state = draw(st.sampled_from(["complete", "complete", "pruned", "stopped", "running"]))
        scores = [draw(st.floats(0, 1))] if state in ("complete", "pruned") else []
        records.append(Record(number, 0, state, {"a": value}, {"a": one}, scores))
    return one, records


@given(searches(), FRACTIONS, FRACTIONS, st.floats(0, 1))
def test_inside_the_old_range_not_below_the_floor_and_around_the_best(search, keep, floor, margin):
    old, records = search
    new = narrow_ranges(records, {"a": old}, keep=keep, min_width=floor, margin=margin)["a"]
    slack = 1e-9 * abs(old.high)
    assert old.low - slack <= new.low <= new.high <= old.high + slack
    assert new.width >= floor * old.width * (1 - 1e-6) - 1e-9
    scored = [r for r in records if r.scores]
    complete = [r for r in scored if r.state == "complete"]
    if complete:
        best = min(complete, key=lambda r: (r.cost, r.number))
        assert new.low - slack <= best.params["a"] <= new.high + slack
    if len(scored) < 3:
        assert (new.low, new.high) == (old.low, old.high)


@given(searches())
def test_the_order_of_the_records_does_not_matter(search):
    old, records = search
    forwards = narrow_ranges(records, {"a": old})["a"]
    assert narrow_ranges(records[::-1], {"a": old})["a"] == forwards


def lr(values, scores):
    one = Range("lr", 1e-4, 1.0, sampling="log")
    return {"lr": one}, [
        Record(n, params={"lr": v}, space={"lr": one}, scores=[s])
        for n, (v, s) in enumerate(zip(values, scores, strict=True))
    ]


def test_two_lucky_trials_do_not_collapse_the_range():
    ranges, records = lr([1e-4, 1e-3, 0.050, 0.051, 1.0, 0.5], [9, 8, 0, 0, 9, 8])
    new = narrow_ranges(records, ranges)["lr"]
    assert new.width >= ranges["lr"].width / 3
    assert new.low < 0.05 < 0.051 < new.high


def test_a_log_range_is_narrowed_in_log_space():
    values = [10.0**-k for k in (4, 3.5, 3, 2.5, 2, 1.5, 1, 0.5, 0)]
    ranges, records = lr(values, [abs(k - 4) for k in range(9)])  # best at 1e-2
    new = narrow_ranges(records, ranges, margin=0.25, keep=0.2)["lr"]
    # The best three span one decade; a quarter of it is added at both ends.
    assert new.low == pytest.approx(10**-2.75, rel=0.01)
    assert new.high == pytest.approx(10**-1.25, rel=0.01)


def test_ends_of_new_ranges_have_few_digits():
    ranges, records = lr([1e-3, 2e-3, 7.77e-3, 0.3], [3, 1, 0, 9])
    new = narrow_ranges(records, ranges)["lr"]
    assert all(
        len(f"{end:e}".split("e")[0].rstrip("0").rstrip(".")) <= 4 for end in (new.low, new.high)
    )


def test_a_pruned_trial_comes_after_all_complete_ones():
    ranges, records = lr([0.01, 0.02, 0.03, 0.9], [5, 6, 7, 0])
    records[3] = Record(3, 0, "pruned", records[3].params, ranges, [0])
    assert narrow_ranges(records, ranges)["lr"].high < 0.9
