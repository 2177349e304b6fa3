"""The four loss curves look as documented, and the findings are as expected."""

import runpy

import pytest

from tests.examples.paths import EXAMPLES

pytestmark = pytest.mark.any_backend


def test_loss_curves_and_findings_match_the_names(tmp_path, capsys):
    main = runpy.run_path(str(EXAMPLES / "learning_rates.py"))["main"]
    curves, found = main(["--save", str(tmp_path)])
    start = curves["good"][0]
    assert curves["good"][-1] < 0.1 < 0.5 < curves["too low"][-1] < start
    assert curves["high"][-1] > 1.5
    assert max(curves["very high"]) > 3 * start
    assert 0.01 < found.suggestion < 1.0 < found.divergence
    out = capsys.readouterr().out
    good, bad = out.split("good (")[1].split("very high")
    assert "WARNING" not in good.split("high (")[0]
    assert "loss_explosion" in bad
    assert {path.name for path in tmp_path.iterdir()} == {"learning_rates.png", "lr_range_test.png"}
