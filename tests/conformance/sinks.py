"""What every sink must do, as checks on a table of rows.

A check takes a `Row` and a folder and fails by assertion. To hold a sink of your own to the same
contract, write a row for it and run `CHECKS` on it.
"""

import dataclasses
import io
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keras_babysit import sinks
from keras_babysit.findings import Change, Event, Finding, Remedy, Severity
from keras_babysit.history import History, Measurement, Overhead


@dataclasses.dataclass(frozen=True)
class Row:
    """One sink in one configuration.

    Args:
        make: Returns a new sink that writes into a folder.
        read: Returns all that was written to the folder, as the texts and names a user is shown.
        speaks: Whether it tells of advice at all.
    """

    make: Callable[[Path], sinks.Sink]
    read: Callable[[Path], list[str]]
    speaks: bool = True


class Paper(io.StringIO):
    """A stream that keeps what is printed in a file, and needs no closing."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.flush()

    def flush(self):
        self.path.write_text(self.getvalue(), encoding="utf-8")


def console(verbose=1):
    return lambda folder: sinks.Console(Paper(folder / "console.txt"), verbose)


def read_console(folder):
    return [(folder / "console.txt").read_text(encoding="utf-8")]


def read_json_lines(folder):
    records = [json.loads(line) for line in (folder / "run.jsonl").read_text().splitlines()]
    return [json.dumps(record, ensure_ascii=False) for record in records]


def read_tensorboard(folder):
    reader = EventAccumulator(str(folder / "logs" / "babysit")).Reload()
    tags = reader.Tags()
    texts = [
        event.tensor_proto.string_val[0].decode()
        for tag in tags["tensors"]
        if reader.SummaryMetadata(tag).plugin_data.plugin_name == "text"
        for event in reader.Tensors(tag)
    ]
    return tags["tensors"] + texts


ROWS = {
    "Sink": Row(lambda folder: sinks.Sink(), lambda folder: [], speaks=False),
    "Console": Row(console(), read_console),
    "Console-silent": Row(console(verbose=0), read_console, speaks=False),
    "JsonLines": Row(lambda folder: sinks.JsonLines(folder / "run.jsonl"), read_json_lines),
    "TensorBoard": Row(lambda folder: sinks.TensorBoard(folder / "logs"), read_tensorboard),
}

HOSTILE_NAMES = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "two\nlines\rand\ttabs",
    "x" * 10_000,
    "a/" * 5_000,
    "../../../etc/passwd",
    "couche_cachée_層_🧠",
    "\x1b[31mred\x1b[0m\x07\x00",
    "[bold]markup[/bold] [/]",
    "`code` **bold** {{verdict}} $&",
    "\ud800 lone surrogate",
    "\u202ereversed",
    "",
)

ADVICE = Finding(
    "dead_units",
    Severity.WARNING,
    "dense",
    "80 of 100 units are dead",
    {"dead_fraction": 0.8},
    (Remedy("Lower the learning rate.", "optimizer.learning_rate = 1e-4"),),
    "a source",
    step=10,
)


def opened(findings, step=10):
    return Event(Change.OPENED, replace(findings, step=step), step, 0)


def a_run(sink, history, measurements=(), events=(), overhead=None):
    """Give a sink a run: start, one probe, what changed, end."""
    sink.on_start(history)
    if measurements:
        history.extend(measurements)
        sink.on_measurements(measurements)
    if events:
        sink.on_events(events)
    findings = [event.finding for event in events]
    sink.on_end(sinks.Report(history, findings, overhead or Overhead(0.1, 10.0, 1)))


def run(row, folder, **kwargs):
    """Return what a sink has written of a run."""
    a_run(row.make(folder), History(), **kwargs)
    return row.read(folder)


def check_tells_of_advice(row, folder):
    written = "\n".join(run(row, folder, events=[opened(ADVICE)]))
    for words in ("80 of 100 units are dead", "Lower the learning rate", "learning_rate = 1e-4"):
        assert (words in written) == row.speaks


def check_says_nothing_twice(row, folder):
    written = "\n".join(run(row, folder, events=[opened(ADVICE)]))
    assert written.count("80 of 100 units are dead") == int(row.speaks)


def check_survives_an_empty_run(row, folder):
    run(row, folder)


def check_survives_hostile_names(row, folder):
    hostile = [
        replace(
            ADVICE,
            rule=name,
            target=name,
            message=name,
            evidence={name: name},
            remedies=(Remedy(name, name),),
            reference=name,
        )
        for name in HOSTILE_NAMES
    ]
    measurements = [Measurement(1, 0, "activations/std", name, 1.0) for name in HOSTILE_NAMES]
    written = run(row, folder, measurements=measurements, events=[*map(opened, hostile)])
    assert not any("\x1b[31m" in text or "\x07" in text for text in written)


def check_survives_what_is_not_finite(row, folder):
    values = (float("nan"), float("inf"), -float("inf"), np.float32("nan"))
    vector = np.array([np.nan, np.inf, 0.5], np.float32)
    measurements = [
        *(Measurement(1, 0, "loss/batch", str(value), value) for value in values),
        Measurement(1, 0, "activations/gate", "some", vector),
        Measurement(1, 0, "activations/gate", "all", vector[:2]),
        Measurement(1, 0, "activations/gate", "none", vector[:0]),
    ]
    evidence = {"loss": float("nan"), "array": vector, "none": None, "numpy": np.float32("inf")}
    events = [opened(replace(ADVICE, evidence=evidence, message=""))]
    run(row, folder, measurements=measurements, events=events)


def check_takes_numpy_steps(row, folder):
    measurements = [Measurement(np.int64(3), np.int64(0), "loss/batch", "", np.float32(1))]
    run(row, folder, measurements=measurements, events=[opened(ADVICE, np.int64(3))])


def check_serves_two_runs(row, folder):
    sink = row.make(folder)
    a_run(sink, History(), [Measurement(1, 0, "loss/batch", "", 1.0)], [opened(ADVICE)])
    a_run(sink, History(), [Measurement(1, 0, "loss/batch", "", 2.0)], [opened(ADVICE)])


def check_serves_a_run_after_one_that_broke_off(row, folder):
    sink = row.make(folder)
    sink.on_start(History())
    a_run(sink, History(), [Measurement(1, 0, "loss/batch", "", 1.0)], [opened(ADVICE)])


def check_can_be_read_while_the_run_goes_on(row, folder):
    sink, history = row.make(folder), History()
    sink.on_start(history)
    sink.on_measurements([Measurement(1, 0, "loss/batch", "", 1.0)])
    sink.on_events([opened(ADVICE)])
    assert any("80 of 100 units are dead" in text for text in row.read(folder)) == row.speaks
    sink.on_end(sinks.Report(history, [], Overhead(0.1, 10.0, 1)))


def check_keeps_to_its_folder(row, folder):
    inside = folder / "inside"
    inside.mkdir()
    before = os.listdir(folder)
    targets = ["../../escape", "/absolute", "..\\windows"]
    run(
        row,
        inside,
        measurements=[Measurement(1, 0, "gradients/norm", name, 1.0) for name in targets],
    )
    assert os.listdir(folder) == before


CHECKS = {
    name.removeprefix("check_").replace("_", "-"): check
    for name, check in list(globals().items())
    if name.startswith("check_")
}
