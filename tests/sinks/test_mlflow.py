import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from keras_babysit import sinks
from keras_babysit.findings import Verdict
from keras_babysit.history import History, Measurement, Overhead
from keras_babysit.testing.sinks import FINDING, opened, play
from tests.sinks.trackers import database, mlflow_runs, mlflow_sink

mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")


def measured(step=1):
    return [
        Measurement(step, 0, "loss/batch", "", 1.0 / step),
        Measurement(step, 0, "logs/val_accuracy", "", 0.5),
        *(Measurement(step, 0, "activations/std", f"layer_{k}", float(k)) for k in range(40)),
    ]


def test_a_run_of_its_own_has_few_metrics_tags_and_the_verdict(tmp_path):
    play(mlflow_sink(tmp_path), History(), measured(), [opened(FINDING)])
    [run] = mlflow_runs(tmp_path)
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {
        "babysit/loss/batch": 1.0,
        "babysit/validation/accuracy": 0.5,
        "babysit/activations/std/largest": 39.0,
        "babysit/activations/std/median": 19.5,
    }
    tags = {key: value for key, value in run.data.tags.items() if key.startswith("babysit")}
    assert tags == {
        "babysit.headline": 'Dead units in "dense"',
        "babysit.severity": "warning",
        "babysit.finding.dead_units": 'warning in "dense" since step 10',
    }
    [path] = tmp_path.rglob("verdict.json")
    assert Verdict.from_json(json.loads(path.read_text())).headline == 'Dead units in "dense"'
    assert [page.name for page in tmp_path.rglob("*.html")] == ["report.html"]


@pytest.mark.parametrize("is_named", [True, False])
def test_no_number_is_drawn_from_the_generator_of_the_user(is_named, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_RUN_NAME", raising=False)
    mlflow.set_tracking_uri(database())
    sink = mlflow_sink(tmp_path)
    if not is_named:
        mlflow.set_experiment(str(tmp_path))
        sink = sinks.MLflow()
    random.seed(0)
    before = random.getstate()
    play(sink, History(), measured(), [opened(FINDING)])
    assert random.getstate() == before
    [run] = mlflow_runs(tmp_path)
    assert run.info.run_name.startswith("babysit-")


def test_the_active_run_is_used_and_goes_on(tmp_path):
    mlflow.set_tracking_uri(database())
    mlflow_sink(tmp_path)  # creates the experiment
    mlflow.set_experiment(str(tmp_path))
    with mlflow.start_run() as run:
        sink = sinks.MLflow()
        sink.before_start()
        # As in `fit`: everything else is called in a thread of the sink.
        thread = threading.Thread(target=play, args=(sink, History(), measured()))
        thread.start()
        thread.join()
        assert mlflow.get_run(run.info.run_id).info.status == "RUNNING"
        mlflow.log_metric("mine", 1.0)
    [logged] = mlflow_runs(tmp_path)
    assert logged.info.run_id == run.info.run_id
    assert {"mine", "babysit/loss/batch"} <= set(logged.data.metrics)


def test_a_run_that_broke_off_is_marked_as_failed(tmp_path):
    sink = mlflow_sink(tmp_path)
    sink.on_start(History())
    outbox = sink._outbox
    sink.close()
    outbox.finish(60)
    assert [run.info.status for run in mlflow_runs(tmp_path)] == ["FAILED"]


def test_run_and_experiment_exclude_each_other():
    with pytest.raises(ValueError, match=r"run_id='1', experiment='digits'"):
        sinks.MLflow(run_id="1", experiment="digits")


QUIET = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""Without ten processes for jobs beside the server."""


class Server:
    """`mlflow server` on SQLite, to be killed and started again on the same port."""

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(self.port)]
        command += ["--backend-store-uri", f"sqlite:///{self.folder / 'server.db'}"]
        command += ["--artifacts-destination", str(self.folder / "artifacts"), "--workers", "1"]
        with (self.folder / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, cwd=self.folder, env=QUIET
            )
        while True:
            assert self.process.poll() is None, (self.folder / "server.log").read_text()
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.2)

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def server(tmp_path, monkeypatch):
    # One attempt of MLflow itself, so that the test waits for our own next attempt alone.
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(sinks.mlflow, "PATIENCE_SECONDS", 600.0)
    server = Server(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.mark.slow
def test_a_server_that_is_killed_and_restarted_has_everything(server):
    """Also while it is away, `fit` goes on, and nothing that was measured then is lost."""
    sink, history = sinks.MLflow(tracking_uri=server.uri, experiment="restart"), History()
    sink.on_start(history)
    sink.on_measurements(measured(1))
    server.kill()
    sink.on_measurements(measured(2))
    sink.on_events([opened(FINDING)])
    server.start()
    sink.on_measurements(measured(4))
    sink.on_end(sinks.Report(history, [FINDING], Overhead(0.1, 10.0, 1)))
    client = mlflow.MlflowClient(server.uri)
    [run] = client.search_runs([client.get_experiment_by_name("restart").experiment_id])
    losses = client.get_metric_history(run.info.run_id, "babysit/loss/batch")
    assert [(one.step, one.value) for one in losses] == [(1, 1.0), (2, 0.5), (4, 0.25)]
    assert run.info.status == "FINISHED"
    # By this client: `mlflow.artifacts` asks the server that the process is set to.
    path = client.download_artifacts(run.info.run_id, "babysit/verdict.json", str(server.folder))
    text = Path(path).read_text(encoding="utf-8")
    assert Verdict.from_json(json.loads(text)).headline == 'Dead units in "dense"'


@pytest.mark.parametrize("retries", [0, 2])
def test_a_server_that_never_answers_is_one_error_at_the_end(retries, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", str(retries))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setattr(sinks.mlflow, "PATIENCE_SECONDS", float(retries))
    before = random.getstate()
    sink = sinks.MLflow(tracking_uri="http://127.0.0.1:9", experiment="nowhere")
    sink.on_start(History())
    sink.on_measurements([Measurement(1, 0, "loss/batch", "", np.float32(1))])
    with pytest.raises(ConnectionError, match=r"MLflow at http://127\.0\.0\.1:9 has not received"):
        sink.on_end(sinks.Report(History(), []))
    assert random.getstate() == before  # MLflow would draw the delay between two attempts


def test_a_server_that_refuses_access_is_an_error_at_the_next_message(monkeypatch):
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

    def refuse(*args, **kwargs):
        raise MlflowException("not allowed", error_code=PERMISSION_DENIED)

    monkeypatch.setattr(mlflow.MlflowClient, "get_experiment_by_name", refuse)
    sink = sinks.MLflow(tracking_uri=database(), experiment="secret")
    sink.on_start(History())
    sink._outbox._thread.join()
    with pytest.raises(ConnectionError, match="refused a message: not allowed"):
        sink.on_measurements(measured())
    sink.close()
