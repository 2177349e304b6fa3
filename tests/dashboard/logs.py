"""Log folders for the tests of the dashboard, written by the real sinks."""

from dataclasses import replace

import numpy as np

from keras_babysit.facts import LayerFacts, WeightFacts
from keras_babysit.findings import Change, Event, Severity
from keras_babysit.history import History, Measurement, Overhead
from keras_babysit.sinks import JsonLines, Report, TensorBoard
from keras_babysit.testing.sinks import FINDING

LAYERS = ("dense", "dense_1", "logits")
SPENT = Overhead(0.4, 53.1, 31)
UNITS = np.array([0.0, 0.25, 1.0, 0.5], np.float32)


def facts(layers=LAYERS):
    known = LayerFacts(class_name="Dense", activation="relu", units=4, parameters=20)
    weights = {f"{layer}/kernel": WeightFacts(layer=layer) for layer in layers}
    return {"layers": dict.fromkeys(layers, known), "weights": weights, "steps_per_epoch": 20}


def probe(step, layers=LAYERS, loss=None):
    epoch = step // 20
    found = [Measurement(step, epoch, "loss/batch", "", 2 / (1 + step) if loss is None else loss)]
    for index, layer in enumerate(layers):
        fraction = index / len(layers)
        found += [
            Measurement(step, epoch, "activations/dead_fraction", layer, fraction),
            Measurement(step, epoch, "activations/std", layer, 1.0 + fraction),
            Measurement(step, epoch, "activations/gate", layer, UNITS),
            Measurement(step, epoch, "gradients/norm", f"{layer}/kernel", 0.1),
        ]
    return found


def scores(step):
    found = []
    for target, loss in (("train", 0.02), ("validation", 0.09)):
        for name, value in (("loss", loss), ("accuracy", 1 - loss), ("error", loss)):
            found.append(Measurement(step, 4, f"score/{name}", target, value))
            found.append(Measurement(step, 4, f"score/{name}_stderr", target, 0.01))
    return found


def story():
    """Return the events of a finding that opens, worsens and is resolved."""
    opened = replace(FINDING, step=20)
    worse = replace(opened, severity=Severity.ERROR)
    return [
        Event(Change.OPENED, opened, 20, 1),
        Event(Change.WORSENED, worse, 40, 2),
        Event(Change.RESOLVED, replace(worse, resolved_step=80), 80, 4),
    ]


def write(sink, *, steps=100, layers=LAYERS, events=None, ends=True):
    """Write a run with one probe every 10 steps to a sink; return the sink."""
    events = story() if events is None else events
    history = History()
    sink.on_start(history)
    history.note(**facts(layers))
    for step in range(0, steps + 1, 10):
        sink.on_measurements(probe(step, layers))
        mine = [event for event in events if event.step == step]
        if mine:
            sink.on_events(mine)
    if ends:
        sink.on_measurements(scores(steps))
        sink.on_end(Report(history, [], SPENT))
    return sink


def event_run(folder, **kwargs):
    """Write a run to an event file in a folder; return its path."""
    before = set(folder.rglob("*.babysit"))
    write(TensorBoard(folder), **kwargs).close()  # a killed run does not say that it ends
    (file,) = set(folder.rglob("*.babysit")) - before
    return file


def json_run(path, **kwargs):
    """Write a run to a JSON lines file; return its path."""
    write(JsonLines(path), **kwargs)
    return path
