import http.server
import json
import struct
import threading
import time

import pytest

from keras_babysit import sinks
from keras_babysit.errors import KerasBabysitWarning
from keras_babysit.history import History, Measurement
from keras_babysit.testing.sinks import FINDING, opened, play

wandb = pytest.importorskip("wandb", reason="wandb is not installed")

BLOCK, WHOLE, LAST = 32768, 1, 4


def records(folder):
    """Return the records in the file that `wandb sync` uploads: protobufs in LevelDB's log format.

    Behind seven bytes that name the file come blocks of 32 KiB, in which every piece of a record
    follows its checksum (4 bytes), its length (2) and its kind (1): whole, first, middle or last.
    """
    from wandb.proto.wandb_internal_pb2 import Record

    [path] = folder.rglob("*.wandb")
    data, position, pieces = path.read_bytes(), 7, b""
    while position + 7 <= len(data):
        left = BLOCK - position % BLOCK
        if left < 7:
            position += left
            continue
        length, kind = struct.unpack_from("<HB", data, position + 4)
        pieces += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (WHOLE, LAST):
            yield Record.FromString(pieces)
            pieces = b""


def finished(folder):
    """Return all records, once the process of W&B has written that the run has ended."""
    for _ in range(600):
        found = list(records(folder))
        if found and found[-1].HasField("exit"):
            return found
        time.sleep(0.1)
    raise AssertionError(f"the run has not ended: {[r.WhichOneof('record_type') for r in found]}")


def test_a_run_of_its_own_is_in_the_file_that_is_uploaded(tmp_path):
    settings = wandb.Settings(silent=True)
    sink = sinks.WandB(project="digits", mode="offline", dir=str(tmp_path), settings=settings)
    measured = [Measurement(1, 0, "loss/batch", "", 0.25)]
    play(sink, History(), measured, [opened(FINDING)])
    assert wandb.run is None  # it was finished
    logged, alerts = {}, []
    for record in finished(tmp_path):
        for item in record.history.item:
            logged["/".join(item.nested_key) or item.key] = json.loads(item.value_json)
        if record.HasField("alert"):
            alerts.append((record.alert.title, record.alert.level, record.alert.text))
    assert logged["babysit/loss/batch"] == 0.25
    assert logged["babysit/step"] == 1
    [(title, level, text)] = alerts
    assert (title, level) == ('Dead units in "dense"', "WARN")
    assert "80 of 100 units are dead" in text
    assert "optimizer.learning_rate = 1e-4" in text
    [table] = tmp_path.rglob("*.table.json")
    [row] = json.loads(table.read_text())["data"]
    assert row[:5] == ["warning", "dead_units", "dense", 10, None]


class Refusing(http.server.BaseHTTPRequestHandler):
    """A server to which nobody has access."""

    def do_POST(self):
        self.send_response(401)
        self.end_headers()
        self.wfile.write(b'{"errors": [{"message": "unauthorized"}]}')

    def log_message(self, *_):
        pass


@pytest.fixture(params=["refuses access", "is away"])
def address(request):
    """Return the address of a server on which no run can be started."""
    if request.param == "is away":
        yield "http://127.0.0.1:9"
        return
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_run_that_the_server_does_not_start_is_logged_offline(address, tmp_path, monkeypatch):
    monkeypatch.setattr("keras_babysit.sinks.wandb.PATIENCE_SECONDS", 1.0)
    settings = {"base_url": address, "api_key": "0" * 40, "silent": True}
    sink = sinks.WandB(project="digits", dir=str(tmp_path), settings=settings)
    with pytest.warns(KerasBabysitWarning, match="could not start a run. It is logged offline"):
        sink.on_start(History())
    measured = [Measurement(1, 0, "loss/batch", "", 0.25)]
    sink.on_measurements(measured)
    sink.on_end(sinks.Report(History(), []))
    [folder] = (tmp_path / "wandb").glob("offline-run-*")
    items = [item for record in finished(folder) for item in record.history.item]
    assert ("babysit/loss/batch", "0.25") in [
        ("/".join(item.nested_key) or item.key, item.value_json) for item in items
    ]


def test_a_run_and_arguments_for_a_new_one_exclude_each_other():
    with pytest.raises(ValueError, match=r"Received: run=.* and mode, project"):
        sinks.WandB(run=object(), project="digits", mode="offline")
