import os
import time

import pytest

from keras_babysit.dashboard.library import MAX_LOADED, Library
from keras_babysit.sinks import TensorBoard
from tests.dashboard.logs import event_run, json_run, write


def names(folder):
    return sorted(run.name for run in Library({"": str(folder)}).find())


def open_only(folder):
    library = Library({"": str(folder)})
    (found,) = library.find()
    return library.open(found.id)


def test_runs_go_by_the_names_of_their_folders(tmp_path):
    event_run(tmp_path / "first")
    event_run(tmp_path / "deep" / "second")
    json_run(tmp_path / "third" / "run.jsonl")
    assert names(tmp_path) == ["deep/second", "first", "third/run.jsonl"]


def test_run_in_the_log_folder_itself_goes_by_its_name(tmp_path):
    event_run(tmp_path / "alone")
    assert names(tmp_path / "alone") == ["alone"]
    assert names(tmp_path / "alone" / "babysit") == ["babysit"]


def test_each_fit_in_one_folder_is_a_run(tmp_path):
    event_run(tmp_path / "twice")
    event_run(tmp_path / "twice")
    assert names(tmp_path) == ["twice (fit 1)", "twice (fit 2)"]


def test_the_latest_run_comes_first(tmp_path):
    for age, name in enumerate(("new", "older", "oldest")):
        path = event_run(tmp_path / name)
        then = time.time() - 1000 * age
        os.utime(path, (then, then))
    assert [run.name for run in Library({"": str(tmp_path)}).find()] == ["new", "older", "oldest"]


def test_other_files_are_not_runs(tmp_path):
    (tmp_path / "events.out.tfevents.1.host").write_bytes(b"\x00" * 20)
    (tmp_path / "data.jsonl").write_text('{"prompt": "hello"}\n')
    (tmp_path / "notes.txt").write_text("babysit")
    library = Library({"": str(tmp_path)})
    assert library.find() == []
    assert library.is_empty()


def test_missing_folder_is_empty(tmp_path):
    assert Library({"": str(tmp_path / "nowhere")}).is_empty()


@pytest.mark.parametrize(
    ("ends", "age", "state"),
    [(True, 0, "finished"), (False, 0, "running"), (False, 3600, "cut off")],
    ids=["finished", "running", "killed"],
)
def test_state_of_a_run(ends, age, state, tmp_path):
    path = event_run(tmp_path, ends=ends)
    os.utime(path, (time.time() - age, time.time() - age))
    with open_only(tmp_path) as run:
        assert run.state == state
        assert run.problem == ""


def test_truncated_file_is_reported_once_writing_stopped(tmp_path):
    path = event_run(tmp_path)
    path.write_bytes(path.read_bytes()[:-11])
    with open_only(tmp_path) as run:
        assert (run.state, run.problem) == ("running", "")
    os.utime(path, (0, 0))
    with open_only(tmp_path) as run:
        assert run.state == "cut off"
        assert "The last record is incomplete" in run.problem
        assert run.log.step == 100


def test_new_fit_that_replaces_the_file_replaces_the_run(tmp_path):
    path = json_run(tmp_path / "run.jsonl", steps=200)
    library = Library({"": str(tmp_path)})
    (found,) = library.find()
    with library.open(found.id) as run:
        assert run.log.step == 200
    json_run(path, steps=50)
    with library.open(found.id) as run:
        assert run.log.step == 50


def test_only_the_latest_runs_stay_in_memory(tmp_path):
    for index in range(MAX_LOADED + 3):
        json_run(tmp_path / f"{index}.jsonl", steps=0)
    library = Library({"": str(tmp_path)})
    ids = [run.id for run in library.find()]
    for one in ids:
        with library.open(one):
            pass
    assert [library.has_loaded(one) for one in ids].count(True) == MAX_LOADED


def test_unknown_run_is_a_key_error(tmp_path):
    with pytest.raises(KeyError), Library({"": str(tmp_path)}).open("nothing"):
        pass


def test_reads_from_buckets():
    pytest.importorskip("tensorflow", reason="the memory file system is TensorFlow's")
    folder = "ram://dashboard/logs"
    sink = write(TensorBoard(folder), ends=False)
    library = Library({"": folder})
    (found,) = library.find()
    with library.open(found.id) as run:
        assert run.log.step == 100
    sink.on_end(run.log.report())
    with library.open(found.id) as run:
        assert run.state == "finished"
        assert len(run.log.findings()) == 1
