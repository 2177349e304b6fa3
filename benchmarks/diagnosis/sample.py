"""A small sample of the recordings in the repository; CI replays the rules over it."""

import itertools
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.diagnosis.judge import judge
from benchmarks.diagnosis.program import Program
from benchmarks.diagnosis.record import FOLDER, path_of
from benchmarks.diagnosis.replay import (
    Record,
    Recording,
    read_recording,
    replay,
    signature,
    write_recording,
)
from benchmarks.diagnosis.verdict import Verdict

SAMPLE = Path(__file__).parents[2] / "tests" / "data" / "diagnosis"

BUDGET = 14_000
"""Maximum size of one recording in bytes, so that all stay below 1 MB."""

COUNT = 30
"""Numbers of healthy and of faulty programs in the sample."""

DIGITS = 4
"""Number of digits that are kept."""


def write(programs: Iterable[Program], *, folder: Path = FOLDER, to: Path = SAMPLE) -> list[str]:
    """Write the sample; return a line per program."""
    verdicts, _ = judge(programs, folder=folder)
    for old in to.rglob("*.jsonl.gz"):
        old.unlink()
    lines, found = [], []
    for verdict in choose(verdicts):
        program = verdict.program
        target = path_of(program, to)
        target.parent.mkdir(parents=True, exist_ok=True)
        step = thin_to_fit(read_recording(path_of(program, folder)), target)
        if step is None:
            lines.append(f"{program.id:48} left out: thinning changes the findings")
            continue
        if verdict.is_found and not program.label.is_healthy:
            found.append(program.id)
        size = target.stat().st_size
        lines.append(f"{program.id:48} {size:6} bytes, every {step}. later judgement")
    facts = json.dumps({"found": sorted(found)}, indent=1)
    (to / "expected.json").write_text(facts + "\n", encoding="utf-8")
    return lines


def choose(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Return faulty programs that cover every rule, and healthy ones of different bases."""
    usable = [
        v
        for v in verdicts
        if v.program.label.is_scored and not v.program.label.is_harmless and not v.error
    ]
    faulty = [v for v in usable if not v.program.label.is_healthy]
    healthy = [v for v in usable if v.program.label.is_healthy and not v.alarms]
    chosen: list[Verdict] = []
    covered: set[str] = set()
    for verdict in sorted(faulty, key=lambda v: not v.is_found):
        if verdict.program.label.names - covered or verdict.program.part == "corpus":
            chosen.append(verdict)
            covered |= verdict.program.label.names
    return [*spread(chosen, COUNT + 10), *spread(one_per_family(healthy), COUNT)]


def one_per_family(verdicts: Iterable[Verdict]) -> list[Verdict]:
    return list({v.program.family: v for v in verdicts}.values())


def spread(verdicts: list[Verdict], count: int) -> list[Verdict]:
    """Return `count` verdicts, evenly spread over the list."""
    chosen = {round(i * (len(verdicts) - 1) / max(count - 1, 1)) for i in range(count)}
    return [v for index, v in enumerate(verdicts) if index in chosen]


# ------------------------------------------------------------------------------------- thinning


def thin_to_fit(recording: Recording, target: Path) -> int | None:
    """Write the finest thinning with equal findings that fits the limit; return its step."""
    expected = signature(replay(recording))
    for step in (1, 2, 3, 4, 6, 8, 12, 16, 24):
        records = thin(recording.records, step)
        if signature(replay(records)) != expected:
            continue
        lines = [json.dumps(record, separators=(",", ":")) + "\n" for record in records]
        write_recording(target, lines, recording.run)
        if target.stat().st_size <= BUDGET:
            return step
    target.unlink(missing_ok=True)
    return None


def thin(records: Iterable[Record], step: int, *, early: int = 8) -> list[Record]:
    """Return the first judgements, every n-th later one and the last, with rounded numbers."""
    groups: list[list[Record]] = [[]]
    for record in records:
        if record["type"] in ("run", "measurement", "judgement"):
            groups[-1].append(shortened(record))
        if record["type"] == "judgement":
            groups.append([])
    kept = []
    for index, group in enumerate(groups):
        # The last group has no judgement; the one before it follows the end of training.
        if index < early or index % step == 0 or index >= len(groups) - 3:
            kept.append(group)
        else:
            kept.append([r for r in group if r["type"] == "run"])
    return list(itertools.chain.from_iterable(kept))


def shortened(record: Record) -> Record:
    return record | {"value": rounded(record["value"])} if "value" in record else record


def rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [rounded(entry) for entry in value]
    if isinstance(value, float) and math.isfinite(value):
        return float(f"{value:.{DIGITS}g}")
    return value
