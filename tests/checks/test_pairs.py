"""Every broken program is reported by the intended check, and no correct program is."""

import pytest

from keras_babysit.checks import check
from tests.checks import pairs
from tools.messages_page import PAGE, lines_of, without_numbers

SECONDS = 300
"""More than any pair needs, so that results do not depend on the speed of the machine."""


def test_at_least_half_of_at_least_forty_programs_are_correct_or_nearly():
    assert len(pairs.CORRECT) + len(pairs.BROKEN) >= 40
    assert len(pairs.CORRECT) >= 20


def one_in_four(programs):
    """Return programs as parameters; one in four of them runs on each backend."""
    return [
        pytest.param(*row, id=row[0].__name__, marks=[pytest.mark.any_backend] * bool(index % 4))
        for index, row in enumerate(programs)
    ]


@pytest.mark.parametrize("build", one_in_four((build,) for build in pairs.CORRECT))
def test_a_correct_program_has_no_findings(build):
    model, x, y = build()
    report = check(model, x, y, seconds=SECONDS, verbose=0)
    assert [(a.rule, a.target, a.message) for a in report.findings] == []
    # No finding because the checks ran, not because they failed.
    unknown = {line.check: line.evidence for line in report.outcomes if line.verdict == "unknown"}
    assert not [words for words in unknown.values() if "Error" in words]
    assert len(unknown) <= 2


@pytest.mark.parametrize(("build", "name"), one_in_four(pairs.BROKEN))
def test_a_broken_program_is_reported(build, name):
    model, x, y = build()
    report = check(model, x, y, checks=[name], seconds=SECONDS, verbose=0)
    assert report[name].findings, [
        (line.check, line.verdict, line.evidence) for line in report.outcomes
    ]
    assert all(a.remedies and a.message and a.reference for a in report.findings)
    page = without_numbers(PAGE.read_text(encoding="utf-8"))
    for finding in report.findings:
        assert all(without_numbers(line) in page for line in lines_of(finding)), "make messages"
