"""What the runs reported on the reports, judged against the expectations, and stored.

`python benchmarks/diagnosis answers --label L --code C --folder F` judges the recordings of a
folder and writes `answers/L.json`. A recording holds the verdict that a user reads after the run,
so that an answer does not depend on the code that judges it; with `--replay` the rules of today
judge its measurements. Of the faulty programs of the test
half, and of all programs of the second set, only the grade is stored: nobody looks at more while
rules change.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.diagnosis.program import Program
from benchmarks.diagnosis.replay import read_recording, replay, replayed_verdict
from benchmarks.diagnosis.reports.expectation import Expectation
from benchmarks.diagnosis.reports.expectations import EXPECTED
from benchmarks.diagnosis.reports.programs import report_of
from benchmarks.diagnosis.reports.report import SECOND
from keras_babysit.findings import Severity, Verdict, explain

FOLDER = Path(__file__).parent / "answers"

GRADES = {
    "first": "named, first right",
    "named": "named, not first",
    "symptom": "symptom only",
    "missed": "missed",
    "all well": 'missed with "all well"',
}
"""Grades of a faulty program, the best first. *All well* means no warning and no error at all."""


@dataclass(frozen=True)
class Seen:
    """A group of findings as a user sees it.

    Args:
        rule: Name of the rule.
        severity: The worst severity.
        step: The step at which it opened.
    """

    rule: str
    severity: Severity
    step: int


def seen(verdict: Verdict) -> list[Seen]:
    """Return what a verdict shows, in its order: causes, each followed by its symptoms."""
    shown = []
    for cause in verdict.causes:
        groups = [g for g in (cause.root, *cause.symptoms) if g.findings]
        first = min(g.step for g in groups)
        root = cause.root
        severity = root.severity if root.findings else cause.severity
        shown.append(Seen(root.rule, severity, root.step if root.findings else first))
        shown += [Seen(g.rule, g.severity, g.step) for g in cause.symptoms if g.findings]
    return shown


def counted(shown: Iterable[Seen], expected: Expectation) -> list[Seen]:
    """Return the warnings and errors, and notes that name the fault if a note is enough."""
    return [
        one
        for one in shown
        if one.severity >= Severity.WARNING or (expected.note_counts and one.rule in expected.rules)
    ]


def grade(shown: Iterable[Seen], expected: Expectation) -> str:
    """Return the grade of an answer on a faulty program, a key of `GRADES`."""
    rules = [one.rule for one in counted(shown, expected)]
    if not rules:
        return "all well"
    if rules[0] in expected.rules:
        return "first"
    if expected.rules & set(rules):
        return "named"
    return "symptom" if expected.symptom_rules & set(rules) else "missed"


def is_wrong(remedy: Mapping[str, str] | None, expected: Expectation) -> bool:
    """Return whether the first remedy is one that does nothing or harms, by its words."""
    text = f"{remedy['text']} {remedy['code']}".lower() if remedy else ""
    return any(words in text for words in expected.wrong)


def answer(program: Program, path: Path, *, is_replayed: bool = False) -> dict[str, Any]:
    """Return the judged answer of one recording, as it is stored."""
    recording = read_recording(path)
    run = recording.run
    if run["error"]:
        return {"error": run["error"]}
    verdict = replayed_verdict(recording) if is_replayed else run["verdict"]
    shown = seen(Verdict.from_json(verdict))
    alarms = [one for one in shown if one.severity >= Severity.WARNING]
    details = {
        "shown": [f"{one.severity.name.lower()} {one.rule} @{one.step}" for one in shown],
        "do_first": verdict["do_first"] and verdict["do_first"]["text"],
    }
    is_second = report_of(program).name in SECOND
    result: dict[str, Any]
    if program.label.is_healthy:
        worst = max((one.severity for one in alarms), default=None)
        result = {"alarm": worst and worst.name.lower()}
        return result | ({} if is_second else details)
    expected = EXPECTED[report_of(program).name]
    result = {"grade": grade(shown, expected)}
    result["wrong"] = result["grade"] != "first" and is_wrong(verdict["do_first"], expected)
    if run["diverged"] is not None:
        first = min((one.step for one in alarms), default=None)
        result["lead"] = None if first is None else run["diverged"] - first
    return result | (details if program.half == "tuning" and not is_second else {})


def judge(
    programs: Iterable[Program], folder: Path, *, is_replayed: bool = False
) -> dict[str, Any]:
    """Return the answers on all recorded programs of valid reports, by id."""
    paths = {p: folder / p.part / f"{p.id}.jsonl.gz" for p in programs if p.part == "reports"}
    return {
        program.id: answer(program, path, is_replayed=is_replayed)
        for program, path in paths.items()
        if path.exists() and program.label.is_scored
    }


def judge_healthy(
    programs: Iterable[Program], folder: Path, *, is_replayed: bool = False
) -> dict[str, list[str]]:
    """Return the warnings and errors of the recorded healthy programs of the other parts, by id."""
    found = {}
    for program in programs:
        is_healthy = program.label.is_healthy and program.label.is_scored
        if program.part not in ("corpus", "healthy") or not is_healthy:
            continue
        path = folder / program.part / f"{program.id}.jsonl.gz"
        if path.exists() and not (recording := read_recording(path)).run["error"]:
            findings = replay(recording) if is_replayed else recording.live()
            alarms = [a for a in explain(findings) if a.severity >= Severity.WARNING]
            found[program.id] = [f"{a.severity.name.lower()} {a.rule} @{a.step}" for a in alarms]
    return found


def save(
    label: str,
    about: Mapping[str, Any],
    answers: Mapping[str, Any],
    healthy: Mapping[str, list[str]] | None = None,
) -> Path:
    """Write the answers of one state of the code on one backend."""
    FOLDER.mkdir(exist_ok=True)
    lines = [f"  {json.dumps(key)}: {json.dumps(answers[key])}" for key in sorted(answers)]
    head = f'{{\n "about": {json.dumps(about)},\n "healthy": {json.dumps(healthy or {})},\n'
    head += ' "answers": {\n'
    path = FOLDER / f"{label}.json"
    path.write_text(head + ",\n".join(lines) + "\n }\n}\n", encoding="utf-8")
    return path


def load_all() -> list[dict[str, Any]]:
    """Return all stored answers, in the order of their names."""
    return [json.loads(p.read_text(encoding="utf-8")) for p in sorted(FOLDER.glob("*.json"))]
