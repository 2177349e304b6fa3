"""A check is skipped if it needs more time than is left, by an estimate and not by the clock."""

import pytest

from keras_babysit.backends import backend
from keras_babysit.checks import CheckResult, Unknown, check
from keras_babysit.checks import case as cases
from keras_babysit.schedule import CostEstimate
from tests.checks import pairs


@pytest.fixture
def slow(monkeypatch):
    """Let every pass be estimated to take one second."""
    monkeypatch.setattr(CostEstimate, "forward", lambda estimate, examples: 1.0)
    monkeypatch.setattr(backend, "start_seconds", lambda layers, is_compiled: 0.0)


def test_checks_that_do_not_fit_are_skipped(slow):
    report = check(*pairs.small_cnn(), seconds=50, verbose=0)
    verdicts = {line.check: line.verdict for line in report.outcomes}
    assert verdicts["data_quality"] == verdicts["gradient_flow"] == "ok"
    assert verdicts["overfit_subset"] == "unknown"  # more than a hundred passes
    assert "skipped: needs about 1" in report["overfit_subset"].evidence


def case_of(model, x, y):
    """Return the case that the checks receive."""
    seen = []

    def keep(case):
        seen.append(case)
        return CheckResult("kept")

    check(model, x, y, checks=[keep], verbose=0)
    return seen[0]


def test_a_slow_model_is_checked_on_few_examples(slow):
    assert cases.batches.size(case_of(*pairs.small_cnn()).batch) == cases.MIN_BATCH_EXAMPLES


def test_a_small_model_is_checked_on_more():
    assert cases.batches.size(case_of(*pairs.small_cnn()).batch) >= 64


def test_the_cost_of_a_pass_depends_on_its_examples(slow, monkeypatch):
    case = case_of(*pairs.small_cnn())
    case.seconds, case._spent = 50.0, 0.0
    monkeypatch.setattr(CostEstimate, "forward", lambda estimate, examples: examples / 8)
    with pytest.raises(Unknown, match="skipped: needs about 51 s, 50 s left"):
        case.need_time(passes=51, examples=12)
    with pytest.raises(Unknown):
        case.need_time(passes=102, examples=4)


def test_what_was_granted_is_spent(slow):
    case = case_of(*pairs.small_cnn())
    case.seconds, case._spent = 50.0, 0.0
    case.need_time(passes=30)
    assert case.seconds_left == 20.0
    case.spend(passes=5)
    with pytest.raises(Unknown, match="needs about 16 s, 15 s left"):
        case.need_time(passes=16)
    case.need_time(passes=15)
    assert case.seconds_left == 0.0


def test_what_is_checked_does_not_depend_on_the_clock(monkeypatch):
    expected = case_of(*pairs.small_cnn())
    now = iter(range(10**6))
    monkeypatch.setattr(cases.time, "perf_counter", lambda: next(now))
    busy = case_of(*pairs.small_cnn())
    assert cases.batches.size(busy.batch) == cases.batches.size(expected.batch)
    assert busy.seconds_left == expected.seconds_left


def test_far_beyond_the_limit_nothing_more_is_started(monkeypatch):
    case = case_of(*pairs.small_cnn())
    assert case.seconds_left > 0
    until = cases.time.perf_counter() + cases.GUARD * case.seconds
    monkeypatch.setattr(cases.time, "perf_counter", lambda: until + 1)
    assert case.seconds_left < 0
