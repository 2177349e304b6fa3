"""Monitors one model, and stores a recording that rules can be replayed over."""

import resource
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import keras

from benchmarks.diagnosis.replay import Recorder, write_recording
from benchmarks.foreign.foreign_model import BATCH, ForeignModel
from keras_babysit import Babysitter
from keras_babysit.errors import KerasBabysitWarning
from keras_babysit.probes import taps
from keras_babysit.rules import DEFAULT_RULES


def prepare(case: ForeignModel) -> keras.Model:
    """Return the compiled Keras model."""
    keras.utils.set_random_seed(1)
    model = case.make()
    case.compile(model)
    # Compilation does not pay off for a few steps, except on JAX, which compiles every operation.
    model.run_eagerly = keras.backend.backend() != "jax"
    return model


def train(model: keras.Model, case: ForeignModel, callbacks: list[Any], epochs: int) -> None:
    """Train for some epochs of a few steps."""
    x, y = case.data()
    options: dict[str, Any] = {
        "batch_size": BATCH,
        "epochs": epochs,
        "shuffle": False,
        "verbose": 0,
    }
    options["callbacks"] = callbacks
    if case.train is None:
        model.fit(x, y, **options)
    else:
        case.train(model, x, y, options)


def watch(case: ForeignModel, path: Path, epochs: int, every: int | None = None) -> None:
    """Train one model with a budget of 100 %, or without a limit if `every` is given."""
    start = time.perf_counter()
    model = prepare(case)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        recorder = Recorder(Path(folder, "run.jsonl"))
        sitter = recorder.sitter = Babysitter(
            every=every or "auto",
            budget=1.0,
            verbose=0,
            rules=[recorder.mark_judgement, *DEFAULT_RULES],
            sinks=[recorder],
        )
        train(model, case, [sitter], epochs)
        lines = recorder.path.read_text(encoding="utf-8").splitlines(keepends=True)
    layers = list(taps.names(taps.leaves(model)).values())
    seen = {target.partition("#")[0] for target in sitter.history.facts.layers}
    ours = [w for w in caught if issubclass(w.category, KerasBabysitWarning)]
    run = {
        "name": case.name,
        "parameters": model.count_params(),
        "seconds": round(time.perf_counter() - start, 1),
        "watching": round(sitter.overhead.seconds, 1),
        "gigabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 1),
        "probes": sitter.overhead.probes,
        "layers": len(layers),
        "not_called": [name for name in layers if name not in seen],
        "not_watched": [a.message for a in sitter.findings if a.rule == "not_watched"],
        "warnings": [str(w.message)[:300] for w in ours],
    }
    write_recording(path, lines, run)
