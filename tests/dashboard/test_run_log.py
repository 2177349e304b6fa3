import numpy as np
import pytest

from keras_babysit.dashboard import run_log
from keras_babysit.dashboard.run_log import RunLog
from keras_babysit.dashboard.source import EventFile, JsonLinesFile
from keras_babysit.history import Measurement
from keras_babysit.sinks.records import DENSE_UNITS, Packer, unpack_units
from tests.dashboard.logs import LAYERS, SPENT, UNITS, event_run, json_run


def log_of(source):
    log = RunLog()
    source.look()
    for records in source.read():
        log.take(records)
    return log


@pytest.fixture(params=["event-file", "json-lines"])
def log(request, tmp_path):
    if request.param == "event-file":
        return log_of(EventFile(str(event_run(tmp_path))))
    return log_of(JsonLinesFile(str(json_run(tmp_path / "run.jsonl"))))


def test_numbers_come_back_as_they_were(log):
    steps, values = log.series("activations/dead_fraction", "dense_1")
    assert steps.tolist() == list(range(0, 101, 10))
    np.testing.assert_array_equal(values, np.float32(1 / 3))
    assert (log.step, log.epoch, log.has_ended, log.overhead) == (100, 5, True, SPENT)
    assert log.damaged == 0


def test_units_come_back_as_they_were(log):
    vectors = log.vectors(log.id("activations/gate", "dense"))
    assert [step for step, _ in vectors] == list(range(0, 101, 10))
    np.testing.assert_array_equal(vectors[0][1], UNITS)


def test_findings_have_their_latest_state(log):
    (finding,) = log.findings()
    assert (finding.severity.name, finding.step, finding.resolved_step) == ("ERROR", 20, 80)
    assert [change["change"] for change in log.changes] == ["opened", "worsened", "resolved"]


def test_report_is_that_of_the_run(log):
    report = log.report()
    assert "loss 2 -> 0.0198 in 100 steps" in report.summary()
    assert report.result() == "1 error (1 resolved)"
    assert report.history.targets("activations/std") == list(LAYERS)


def test_missing_and_non_finite_values_differ():
    log = RunLog()
    packer = Packer()
    for step, names in ((1, "ab"), (2, "a")):
        found = [Measurement(step, 0, "gradients/norm", name, float("nan")) for name in names]
        log.take(packer.pack(found))
    table = log.table([0, 1])
    assert table.known.tolist() == [[True, True], [True, False]]
    assert np.isnan(table.values).all()


def test_memory_is_bounded_and_rare_series_are_kept(monkeypatch):
    monkeypatch.setattr(run_log, "MAX_PROBES", 64)
    log, packer = RunLog(), Packer()
    for step in range(3000):
        log.take(packer.pack([Measurement(step, 0, "gradients/norm", "a", float(step))]))
        if step % 4 == 3:
            log.take(packer.pack([Measurement(step, 0, "score/loss", "train", float(step))]))
    for quantity, target in (("gradients/norm", "a"), ("score/loss", "train")):
        steps, values = log.series(quantity, target)
        assert 32 <= len(steps) <= 64
        assert steps[-1] == 2999
        np.testing.assert_array_equal(steps, values)
        assert np.diff(steps).min() > 0
    assert log.series("gradients/norm", "a")[0][0] == 0


@pytest.mark.parametrize(
    "record",
    [
        {"type": "numbers", "step": 1, "epoch": 0, "ids": "AAAAAA==", "values": ""},
        {"type": "numbers", "step": 1, "epoch": 0, "ids": "////fw==", "values": "AAAAAA=="},
        {"type": "numbers", "step": "x", "epoch": 0, "ids": "", "values": ""},
        {"type": "units", "step": 1, "epoch": 0, "id": 7, "values": ""},
        {"type": "finding", "rule": "alone"},
        {"type": "measurement"},
        {"type": "names", "names": 3},
        {"type": "run"},
        {"type": "end", "overhead": "much"},
    ],
    ids=lambda record: record["type"],
)
def test_invalid_record_is_counted_and_skipped(record):
    log = RunLog()
    log.take([record, {"type": "of a later version"}, {}])
    assert log.damaged == 1
    assert log.report().result() == "Nothing was measured"


def test_vectors_are_written_less_and_less_often():
    packer = Packer()
    steps = []
    for step in range(1000):
        records = packer.pack([Measurement(step, 0, "activations/gate", "a", UNITS)])
        steps += [record["step"] for record in records if record["type"] == "units"]
    assert steps[:DENSE_UNITS] == list(range(DENSE_UNITS))
    assert len(steps) < 4 * DENSE_UNITS
    assert max(np.diff(steps)) <= 32


def test_small_gates_are_not_rounded_to_zero():
    gates = np.array([1e-6, 1e-3, 1.0, np.nan, np.inf], np.float32)
    _, record = Packer().pack([Measurement(0, 0, "activations/gate", "a", gates)])
    back = unpack_units(record)
    assert back[0] > 0
    np.testing.assert_allclose(back[1:], gates[1:], rtol=1e-3)
