"""Two workers share the example's search, and the result is shown."""

import runpy

import pytest

from tests.examples.paths import EXAMPLES

pytestmark = pytest.mark.any_backend


def test_two_workers_find_a_good_network(tmp_path, capsys):
    main = runpy.run_path(str(EXAMPLES / "search.py"))["main"]
    found = main(["--out", str(tmp_path), "--trials", "6", "--workers", "2"])
    assert len(found.records_) == 6
    assert [len(found.ranges_), found.n_splits_] == [3, 3]
    assert found.best_score_ > 0.7
    out = capsys.readouterr().out
    assert "round 3/3  6/6" in out
    assert "optuna-dashboard sqlite:///" in out
    for name in ("search", "round-1", "round-2", "round-3"):
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000
    assert len(list((tmp_path / "logs").glob("trial-*"))) >= 6
    found.storage.engine.dispose()
