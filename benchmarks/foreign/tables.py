"""Renders the recordings as Markdown."""

import json
import re
from collections import Counter
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

from benchmarks.diagnosis.replay import read_recording, replay
from keras_babysit.findings import Severity

INTRODUCTION = """# Foreign models

This page is written by `make bench-foreign`. It contains every architecture of `keras.applications`
(`weights=None`, smallest supported images) and the model kinds of Keras' examples, as defined in
`benchmarks/foreign`. Each model was monitored for one epoch of 4 steps of 4 examples, with Adam and
its default learning rate. The rules are replayed over the recordings. Times were measured on a busy
CPU core and are only indicative.

`python benchmarks/foreign watch --only '[a-z]*' --together` records the model kinds alone, in one
process, and `python benchmarks/foreign table --write` puts them into this page; the rows of models
that were not recorded again stay as they are. Both models of KerasHub need `pip install keras-hub`;
their weights are random, which is reported. `keras-tuner-trial` is the trial of a search with
KerasTuner, and needs `pip install keras-tuner six`. On JAX, `--every 1` measures each step
regardless of the cost."""

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
    """Return the page of all backends.

    Of models without a recording here, the rows and warnings of `before` stay as they are.
    """
    old = {part.partition("\n")[0]: part for part in before.split("\n## ")[1:]}
    parts = [INTRODUCTION]
    for backend in ("tensorflow", "jax", "torch"):
        runs = [read(path) for path in recordings(folder / backend)]
        kept = _of_models(old.get(backend, ""), "| ")
        known = kept | {run["name"]: [row(run)] for run in runs}
        if known:
            warned = _of_models(old.get(backend, ""), "- ")
            warned |= {run["name"]: alarms([run]).splitlines() for run in runs}
            lines = [line for name in _names() for line in known.get(name, [])]
            warnings = [line for name in _names() for line in warned.get(name, [])]
            parts += [f"## {backend}", summary(lines), missing(known), TABLE + "\n".join(lines)]
            parts += ["\n".join(warnings)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _names() -> list[str]:
    from benchmarks.foreign import cases

    return cases.names()


def _of_models(part: str, start: str) -> dict[str, list[str]]:
    """Return the lines of a part of the page that begin with `start` and a model's name."""
    found: dict[str, list[str]] = {name: [] for name in _names()}
    for line in part.splitlines():
        name = re.split(r"[ ,]", line.removeprefix(start))[0] if line.startswith(start) else ""
        if name in found:
            found[name].append(line)
    return {name: lines for name, lines in found.items() if lines}


def recordings(folder: Path) -> list[Path]:
    """Return the paths of the recordings of a backend, in the order of the models."""
    paths = [folder / f"{name}.jsonl.gz" for name in _names()]
    return [path for path in paths if path.exists() or failure_of(path).exists()]


def summary(rows: Iterable[str]) -> str:
    """Return in one sentence what the rows of a table say."""
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in rows]
    done = [one for one in cells if not one[3].startswith("failed: ")]
    quiet = [one for one in done if "(WARNING" not in one[4] and "(ERROR" not in one[4]]
    whole = [one for one in done if one[3] == "-"]
    return (
        f"{len(cells)} models: {len(done)} trained, {len(whole)} of them measured completely, "
        f"{len(quiet)} without a warning."
    )


def missing(known: Container[str]) -> str:
    """Return the names of the models without a recording."""
    names = [name for name in _names() if name not in known]
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
