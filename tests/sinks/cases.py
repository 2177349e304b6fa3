"""Our sinks, each in the configurations that the shipped suite checks, and how they are read."""

import html
import io
import json
import logging

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keras_babysit import sinks
from keras_babysit.testing.sinks import SinkCase
from tests.sinks.trackers import TRACKERS, is_installed


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


class Cell:
    """The output of a notebook's cell: one display, whose latest state is kept in a file."""

    def __init__(self, path):
        self.path = path

    def __call__(self, shown, *, display_id):
        assert display_id is True
        self.update(shown)
        return self

    def update(self, shown):
        self.path.write_text(shown._repr_html_(), encoding="utf-8")


def read_notebook(folder):
    return [html.unescape((folder / "cell.html").read_text(encoding="utf-8"))]


def notebook(folder):
    return sinks.Notebook(Cell(folder / "cell.html"))


def logging_sink(folder):
    logger = logging.Logger("tests")  # not registered anywhere, unlike that of `getLogger`
    handler = logging.StreamHandler(Paper(folder / "log.txt"))
    logger.addHandler(handler)
    return sinks.Logging(logger)


def read_logging(folder):
    return (folder / "log.txt").read_text(encoding="utf-8").splitlines()


CASES = {
    "Sink": SinkCase(lambda folder: sinks.Sink(), lambda folder: [], reports_findings=False),
    "Console": SinkCase(console(), read_console),
    "Console-silent": SinkCase(console(verbose=0), read_console, reports_findings=False),
    "JsonLines": SinkCase(lambda folder: sinks.JsonLines(folder / "run.jsonl"), read_json_lines),
    "Logging": SinkCase(logging_sink, read_logging),
    "Notebook": SinkCase(notebook, read_notebook),
    "TensorBoard": SinkCase(lambda folder: sinks.TensorBoard(folder / "logs"), read_tensorboard),
}
CASES |= {name: case for name, (package, case) in TRACKERS.items() if is_installed(package)}
