"""The example tries the remedies of what it finds, and writes the table as a page."""

import runpy

import pytest

from tests.examples.paths import EXAMPLES

pytestmark = pytest.mark.any_backend


def test_the_remedies_of_findings_are_listed_and_the_page_shows_them(tmp_path, capsys):
    main = runpy.run_path(str(EXAMPLES / "remedies.py"))["main"]
    trial = main(["--out", str(tmp_path), "--epochs", "2", "--seeds", "2", "--budget", "1s"])
    assert trial.findings
    assert trial.rows  # which of them were tried in a second depends on the machine
    assert "verdict" in capsys.readouterr().out
    assert "<table>" in (tmp_path / "trial.html").read_text()
