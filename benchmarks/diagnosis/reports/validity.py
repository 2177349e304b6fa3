"""Measures whether a faulty program trains worse, or misleads more, than the repaired one.

`python benchmarks/diagnosis validate` trains both without Babysitter, with several seeds, and
writes `validity.json`. Only valid reports count.
"""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from benchmarks.diagnosis.reports.report import Report

FILE = Path(__file__).parent / "validity.json"

SEEDS = (0, 1, 2)

LEAST = 0.03
"""The minimum mean difference of the scores, as for seeded faults (`outcomes.LOST`)."""


def load() -> dict[str, Any]:
    """Return the scores by name of the report."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def save(measured: Mapping[str, Any]) -> None:
    lines = [f" {json.dumps(name)}: {json.dumps(measured[name])}" for name in sorted(measured)]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def is_valid(scores: Mapping[str, Any] | None) -> bool:
    """Return whether the repaired program is better with every seed, and clearly so on average.

    Clearly means by `LEAST` and by two standard errors of the difference.
    """
    if scores is None or len(scores["faulty"]) < 2:
        return False
    gain = np.array(scores["repaired"]) - np.array(scores["faulty"])
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    return bool((gain > 0).all() and gain.mean() >= LEAST and gain.mean() > 2 * error)


def measure(report: Report, seed: int) -> tuple[dict[str, float], float]:
    """Train both programs; return their scores and the seconds of the slower one."""
    scores, seconds = {}, 0.0
    for name in ("faulty", "repaired"):
        policy = keras.config.dtype_policy()
        started = time.perf_counter()
        training = report.build(is_repaired=name == "repaired", seed=seed)
        scores[name] = round(training.score(training.train().history), 4)
        seconds = max(seconds, time.perf_counter() - started)
        keras.config.set_dtype_policy(policy)
    return scores, round(seconds, 1)


def validate(
    reports: Iterable[Report], *, again: bool = False, seeds: Sequence[int] = SEEDS
) -> None:
    """Measure the seeds without a result, and print one line for each report."""
    for report in reports:
        if keras.backend.backend() not in report.backends:
            continue
        known = {} if again else load().get(report.name, {})
        new = {"backend": keras.backend.backend(), "faulty": [], "repaired": [], "seconds": 0.0}
        scores = new | known
        for seed in seeds[len(scores["faulty"]) :]:
            found, seconds = measure(report, seed)
            scores = scores | {name: [*scores[name], found[name]] for name in found}
            scores["seconds"] = max(scores["seconds"], seconds)
            save(load() | {report.name: scores})
        verdict = "valid" if is_valid(scores) else "NOT VALID"
        print(f"{report.name:42} {verdict:10} {json.dumps(scores)}", flush=True)
