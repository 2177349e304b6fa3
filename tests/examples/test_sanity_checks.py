"""The faults are found, and the correct program has no findings."""

import runpy

import pytest

from tests.examples.paths import EXAMPLES

pytestmark = pytest.mark.any_backend


def test_each_program_gets_its_findings(tmp_path, capsys):
    main = runpy.run_path(str(EXAMPLES / "sanity_checks.py"))["main"]
    reports = main(["--save", str(tmp_path)])
    rules = {
        name: {finding.rule for finding in report.findings} for name, report in reports.items()
    }
    rules["softmax twice"].discard("overfit_subset")  # a consequence that depends on the weights
    assert rules == {
        "nothing wrong": set(),
        "softmax twice": {"output_and_loss"},
        "pixels up to 255, labels from 1": {"data_quality", "output_and_loss"},
        "weights too small for its depth": {"initial_signal"},
    }
    assert "No problems found" in capsys.readouterr().out
    assert (tmp_path / "initial_signal.png").stat().st_size > 10_000
