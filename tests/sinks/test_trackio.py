import shutil

import pytest

from keras_babysit import sinks
from keras_babysit.history import History, Measurement
from keras_babysit.testing.sinks import FINDING, opened, play

trackio = pytest.importorskip("trackio", reason="trackio is not installed")


def test_a_run_of_its_own_is_in_the_local_database(tmp_path, monkeypatch):
    from trackio.sqlite_storage import SQLiteStorage

    monkeypatch.setattr("trackio.sqlite_storage.TRACKIO_DIR", tmp_path)
    sink = sinks.Trackio("digits", name="first", auto_log_cpu=False, auto_log_gpu=False)
    play(sink, History(), [Measurement(3, 0, "loss/batch", "", 0.25)], [opened(FINDING)])
    [logged] = SQLiteStorage.get_logs("digits", "first")
    assert (logged["babysit/loss/batch"], logged["step"]) == (0.25, 3)
    end, found = trackio.Api().alerts("digits")  # the latest first
    assert (found["title"], found["level"]) == ('Dead units in "dense"', "warn")
    assert "optimizer.learning_rate = 1e-4" in found["text"]
    assert (end["title"], end["level"]) == ('Finished: Dead units in "dense"', "info")


@pytest.mark.skipif(not shutil.which("chromium"), reason="no browser is installed")
def test_the_page_shows_the_numbers_and_the_alerts(tmp_path, monkeypatch):
    pytest.importorskip("playwright", reason="playwright is not installed")
    from tests.dashboard.browser import browser, expect

    monkeypatch.setattr("trackio.sqlite_storage.TRACKIO_DIR", tmp_path)
    sink = sinks.Trackio("digits", name="first", auto_log_cpu=False, auto_log_gpu=False)
    losses = [Measurement(step, 0, "loss/batch", "", 1 / step) for step in range(1, 9)]
    play(sink, History(), losses, [opened(FINDING)])
    app, *_, address = trackio.show("digits", open_browser=False, block_thread=False)
    try:
        with browser() as chromium:
            page = chromium.new_page()
            page.goto(address)
            expect(page.get_by_text("babysit (1)")).to_be_visible()
            expect(page.get_by_text("loss (1)")).to_be_visible()
            expect(page.get_by_text('Dead units in "dense"', exact=True)).to_be_visible()
            expect(page.get_by_text('Finished: Dead units in "dense"')).to_be_visible()
    finally:
        app.close()
