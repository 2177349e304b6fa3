"""Two workers share the example's search, and the result is shown."""

import json
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


def test_the_notebook_shows_a_picture_per_round(capsys):
    """Its cells run as they are, the pictures are what the last line of a cell is."""
    cells = json.loads((EXAMPLES / "search.ipynb").read_text())["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    known, pictures = {}, []
    for source in sources:
        if source.startswith("search.plot("):
            pictures.append(eval(source, known))
        else:
            exec(source.replace("max_trials=36", "max_trials=9"), known)
    rounds = [figure.legends[0].get_texts()[0].get_text() for figure in pictures]
    assert rounds == ["round 1"] * 3
    assert len({len(figure.axes[0].lines) for figure in pictures}) > 1  # a range more each time
    assert known["search"].best_params_.keys() >= {"units", "layers", "learning_rate"}
    assert "ranks" in capsys.readouterr().out
