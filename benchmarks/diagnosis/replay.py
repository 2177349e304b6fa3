"""Reads and writes recordings of runs, and replays the rules over them.

A rule reads only the history. So a run is trained once, with the default `Babysitter`, and judged
in milliseconds whenever a rule changes. A recording is what the `JsonLines` sink writes, plus a
mark at every judgement and a last line with facts of the run.
"""

import gzip
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from keras_babysit.findings import Finding, Journal, Severity
from keras_babysit.history import History, Measurement, read_facts, read_jsonl
from keras_babysit.rules import DEFAULT_RULES, RuleLike, Rules
from keras_babysit.sinks import JsonLines, Report

Record = dict[str, Any]


class Recorder(JsonLines):
    """Writes a recording: JSON lines with a mark at every judgement.

    Args:
        path: File to write.

    Attributes:
        sitter: The callback to record; set it before `fit`.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self.sitter: Any = None

    def mark_judgement(self, history: History) -> list[Finding]:
        """Write a mark. This is the first rule of the session, and never finds anything."""
        judgement = asdict(self.sitter.session.judgement)
        self._write([{"type": "judgement"} | judgement])
        return []


@dataclass(frozen=True)
class Recording:
    """The recording of one run.

    Args:
        records: Facts, measurements, events and judgements, in order.
        run: Facts of the whole run: `steps`, `seconds`, `error`, versions.
    """

    records: list[Record] = field(repr=False)
    run: Record

    def live(self) -> list[Finding]:
        """Return the findings at the end of the live run."""
        episodes: dict[tuple[str, str, int], Finding] = {}
        for record in self.records:
            if record["type"] == "finding":
                finding = Finding.from_json(record)
                episodes[*finding.key, finding.step] = finding
        return [a for a in episodes.values() if a.rule != "not_watched"]


def read_recording(path: str | Path) -> Recording:
    """Return the recording from a gzipped file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        records = read_jsonl(file.read())
    return Recording([r for r in records if r["type"] != "benchmark"], records[-1])


def write_recording(path: Path, lines: Iterable[str], run: Record) -> None:
    """Write JSON lines and the facts of the run to a gzipped file, atomically."""
    partial = path.with_suffix(".partial")
    with gzip.GzipFile(partial, "wb", mtime=0) as file:
        for line in lines:
            file.write(line.encode())
        file.write(json.dumps(run | {"type": "benchmark"}).encode() + b"\n")
    partial.replace(path)


def replay(
    recording: Recording | Iterable[Record], rules: Iterable[RuleLike] = DEFAULT_RULES
) -> list[Finding]:
    """Return all findings of the rules on a recording, in the order in which they opened."""
    records = recording.records if isinstance(recording, Recording) else recording
    return _replay(records, rules)[1]


def replayed_verdict(
    recording: Recording, rules: Iterable[RuleLike] = DEFAULT_RULES
) -> dict[str, Any]:
    """Return the verdict that the rules of today have on a recording, as JSON.

    What no rule reports, such as the note on what was not measured, is that of the live run.
    """
    history, findings = _replay(recording.records, rules)
    names = {one.__name__ for one in Rules(rules)}
    others = [one for one in recording.live() if one.rule not in names]
    return Report(history, [*findings, *others], None).verdict.to_json()


def _replay(records: Iterable[Record], rules: Iterable[RuleLike]) -> tuple[History, list[Finding]]:
    rules = Rules(rules)
    history, journal = History(), Journal()
    for record in records:
        if record["type"] == "run":
            history.facts = read_facts(record)
        elif record["type"] == "measurement":
            history.restore([Measurement.from_json(record)])
        elif record["type"] == "judgement":
            holding = rules.judge(history)
            if record["may_wait"] and any(one.needs_cause for one in holding):
                continue  # the session first searches for the cause
            journal.update(holding, step=record["step"], epoch=record["epoch"])
    return history, journal.findings


def events_agree(one: Iterable[Finding], other: Iterable[Finding]) -> bool:
    """Return whether two lists have the same conditions, targets and severities."""
    return signature(one) == signature(other)


def signature(findings: Iterable[Finding]) -> list[tuple[str, str, Severity]]:
    return sorted((a.rule, a.target, a.severity) for a in findings)


__all__ = [
    "Recorder",
    "Recording",
    "events_agree",
    "read_recording",
    "replay",
    "replayed_verdict",
    "signature",
    "write_recording",
]
