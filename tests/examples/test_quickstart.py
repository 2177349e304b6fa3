"""The demo does what the README says."""

import runpy
import sys

from tests.examples.paths import EXAMPLES


def test_the_remedies_fix_the_network(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", ["quickstart.py", "--out", str(tmp_path), "--epochs", "4"])
    main = runpy.run_path(str(EXAMPLES / "quickstart.py"))["main"]
    before, after, faulty, fixed = main()
    assert before < 0.5 < 0.9 < after
    assert {finding.rule for finding in faulty} & {"dead_units", "loss_explosion"}
    assert fixed == []
    assert (tmp_path / "faulty.html").read_text().lstrip().lower().startswith("<!doctype html>")
    assert list((tmp_path / "logs").rglob("*tfevents*"))
    assert "tensorboard --logdir" in capsys.readouterr().out
