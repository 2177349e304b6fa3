"""Trackers in tests: MLflow on a database of its own, stand-ins for runs of W&B and Trackio.

A real run of W&B starts a process; test_wandb.py and test_trackio.py use real ones.
"""

import functools
import importlib.util
import json
import tempfile
from pathlib import Path

from keras_babysit import sinks
from keras_babysit.testing.sinks import SinkCase


def is_installed(package):
    return importlib.util.find_spec(package) is not None


@functools.cache
def database():
    """A database for all tests of this process: MLflow takes seconds to create one."""
    folder = Path(tempfile.mkdtemp(prefix="mlflow-"))
    return f"sqlite:///{folder / 'mlflow.db'}"


OPENED = {}
"""The sinks of MLflow by folder."""


def mlflow_sink(folder):
    import mlflow

    client = mlflow.MlflowClient(database())
    if client.get_experiment_by_name(str(folder)) is None:
        client.create_experiment(str(folder), artifact_location=str(folder / "artifacts"))
    sink = OPENED[folder] = sinks.MLflow(tracking_uri=database(), experiment=str(folder))
    return sink


def mlflow_runs(folder):
    import mlflow

    client = mlflow.MlflowClient(database())
    return client.search_runs([client.get_experiment_by_name(str(folder)).experiment_id])


def read_mlflow(folder):
    OPENED[folder].flush()  # it sends in the background
    return [path.read_text() for path in folder.rglob("verdict.json")]


class StandIn:
    """What our sinks use of a run of W&B or Trackio; what it receives goes to a file."""

    def __init__(self, path):
        self.path = path
        self.summary = {}

    def define_metric(self, name, **options):
        pass

    def log(self, values, **options):
        numbers = {key: value for key, value in values.items() if isinstance(value, int | float)}
        self._write(numbers | options)

    def alert(self, title, text, **options):
        self._write({"title": title, "text": text})

    def finish(self, **options):
        raise AssertionError("a run that the sink did not start must go on")

    def _write(self, record):
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=True) + "\n")


def read_stand_in(folder):
    if not (folder / "log").exists():
        return []
    records = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    return [text for record in records for text in map(str, record.values())]


def trackio_sink(folder):
    import trackio

    sink = sinks.Trackio()
    plain = sink.on_start

    def on_start(history):
        token = trackio.context_vars.current_run.set(StandIn(folder / "log"))
        sink.before_start()
        trackio.context_vars.current_run.reset(token)
        plain(history)

    sink.on_start = on_start
    return sink


TRACKERS = {
    "MLflow": ("mlflow", SinkCase(mlflow_sink, read_mlflow)),
    "WandB": (
        "wandb",
        SinkCase(lambda folder: sinks.WandB(run=StandIn(folder / "log")), read_stand_in),
    ),
    "Trackio": ("trackio", SinkCase(trackio_sink, read_stand_in)),
}
"""Cases of the shipped suite, with the package that each requires."""
