import json
from dataclasses import replace

import numpy as np
import pytest

from keras_babysit.facts import LayerFacts
from keras_babysit.findings import Change, Event, Severity
from keras_babysit.history import History, Measurement, Overhead
from keras_babysit.sinks import JsonLines, Report
from keras_babysit.testing.sinks import FINDING, opened

OVERHEAD = Overhead(0.5, 50.0, 12)


def strict(path):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    lines = path.read_text().splitlines()
    return [json.loads(line, parse_constant=refuse) for line in lines]


@pytest.fixture
def sink(tmp_path):
    sink = JsonLines(tmp_path / "deep" / "run.jsonl")
    yield sink
    sink.on_end(Report(History(), [], OVERHEAD))


def test_a_line_per_record_in_the_order_they_came(sink):
    history = History()
    history.note(optimizer="Adam")
    sink.on_start(history)
    sink.on_measurements([Measurement(1, 0, "loss/batch", "", float("nan"))])
    sink.on_events([opened(FINDING)])
    sink.on_end(Report(history, [], OVERHEAD))
    run, loss, finding, end = strict(sink.path)
    assert run == {"type": "run", "version": 2, "facts": {"optimizer": "Adam"}}
    assert (loss["type"], loss["value"]) == ("measurement", "nan")
    assert (finding["type"], finding["change"], finding["rule"]) == (
        "finding",
        "opened",
        "dead_units",
    )
    cost = {"seconds": 0.5, "wall_seconds": 50.0, "probes": 12, "fraction": 0.01}
    assert end == {"type": "end", "overhead": cost}


def test_facts_that_come_late_are_written_once(sink):
    history = History()
    sink.on_start(history)
    history.note(layers={"dense": LayerFacts(units=64)})
    for step in range(3):
        sink.on_measurements([Measurement(step, 0, "loss/batch", "", 1.0)])
    assert [record["type"] for record in strict(sink.path)].count("run") == 2
    assert History.from_jsonl(sink.path).layer("dense") == LayerFacts(units=64)


def test_history_survives_the_round_trip(sink):
    gates = np.array([0.0, 0.25, 1.0], np.float32)
    sink.on_start(History())
    sink.on_measurements(
        [
            Measurement(4, 1, "activations/gate", "dense", gates),
            Measurement(4, 1, "loss/penalty", "", 1e-30),
        ]
    )
    read = History.from_jsonl(sink.path)
    np.testing.assert_array_equal(read.last("activations/gate", "dense"), gates)
    assert read.last("loss/penalty") == 1e-30
    assert (read.step, read.epoch) == (4, 1)


@pytest.mark.parametrize(("lost", "last"), [(0, 4.0), (1, 4.0), (2, 3.0), (60, 3.0)])
def test_killed_run_loses_at_most_its_last_line(sink, tmp_path, lost, last):
    sink.on_start(History())
    for step in range(5):
        sink.on_measurements([Measurement(step, 0, "loss/batch", "", float(step))])
    whole = sink.path.read_bytes()
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes(whole[: len(whole) - lost])
    assert History.from_jsonl(cut).last("loss/batch") == last


def test_new_fit_replaces_the_file(sink):
    for value in (1.0, 2.0):
        sink.on_start(History())
        sink.on_measurements([Measurement(1, 0, "loss/batch", "", value)])
    assert len(History.from_jsonl(sink.path)) == 1


def test_report_is_made_from_the_file(sink):
    first = replace(FINDING, step=10)
    worse = replace(first, severity=Severity.ERROR)
    again = replace(first, step=90)
    sink.on_start(History())
    sink.on_events([Event(Change.OPENED, first, 10, 0)])
    sink.on_events([Event(Change.WORSENED, worse, 20, 0)])
    sink.on_events([Event(Change.RESOLVED, replace(worse, resolved_step=30), 30, 0)])
    sink.on_events([Event(Change.OPENED, again, 90, 1)])
    assert Report.from_jsonl(sink.path).overhead is None  # as a killed run leaves it
    sink.on_end(Report(History(), [], OVERHEAD))
    report = Report.from_jsonl(sink.path)
    assert report.findings == [again, replace(worse, resolved_step=30)]  # what holds first
    assert report.overhead == OVERHEAD


def test_unwritable_file_is_refused_before_training(tmp_path):
    (tmp_path / "file").touch()
    sink = JsonLines(tmp_path / "file" / "run.jsonl")
    with pytest.raises(ValueError, match=r"`path` must be a writable file.*path="):
        sink.on_start(History())
