"""Renders the recordings as Markdown."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.diagnosis.replay import read_recording, replay
from keras_babysit.findings import Severity

INTRODUCTION = """# Foreign models

This page is written by `make bench-foreign`. It contains every architecture of `keras.applications`
(`weights=None`, smallest supported images) and the model kinds of Keras' examples, as defined in
`benchmarks/foreign`. Each model was monitored for one epoch of 4 steps of 4 examples, with Adam and
its default learning rate. The rules are replayed over the recordings. Times were measured on a busy
CPU core and are only indicative."""

TABLE = """\
| model | million weights | layers measured | not measured | findings | seconds (of total) |
|---|---|---|---|---|---|
"""


def failure_of(path: Path) -> Path:
    """Return the path of the file with the reason why there is no recording."""
    return path.with_name(path.name.replace(".jsonl.gz", ".failed.json"))


def read(path: Path) -> dict[str, Any]:
    """Return the facts of a run, and the findings of the current rules on it."""
    if not path.exists():
        failed: dict[str, Any] = json.loads(failure_of(path).read_text())
        return failed
    recording = read_recording(path)
    return recording.run | {"findings": replay(recording)}


def row(run: dict[str, Any]) -> str:
    """Return one run as a row of a table."""
    if "failed" in run:
        return f"| {run['name']} | - | - | failed: {run['failed']} | - | - |"
    called = run["layers"] - len(run["not_called"])
    counts = Counter((a.severity.name, a.rule) for a in run["findings"])
    cells = [
        run["name"],
        f"{run['parameters'] / 1e6:.1f}",
        f"{called} of {run['layers']}",
        "; ".join(missed(run)) or "-",
        ", ".join(f"{rule} ({severity}, {n})" for (severity, rule), n in counts.items()) or "none",
        f"{run['watching']:.0f} of {run['seconds']:.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def missed(run: dict[str, Any]) -> list[str]:
    """Return what was not measured: the reported sentences, and the layers without a call."""
    sentences, silent = [*run["not_watched"], *run["warnings"]], run["not_called"]
    if not silent or len(silent) == run["layers"]:  # if it is all layers, a finding reports it
        return sentences
    return [*sentences, f"Layers that are not called: {', '.join(silent)}."]


def page(folder: Path, before: str = "") -> str:
    """Return the page of all backends; for one without recordings here, its part of `before`."""
    old = {part.partition("\n")[0]: part.strip() for part in before.split("\n## ")[1:]}
    parts = [INTRODUCTION]
    for backend in ("tensorflow", "jax", "torch"):
        runs = [read(path) for path in recordings(folder / backend)]
        if runs:
            parts += [f"## {backend}", summary(runs), missing(runs), rows(runs), alarms(runs)]
        elif backend in old:
            parts += [f"## {old[backend]}"]
    return "\n\n".join(filter(None, parts)) + "\n"


def rows(runs: list[dict[str, Any]]) -> str:
    return TABLE + "\n".join(map(row, runs))


def recordings(folder: Path) -> list[Path]:
    """Return the paths of the recordings of a backend, in the order of the models."""
    from benchmarks.foreign import cases

    paths = [folder / f"{name}.jsonl.gz" for name in cases.names()]
    return [path for path in paths if path.exists() or failure_of(path).exists()]


def summary(runs: list[dict[str, Any]]) -> str:
    done = [run for run in runs if "failed" not in run]
    quiet = [
        run for run in done if not any(a.severity >= Severity.WARNING for a in run["findings"])
    ]
    whole = [run for run in done if not missed(run)]
    return (
        f"{len(runs)} models: {len(done)} trained, {len(whole)} of them measured completely, "
        f"{len(quiet)} without a warning."
    )


def missing(runs: list[dict[str, Any]]) -> str:
    """Return the names of the models without a recording."""
    from benchmarks.foreign import cases

    known = {run["name"] for run in runs}
    names = [name for name in cases.names() if name not in known]
    return f"Not recorded: {', '.join(names)}." if names else ""


def alarms(runs: list[dict[str, Any]]) -> str:
    """Return one line per warning."""
    lines = [
        f"- {run['name']}, step {a.step}: {a.severity.name} {a.rule}({a.target}): {a.message}"
        for run in runs
        for a in run.get("findings", ())
        if a.severity >= Severity.WARNING
    ]
    return "\n".join(lines)
