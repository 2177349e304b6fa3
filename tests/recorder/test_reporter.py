"""Which findings are reported, and what happens to bundles that cannot be written."""

import re

import pytest

from keras_babysit.findings import Finding, Severity
from keras_babysit.recorder.fault import Fault
from keras_babysit.recorder.incident import Incident
from keras_babysit.recorder.reporter import Reporter
from tests.recorder import faulty
from tests.recorder.driver import fail
from tools.messages_page import PAGE, lines_of, recorded, without_numbers

TRAINED_AGAIN = re.compile(
    r", skipped (batch \d+) and trained again on \d+ of \d+ batch(?:es)? since"
)
"""How many steps a run takes until a value that is not finite is noticed depends on the backend."""

UNLOCATED = "Training diverged; the first bad step could not be located. Nobody knows why."


def finding(target=""):
    return Finding("flight_recorder", Severity.ERROR, target, "Something is bad.")


def test_findings_of_one_target_are_kept_apart():
    reporter = Reporter(None, None, warn=fail)
    for target in ("a", "a", "", "", "a"):
        reporter.add(finding(target))
    targets = [one.target for one in reporter.findings]
    assert targets == ["a", "a, occurrence 2", "", "occurrence 2", "a, occurrence 3"]
    reporter.clear()
    assert reporter.findings == []
    reporter.add(finding("a"))
    assert [one.target for one in reporter.findings] == ["a, occurrence 4"]


@pytest.mark.parametrize("has_folder", [True, False])
def test_a_run_that_could_not_be_located_is_reported_with_a_folder_alone(has_folder, tmp_path):
    """Without one nobody asked where; the rescue says why."""
    reporter = Reporter(None, tmp_path if has_folder else None, warn=fail)
    reporter.start()
    reporter.report(Incident(reason="Nobody knows why."), None, limit=1.0)
    assert [one.message for one in reporter.findings] == [UNLOCATED] * has_folder


def test_a_fault_is_reported_without_a_folder_too():
    fault = Fault("loss", "", 6, 0, 6, None, "The loss is inf")
    reporter = Reporter(None, None, warn=fail)
    reporter.report(Incident(fault=fault), None, limit=1.0)
    (found,) = reporter.findings
    assert found.message == "The loss is inf in batch 6 of epoch 1."
    assert found.remedies == ()


def test_a_folder_that_cannot_be_made_is_one_warning(tmp_path):
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    warnings = []
    reporter = Reporter(None, occupied / "record", warn=lambda *what: warnings.append(what))
    reporter.start()
    ((sentence, error),) = warnings
    assert sentence == "The flight recorder cannot write bundles"
    assert isinstance(error, OSError)
    assert not reporter.writes_bundles


def test_findings_of_a_run_are_on_the_page_of_messages():
    page = TRAINED_AGAIN.sub(r" and skipped \1", PAGE.read_text(encoding="utf-8"))
    page = without_numbers(page)
    found = recorded(faulty.infinite_target)
    assert {one.rule for one in found} == {"flight_recorder", "rescue"}
    for one in found:
        lines = [TRAINED_AGAIN.sub(r" and skipped \1", line) for line in lines_of(one)]
        assert "occurrence" in one.target or all(without_numbers(line) in page for line in lines), (
            "make messages"
        )
