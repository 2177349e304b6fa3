"""Which programs are measured, what counts as cured, and where results are kept."""

import functools
import hashlib
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from benchmarks.diagnosis import faults, outcomes, replay, sample, zoo
from benchmarks.diagnosis.program import Run
from benchmarks.diagnosis.record import path_of
from benchmarks.remedies import results
from keras_babysit import Babysitter
from keras_babysit.findings import Finding, Severity
from keras_babysit.remedies import Change, Program
from keras_babysit.remedies.program import share_weights

SPREAD = 2.0
"""Standard deviations of the scores of the repaired program's seeds below their mean, down to which
a program counts as cured."""

LEAST_SPREAD = 0.01
"""The same as a score, as three seeds may agree by chance."""

CLEAR = 0.03
"""Difference of scores from which on a program is better or worse than before."""

SECONDS = 60.0
"""Processor time at which one training ends: not the clock, as other work may run beside it."""


class Limit(keras.callbacks.Callback):
    """Ends a training after `SECONDS` of processor time."""

    def __init__(self) -> None:
        super().__init__()
        self._end = time.process_time() + SECONDS

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Look at the time."""
        if time.process_time() > self._end:
            self.model.stop_training = True


@dataclass(frozen=True)
class Case:
    """A program and the scores that it is judged by.

    Args:
        id: Its name.
        task: How it is scored, see `Recipe`.
        build: Returns the compiled model with its data, seeded.
        seed: The seed.
        broken: Its validation score as it is.
        repaired: Validation scores of its healthy base: on its own data where they are measured
            (`python -m benchmarks.remedies bases`), else those of `outcomes.json`, whose data are
            split with another seed.
        base: Returns the healthy base on its own data; None if it is one itself.
    """

    id: str
    task: str
    build: Callable[[], Run]
    seed: int
    broken: float
    repaired: tuple[float, ...]
    base: Callable[[], Run] | None = None

    @property
    def needed(self) -> float:
        """The score from which on it is cured."""
        spread = float(np.std(self.repaired, ddof=1)) if len(self.repaired) > 1 else 0.0
        return float(np.mean(self.repaired)) - max(SPREAD * spread, LEAST_SPREAD)

    def effect(self, score: float) -> str:
        """Return what a change did."""
        if score >= self.needed:
            return "cured"
        if score >= self.broken + CLEAR:
            return "improved"
        return "harms" if score <= self.broken - CLEAR else "no difference"


def faulty(count: int | None = None, seconds: float | None = None) -> list[Case]:
    """Return seeded faults that are harmful, in the order of a hash of their names.

    Faults that mislead the measurement alone, and programs that read a stream, are left out: no
    score shows the first, and a trial cannot repeat the second.

    Args:
        count: Number of programs; None for all.
        seconds: Longest training, by `outcomes.json`; None for any.
    """
    measured, bases = outcomes.load(), results.load()["bases"]
    found = []
    for name, (fault, recipe, base) in faults.cases().items():
        scores = [measured[key] for s in zoo.SEEDS if (key := f"{base.name}-{s}") in measured]
        broken = measured.get(name, {})
        is_known = "validation" in broken and scores and all("validation" in s for s in scores)
        if seconds is not None and broken.get("seconds", 0.0) > seconds:
            continue
        if fault.misleads or recipe.stream or not is_known or not faults.does_hurt(name, measured):
            continue
        seed = faults.seed_of(name)
        repaired = tuple(bases.get(name) or (float(one["validation"]) for one in scores))
        before, build = float(broken["validation"]), functools.partial(recipe.build, seed)
        sound = functools.partial(base.build, seed)
        found.append(Case(name, recipe.task, build, seed, before, repaired, sound))
    return sorted(found, key=lambda case: drawn(case.id))[:count]


def healthy(count: int | None = None) -> list[Case]:
    """Return healthy programs, in the order of a hash of their names."""
    measured = outcomes.load()
    found = []
    for name, recipe in zoo.recipes().items():
        known = measured.get(name, {})
        if "validation" in known and not recipe.stream and not recipe.before:
            seed = int(name.rsplit("-", 1)[1])
            score = float(known["validation"])
            build = functools.partial(recipe.build, seed)
            found.append(Case(name, recipe.task, build, seed, score, (score,)))
    return sorted(found, key=lambda case: drawn(case.id))[:count]


def drawn(name: str) -> str:
    """Return what programs are ordered by: a hash, which knows nothing of them."""
    return hashlib.sha256(name.encode()).hexdigest()


def findings_of(case: Case) -> list[Finding]:
    """Return the findings: of the recording in the repository, else of a run under watch."""
    program = next(one for one in faults.programs() if one.id == case.id)
    stored = path_of(program, sample.SAMPLE)
    if stored.exists():
        return list(replay.replay(replay.read_recording(stored)))
    sitter = Babysitter(verbose=0)
    case.build().train(sitter, Limit())
    return list(sitter.findings)


def first_of(findings: list[Finding]) -> Finding | None:
    """Return the first warning or error; the first note if there is none."""
    alarms = [one for one in findings if one.severity >= Severity.WARNING]
    return next(iter(alarms or findings), None)


def program_of(run: Run) -> Program:
    """Return the program of a run, with its own callbacks."""
    fit = dict(run.fit)
    weight = fit.pop("sample_weight", None)
    data = run.data
    held_out = (data.x_val, data.y_val, None) if data.x_val is not None else (data.x, data.y, None)
    return Program(run.model, data.x, data.y, weight, held_out, fit, tuple(run.callbacks))


def score_after(case: Case, changes: tuple[Change, ...]) -> float:
    """Train the changed program wholly, from the weights of the unchanged one; return its score."""
    run = case.build()
    weights = run.model.get_weights()
    program = program_of(run)
    for change in changes:
        program = change.apply(program)
    model = program.build(case.seed)
    if all(change.keeps_weights for change in changes):
        share_weights(model, weights)
    keras.utils.set_random_seed(case.seed)
    program.train(model, case.seed, Limit())
    x, y, _ = program.validation
    if program.unscale is not None:
        scale, offset = program.unscale
        y = (y - offset) / scale
    return float(outcomes.score(model, x, y, case.task))


def score_of_base(case: Case) -> float:
    """Train the healthy base of a program on its data; return its score."""
    assert case.base is not None
    run = case.base()
    run.train(Limit())
    held_out = run.data.x_val is not None
    x, y = (run.data.x_val, run.data.y_val) if held_out else (run.data.x, run.data.y)
    return float(outcomes.score(run.model, x, y, case.task))


def where() -> str:
    """Return what the measurements are made on."""
    return f"{keras.backend.backend()}, Keras {keras.__version__}, {platform.machine()}"
