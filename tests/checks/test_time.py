"""A check is skipped if it needs more time than is left. No test reads a clock."""

import pytest

from keras_babysit.checks import CheckResult, Unknown, check
from keras_babysit.checks import case as cases
from tests.checks import pairs


@pytest.fixture
def slow(monkeypatch):
    """Let every pass take one second, on a clock that otherwise stands still."""
    monkeypatch.setattr(cases.Case, "seconds_left", 50.0)

    def timed(case):
        case.pass_seconds[cases.batches.size(case.batch)] = 1.0
        return 1.0

    monkeypatch.setattr(cases.Case, "time_pass", timed)


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


def test_the_cost_of_a_pass_depends_on_its_examples(slow):
    case = case_of(*pairs.small_cnn())
    case.pass_seconds = {8: 1.0, 16: 2.0}
    case.need_time(passes=33, examples=12)
    with pytest.raises(Unknown, match="skipped: needs about 51 s, 50 s left"):
        case.need_time(passes=34, examples=12)
    with pytest.raises(Unknown):
        case.need_time(passes=26)
