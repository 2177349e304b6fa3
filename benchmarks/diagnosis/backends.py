"""Compares the findings on the same programs between backends.

Each backend starts from the same weights and gets the same batches in the same order.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.diagnosis.program import Program
from benchmarks.diagnosis.record import FOLDER, path_of
from benchmarks.diagnosis.replay import read_recording, replay, signature

ROOT = Path(__file__).parents[2]
PYTHONS = {
    "tensorflow": ROOT / ".venv" / "bin" / "python",
    "jax": ROOT / ".venv-jax" / "bin" / "python",
    "torch": ROOT / ".venv-torch" / "bin" / "python",
}
"""The environments that the Makefile creates; the first backend writes the initial weights."""

SAMPLE = 20
EVERY = 10
"""Steps between measurements; a time budget would measure at different steps per backend."""


def choose(programs: Sequence[Program]) -> list[Program]:
    """Return 20 scored programs, spread evenly over all."""
    programs = [p for p in programs if p.part != "reports"]  # not all run everywhere
    scored = [p for p in programs if p.label.is_scored and not p.label.is_harmless]
    count = min(SAMPLE, len(scored))
    return [scored[i * len(scored) // count] for i in range(count)]


def run(programs: Sequence[Program], backends: Sequence[str]) -> None:
    """Record the sample on each backend and print where the findings differ."""
    sample = choose(programs)
    for backend in backends:
        record_on(backend, sample)
    print(report(sample, backends))


def report(sample: Sequence[Program], backends: Sequence[str] = tuple(PYTHONS)) -> str:
    """Return the number of programs with equal findings, and the programs that differ."""
    recorded = [p for p in sample if all(path_of(p, folder_of(b)).exists() for b in backends)]
    found = {p.id: {b: summary(p, folder_of(b)) for b in backends} for p in recorded}
    differing = {name: by for name, by in found.items() if len(set(map(tuple, by.values()))) > 1}
    lines = [
        f"Identical findings on {', '.join(backends)}: {len(found) - len(differing)} of "
        f"{len(found)} programs, from the same weights and batches, measured every {EVERY} "
        "steps (`python benchmarks/diagnosis backends`)."
    ]
    for name, by_backend in differing.items():
        common = set.intersection(*map(set, by_backend.values()))
        more = [
            f"{backend} also {', '.join(word for word in words if word not in common)}"
            for backend, words in by_backend.items()
            if set(words) - common
        ]
        lines.append(
            f"- {name}: all report {', '.join(sorted(common)) or 'nothing'}; {'; '.join(more)}"
        )
    return "\n".join(lines)


def record_on(backend: str, sample: Sequence[Program]) -> None:
    command = [str(PYTHONS[backend]), str(Path(__file__).parent), "record"]
    command += ["--measure-every", str(EVERY), "--folder", str(folder_of(backend))]
    command += ["--same-start", str(FOLDER / "backends" / "starts")]
    for program in sample:
        command += ["--only", program.id]
    subprocess.run(command, env=os.environ | {"KERAS_BACKEND": backend}, check=True)


def folder_of(backend: str) -> Path:
    return FOLDER / "backends" / backend


def summary(program: Program, folder: Path) -> list[str]:
    """Return the findings of the rules on a run, as sorted texts."""
    recording = read_recording(path_of(program, folder))
    if recording.run["error"]:
        return [f"failed: {recording.run['error']}"]
    found = signature(replay(recording))
    return [f"{severity.name.lower()} {rule}({target})" for rule, target, severity in found]
