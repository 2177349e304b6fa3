import json
import os

import numpy as np
import pytest
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c as theirs

from keras_babysit.dashboard.checksum import crc32c, masked_crc32c
from keras_babysit.dashboard.source import EventFile, JsonLinesFile
from keras_babysit.history import Measurement
from keras_babysit.sinks import JsonLines, TensorBoard
from tests.dashboard.logs import event_run, json_run, write

KINDS = {
    "event-file": (EventFile, event_run, TensorBoard),
    "json-lines": (JsonLinesFile, lambda folder: json_run(folder / "run.jsonl"), JsonLines),
}


def altered(path, old, new, *, is_sealed):
    """Replace bytes in an event file by as many others, with checksums that fit if asked for."""
    data, start = path.read_bytes().replace(old, new), 0
    while is_sealed and start < len(data):
        length = int.from_bytes(data[start : start + 8], "little")
        body = data[start + 12 : start + 12 + length]
        end = start + 12 + length + 4
        seal = masked_crc32c(body).to_bytes(4, "little")
        data, start = data[: end - 4] + seal + data[end:], end
    path.write_bytes(data)


def read(source):
    replaced = source.look()
    return replaced, [record for records in source.read() for record in records]


def types(records):
    return [record["type"] for record in records]


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def test_every_record_is_read_once(kind, tmp_path):
    make, run, _ = kind
    source = make(str(run(tmp_path)))
    records = read(source)[1]
    assert types(records)[0] == "run"
    assert types(records)[-1] == "end"
    assert types(records).count("finding") == 3
    assert read(source) == (False, [])
    assert (source.problem, source.rest) == ("", "")


def test_only_new_records_are_read(kind, tmp_path):
    make, _, sink = kind
    path = tmp_path / "run.jsonl" if sink is JsonLines else tmp_path
    sink = write(sink(path), ends=False)
    source = make(str(next(p for p in tmp_path.rglob("*") if p.is_file())))
    read(source)
    sink.on_measurements([Measurement(110, 5, "loss/batch", "", 0.5)])
    assert types(read(source)[1]) in (["numbers"], ["measurement"])
    sink.close()


@pytest.mark.parametrize("lost", [1, 9, 40])
def test_incomplete_last_record_is_read_once_it_is_complete(kind, lost, tmp_path):
    make, run, _ = kind
    whole = run(tmp_path).read_bytes()
    path = tmp_path / "cut"
    path.write_bytes(whole[:-lost])
    source = make(str(path))
    assert "end" not in types(read(source)[1])
    assert "The last record is incomplete" in source.rest
    with path.open("ab") as file:
        file.write(whole[-lost:])
    assert types(read(source)[1])[-1] == "end"
    assert source.rest == ""


def test_a_record_may_span_several_chunks(kind, tmp_path, monkeypatch):
    make, run, _ = kind
    path = str(run(tmp_path))
    at_once = read(make(path))[1]
    monkeypatch.setattr("keras_babysit.dashboard.source.CHUNK", 100)
    assert read(make(path))[1] == at_once


def test_file_that_was_replaced_is_read_from_its_start(kind, tmp_path):
    make, run, _ = kind
    (tmp_path / "old").mkdir()
    path = run(tmp_path / "old")
    source = make(str(path))
    before = read(source)[1]
    (tmp_path / "new").mkdir()
    os.replace(run(tmp_path / "new"), path)
    replaced, after = read(source)
    assert replaced
    assert len(after) == len(before)


def test_empty_file_has_no_records(kind, tmp_path):
    (tmp_path / "empty").touch()
    assert read(kind[0](str(tmp_path / "empty"))) == (False, [])


def test_damage_is_reported_and_earlier_records_are_kept(tmp_path):
    path = event_run(tmp_path)
    whole = path.read_bytes()
    half = len(whole) // 2
    path.write_bytes(whole[:half] + whole[half + 5 :])
    source = EventFile(str(path))
    records = read(source)[1]
    assert types(records)[0] == "run"
    assert "damaged" in source.problem


def test_an_altered_body_is_reported_as_damaged(tmp_path):
    path = event_run(tmp_path)
    count = len(read(EventFile(str(path)))[1])
    altered(path, b'"rule": "dead_units"', b'"rule": "dead_unitz"', is_sealed=False)
    source = EventFile(str(path))
    records = read(source)[1]
    assert "damaged" in source.problem
    assert len(records) == count - 3  # one finding with three changes
    assert "dead_unitz" not in str(records)


@pytest.mark.parametrize("length", [0, 1, 15, 16, 1023, 1024, 1025, 20_000])
def test_checksum_is_that_of_tensorboard(length):
    data = np.random.default_rng(length).integers(0, 256, length, np.uint8).tobytes()
    assert masked_crc32c(data) == theirs(data)
    if length > 3:
        crc = crc32c(data)
        assert theirs(data) == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) % 2**32


def test_invalid_json_line_is_skipped(tmp_path):
    path = json_run(tmp_path / "run.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:5], b"{oh no\n", b"[1]\n", *lines[5:]]))
    source = JsonLinesFile(str(path))
    assert len(read(source)[1]) == len(lines)
    assert "damaged" in source.problem


def test_newer_format_is_named(kind, tmp_path):
    make, run, _ = kind
    path = run(tmp_path)
    if make is EventFile:
        altered(path, b'"version": 2', b'"version": 9', is_sealed=True)
    else:
        record = {"type": "run", "version": 9, "facts": {}}
        path.write_text(json.dumps(record) + "\n")
    source = make(str(path))
    read(source)
    assert "format version 9" in source.problem


def test_other_records_are_skipped(tmp_path):
    pytest.importorskip("tensorflow", reason="Keras' own callback needs TensorFlow")
    import tensorflow as tf

    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        for step in range(20):
            tf.summary.text("note", "babysit.record {}", step)
    (path,) = tmp_path.iterdir()
    source = EventFile(str(path))
    assert read(source)[1] == []
    assert source.problem == ""
