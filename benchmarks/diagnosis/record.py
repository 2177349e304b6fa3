"""Trains programs once with the default `Babysitter`, and stores its measurements."""

import concurrent.futures
import fnmatch
import multiprocessing
import os
import platform
import time
import traceback
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from benchmarks.diagnosis.program import PARTS, Program, Run
from benchmarks.diagnosis.replay import Recorder, write_recording
from keras_babysit import Babysitter
from keras_babysit.errors import KerasBabysitWarning
from keras_babysit.rules import DEFAULT_RULES
from keras_babysit.version import __version__

FOLDER = Path(__file__).parents[2] / ".diagnosis"
"""Folder of the recordings; ignored by git."""

LIMIT_SECONDS = 60.0
"""Time limit of a run in seconds of the processor, so that no program delays the others. A busy
machine must not end a run: one that ends early is another program."""


LIMIT_STEPS = 600
"""Maximum number of steps of a run that is compared between backends."""


class StepLimit(keras.callbacks.Callback):
    """Ends a run after a number of steps, on every machine the same."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Start counting."""
        self.steps = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """End the run after the last step."""
        self.steps += 1
        if self.steps == LIMIT_STEPS:
            self.model.stop_training = True


class TimeLimit(keras.callbacks.Callback):
    """Ends a run after a number of seconds of the processor."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def on_train_begin(self, logs: Any = None) -> None:
        """Start the clock."""
        self.end = time.process_time() + self.seconds

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """End the run if the time is up."""
        if time.process_time() > self.end:
            self.model.stop_training = True


class Divergence(keras.callbacks.Callback):
    """Notes when the loss of the batches diverges.

    That is at the first step whose loss is not finite, or at the first of three in a row whose loss
    is above three times that of the first batch.

    Attributes:
        step: The step; None if the loss never diverges.
    """

    FACTOR, IN_A_ROW = 3.0, 3

    def __init__(self) -> None:
        super().__init__()
        self.step: int | None = None
        self.steps = self.above = self.seen = 0
        self.first = self.total = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start a new mean: Keras reports the mean of the losses of an epoch so far."""
        self.seen, self.total = 0, 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Recover the loss of the batch from the mean so far, and compare it."""
        self.steps += 1
        if self.step is not None or not logs or "loss" not in logs:
            return
        self.seen += 1
        total = float(logs["loss"]) * self.seen
        loss, self.total = total - self.total, total
        self.first = self.first or loss
        self.above = self.above + 1 if loss > self.FACTOR * max(self.first, 0) else 0
        if not np.isfinite(loss):
            self.step = self.steps
        elif self.above == self.IN_A_ROW:
            self.step = self.steps - self.IN_A_ROW + 1


def all_programs() -> list[Program]:
    """Return every program of the four parts that runs on the backend in use."""
    from benchmarks.diagnosis import corpus, faults, reports, zoo

    return [*reports.programs(), *corpus.programs(), *faults.programs(), *zoo.programs()]


def choose(
    programs: Iterable[Program],
    *,
    parts: Iterable[str] = PARTS,
    only: Iterable[str] = (),
    every: int = 1,
) -> list[Program]:
    """Return every n-th program of some parts whose id matches a pattern."""
    programs = [p for p in programs if p.part in parts]
    wanted = set(only)
    if wanted and not wanted <= {p.id for p in programs}:
        patterns = [word if any(sign in word for sign in "*?[") else f"*{word}*" for word in wanted]
        return [p for p in programs if any(fnmatch.fnmatch(p.id, w) for w in patterns)][::every]
    return [p for p in programs if not wanted or p.id in wanted][::every]


def path_of(program: Program, folder: Path = FOLDER) -> Path:
    return folder / program.part / f"{program.id}.jsonl.gz"


@dataclass(frozen=True)
class How:
    """Options for recording programs.

    Args:
        folder: Folder of the recordings.
        every: The argument of `Babysitter`, with the same default.
        starts: Folder of initial weights, so that several backends start from the same ones. Then
            data is not shuffled, and a run ends after a number of steps rather than seconds. The
            first backend writes the weights.
        seconds: Time limit of a run in seconds of the processor.
    """

    folder: Path = FOLDER
    every: Any = "auto"
    starts: Path | None = None
    seconds: float = LIMIT_SECONDS


def record_all(programs: list[Program], how: How, *, jobs: int = 1, again: bool = False) -> None:
    """Record programs without a recording, and print one line per program."""
    missing = [p for p in programs if again or not path_of(p, how.folder).exists()]
    print(f"{len(missing)} of {len(programs)} programs to record, {jobs} at a time", flush=True)
    if jobs == 1:
        for program in missing:
            print(record(program, how), flush=True)
        return
    context = multiprocessing.get_context("spawn")
    # A process keeps what was built in it; replacing it after some runs bounds the memory.
    with concurrent.futures.ProcessPoolExecutor(jobs, context, max_tasks_per_child=25) as pool:
        names = [(p.id, how) for p in missing]
        for line in pool.map(_record_by_name, names):
            print(line, flush=True)


def _record_by_name(job: tuple[str, How]) -> str:
    name, how = job
    return record(next(p for p in all_programs() if p.id == name), how)


def record(program: Program, how: How) -> str:
    """Train a program once and write its recording; return a line to print."""
    path = path_of(program, how.folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = path.with_suffix(".lines")
    started = time.perf_counter()
    run = {"id": program.id, "error": None, "steps": 0, "logs": {}, **environment()}
    policy = keras.config.dtype_policy()
    try:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            run |= train_watched(program, lines, how)
        ours = [w for w in heard if issubclass(w.category, KerasBabysitWarning)]
        run["warnings"] = sorted({str(w.message)[:300] for w in ours})
    except Exception as error:
        run["error"] = "".join(traceback.format_exception_only(error)).strip()[:500]
    finally:
        keras.config.set_dtype_policy(policy)
    run["total_seconds"] = round(time.perf_counter() - started, 2)
    text = lines.read_text(encoding="utf-8").splitlines(True) if lines.exists() else []
    write_recording(path, text, run)
    lines.unlink(missing_ok=True)
    outcome = run["error"] or f"{run['steps']} steps, {last_losses(run['logs'])}"
    return f"{program.id:44} {run['total_seconds']:6.1f} s  {outcome}"


def train_watched(program: Program, lines: Path, how: How) -> dict[str, Any]:
    """Train as a user would, with one more sink; return the facts of the run."""
    job = program.build()
    if how.starts is not None:
        start_alike(job, how.starts / f"{program.id}.npz")
    recorder = Recorder(lines)
    sitter = Babysitter(
        every=how.every,
        verbose=0,
        rules=[recorder.mark_judgement, *DEFAULT_RULES],
        sinks=[recorder],
    )
    recorder.sitter = sitter
    started = time.perf_counter()
    limit = TimeLimit(how.seconds) if how.starts is None else StepLimit()
    divergence = Divergence()
    logs = job.train(sitter, limit, divergence).history
    # What a user reads after the run, for judging it without the code of today.
    verdict = {"verdict": sitter.verdict.to_json()} if program.part == "reports" else {}
    return verdict | {
        # A loss-scaling optimizer does not count skipped steps.
        "steps": int(sitter.history.step),
        "planned": job.planned,
        "diverged": divergence.step,
        "epochs": max(map(len, logs.values()), default=0),
        "seconds": round(time.perf_counter() - started, 2),
        "watching": round(sitter.overhead.seconds, 3),
        "logs": {
            name: [brief(v) for v in (values[0], values[-1])] for name, values in logs.items()
        },
    }


def start_alike(job: Run, path: Path) -> None:
    """Read the initial weights from a file, or write it; do not shuffle the data."""
    job.fit["shuffle"] = False
    if path.exists():
        with np.load(path) as kept:
            job.model.set_weights([kept[name] for name in kept.files])
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, *job.model.get_weights())


def brief(value: Any) -> Any:
    value = float(value)
    return float(f"{value:.4g}") if np.isfinite(value) else str(value)


def last_losses(logs: dict[str, Any]) -> str:
    return ", ".join(f"{name} {first} -> {last}" for name, (first, last) in logs.items())


def environment() -> dict[str, str]:
    """Return the versions and the machine of the measurements."""
    return {
        "keras": keras.__version__,
        "keras_babysit": __version__,
        "backend": keras.backend.backend(),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
