"""The four curves look as the docs say, and the sitter speaks where it should."""

import runpy

from tests.examples.paths import EXAMPLES


def test_the_rates_do_what_their_names_say(tmp_path, capsys):
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
