"""Trains the healthy programs and prints what was reported."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras

from benchmarks.foreign.healthy import HEALTHY
from keras_babysit.findings import Severity


def measure(name: str, epochs: int | None) -> dict[str, Any]:
    """Train one program; return what was reported, its score and the seconds."""
    policy, started = keras.config.dtype_policy(), time.perf_counter()
    found: dict[str, Any] = {"name": name, "epochs": epochs, "backend": keras.backend.backend()}
    try:
        sitter, score = HEALTHY[name].run(epochs)
        found["score"] = round(float(score), 3)
        found["findings"] = [
            [f.severity.name, f.rule, f.target, f.step, f.message, f.resolved_step]
            for f in sitter.findings
        ]
    except Exception as error:
        found["failed"] = f"{type(error).__name__}: {error}"[:300]
    finally:
        keras.config.set_dtype_policy(policy)
    return found | {"seconds": round(time.perf_counter() - started, 1)}


def line(found: dict[str, Any]) -> str:
    """Return what to print of a program: its score, its notes, its warnings and errors.

    Those that were resolved later count as well, because a user has read them.
    """
    head = f"{found['name']:36} epochs {found['epochs'] or 'all':>3}"
    if "failed" in found:
        return f"{head} FAILED {found['failed']}"
    loud = [f for f in found["findings"] if f[0] != Severity.NOTE.name]
    notes = sorted({f[1] for f in found["findings"] if f[0] == Severity.NOTE.name})
    rows = [f"{head} score {found['score']:6.3f} {found['seconds']:5.1f} s  notes {notes}"]
    may = HEALTHY[found["name"]].may
    rows += [
        f"    {f[0]}{' (may)' if f[1] in may else ''} {f[1]} @{f[3]}-{f[5] or ''}: {f[4]}"
        for f in loud
    ]
    return "\n".join(rows)


def summary(every: Iterable[dict[str, Any]]) -> str:
    """Return the counts of programs with a warning or an error that was not expected."""
    every = [one for one in every if "findings" in one]

    def count(severity: Severity) -> int:
        return sum(
            any(
                f[0] == severity.name and f[1] not in HEALTHY[one["name"]].may
                for f in one["findings"]
            )
            for one in every
        )

    errors, warnings = count(Severity.ERROR), count(Severity.WARNING)
    return f"{len(every)} runs: {errors} with an error, {warnings} with a warning."


def run(names: list[str], lengths: list[int | None], path: Path | None) -> None:
    """Train programs, print a line for each, and append them to a file of JSON lines."""
    every = []
    for name in names or list(HEALTHY):
        if keras.backend.backend() not in HEALTHY[name].backends:
            continue
        for epochs in lengths:
            found = measure(name, epochs)
            every.append(found)
            print(line(found), flush=True)
            if path is not None:
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(found) + "\n")
    print(summary(every))
