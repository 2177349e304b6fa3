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
