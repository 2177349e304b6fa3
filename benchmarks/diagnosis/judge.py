"""Replays the rules over the recordings, and tabulates their results."""

import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.diagnosis.program import HALVES, PARTS, Program
from benchmarks.diagnosis.record import FOLDER, environment, path_of
from benchmarks.diagnosis.replay import read_recording, replay
from benchmarks.diagnosis.reports import section
from benchmarks.diagnosis.verdict import COLUMNS, Verdict, count, figures
from benchmarks.diagnosis.whys import WHYS
from keras_babysit.findings import Finding, explain
from keras_babysit.rules import DEFAULT_RULES

PEERS = [
    ("DeepDiagnosis", "391 models of AUTOTRAINER", "0.68", "0.36 (68/188)"),
    ("DeepLocalize", "391 models of AUTOTRAINER", "0.94", "0.72"),
    ("UMLAUT", "391 models of AUTOTRAINER", "0.86", "0.91"),
    ("DeepDiagnosis", "53 forum programs, symptom found", "0.72 (38/53)", "-"),
    ("DeepLocalize", "53 forum programs, symptom found", "0.43 (23/53)", "-"),
    ("AUTOTRAINER", "53 forum programs, symptom found", "0.36 (19/53)", "-"),
    ("UMLAUT", "53 forum programs, symptom found", "0.32 (17/53)", "-"),
    ("DeepFD", "52 programs, correct kind of fault", "0.52 (27/52)", "-"),
    ("DEFault", "52 programs, correct category", "0.63", "-"),
    ("best of four", "independent score, EMSE 2025", "0.55", "precision 0.37"),
]
"""Results of earlier tools, from their publications or the published result files."""

TITLES = {
    "reports": "Public reports",
    "corpus": "Programs of published fault benchmarks",
    "faults": "Seeded faults",
    "healthy": "Healthy programs",
}


def judge(
    programs: Iterable[Program], *, folder: Path = FOLDER, jobs: int = 1
) -> tuple[list[Verdict], list[Program]]:
    """Return the verdicts on recorded programs, and the programs without a recording."""
    programs = list(programs)
    recorded = [p for p in programs if path_of(p, folder).exists()]
    missing = [p for p in programs if p not in recorded]
    paths = [path_of(p, folder) for p in recorded]
    if jobs == 1:
        answers = map(answer, paths)
    else:
        with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
            answers = list(pool.map(answer, paths, chunksize=8))
    return [Verdict(p, *found) for p, found in zip(recorded, answers, strict=True)], missing


def answer(path: Path) -> tuple[tuple[Finding, ...], int, str, int | None]:
    """Return findings, number of steps, why there is no run, if so, and the step of divergence."""
    recording = read_recording(path)
    run = recording.run
    if run["error"]:
        return (), 0, run["error"], None
    return tuple(explain(replay(recording))), run["steps"], "", run.get("diverged")


# ------------------------------------------------------------------------------------- tables


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table, aligned so that it is readable as plain text."""
    rows = [list(map(str, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        return f"| {' | '.join(padded)} |"

    return "\n".join([line(head), line(["-" * width for width in widths]), *map(line, rows)])


def overall_rows(verdicts: Sequence[Verdict]) -> list[list[str]]:
    rows = []
    for part in PARTS:
        of_part = [v for v in verdicts if v.program.part == part]
        for half in (*HALVES, None):
            chosen = [v for v in of_part if half in (None, v.program.half)]
            if chosen:
                name = f"{half} half" if half else "both halves"
                rows.append([TITLES[part], name, *figures(chosen).cells()])
    for half in (*HALVES, None):
        chosen = [v for v in verdicts if half in (None, v.program.half)]
        name = f"{half} half" if half else "both halves"
        rows.append(["All", name, *figures(chosen).cells()])
    return rows


RULE_COLUMNS = [
    "rule",
    "half",
    "found by this rule",
    "found by any rule",
    "first finding correct",
    "false alarms of this rule",
    "found at",
]


def rule_rows(verdicts: Sequence[Verdict]) -> list[list[str]]:
    """Return a row per rule and half: the seeded faults of its kind, and its false alarms."""
    names = {r for v in verdicts if v.program.part == "faults" for r in v.program.label.names}
    names |= set(DEFAULT_RULES.names)
    known = [*DEFAULT_RULES.names, *sorted(names - set(DEFAULT_RULES.names))]
    rows = []
    for rule in known:
        for half in HALVES:
            chosen = [v for v in verdicts if v.program.half == half]
            rows.append([rule, half, *rule_cells(chosen, rule)])
    return rows


def rule_cells(verdicts: Sequence[Verdict], rule: str) -> list[str]:
    faulty = [
        v
        for v in verdicts
        if v.program.part == "faults"
        and rule in v.program.label.names
        and not v.program.label.is_harmless
    ]
    healthy = [v for v in verdicts if v.program.label.is_healthy]
    result = figures(faulty)
    return [
        str(count(faulty, reported_by(rule))),
        str(result.recall),
        str(result.first),
        str(count(healthy, alarms_by(rule))),
        result.discovery,
    ]


def rule_counts(verdicts: Sequence[Verdict]) -> dict[str, dict[str, int]]:
    """Return how often each rule was right and wrong, for `docs/rules.md`.

    Right is a finding on a faulty program that names its fault or an accepted symptom of it. Wrong
    is an alarm on a healthy program, or on a faulty one about something else.
    """
    counts = {rule: right_and_wrong(rule, verdicts) for rule in DEFAULT_RULES.names}
    return {rule: {"right": right, "wrong": wrong} for rule, (right, wrong) in counts.items()}


def right_and_wrong(rule: str, verdicts: Sequence[Verdict]) -> tuple[int, int]:
    """Return the numbers of programs on which a rule was right and wrong."""
    scored = [v for v in verdicts if v.program.label.is_scored]
    reported = [v for v in scored if any(a.rule == rule for a in v.counted)]
    right = [
        v
        for v in reported
        if not v.program.label.is_healthy
        and rule in v.program.label.names | v.program.label.accepts
    ]
    return len(right), len(reported) - len(right)


def reported_by(rule: str) -> Callable[[Verdict], bool]:
    return lambda v: any(a.rule == rule for a in v.counted)


def alarms_by(rule: str) -> Callable[[Verdict], bool]:
    return lambda v: any(a.rule == rule for a in v.alarms)


def symptom_rows(verdicts: Sequence[Verdict]) -> list[list[str]]:
    """Return a row per symptom of the published programs."""
    faulty = [v for v in verdicts if not v.program.label.is_healthy]
    words = sorted({word for v in faulty for word in v.program.label.words})
    rows = []
    for word in words:
        result = figures(v for v in faulty if word in v.program.label.words)
        rows.append([word, str(result.recall), str(result.first), result.discovery])
    return rows


def peer_rows(verdicts: Sequence[Verdict]) -> list[list[str]]:
    """Return a row per earlier tool, with its results on programs of the corpus."""
    names = sorted({name for v in verdicts for name in v.program.peers})
    rows = []
    for name in names:
        asked = [v for v in verdicts if v.program.peers.get(name, NO_ANSWER) != NO_ANSWER]
        faulty = [v for v in asked if not v.program.label.is_healthy]
        healthy = [v for v in asked if v.program.label.is_healthy]
        rows.append(
            [
                name,
                *(str(count(c, lambda v, n=name: v.program.peers[n] != "nothing"))
                  for c in (faulty, healthy)),
                *(str(count(c, lambda v: bool(v.alarms))) for c in (faulty, healthy)),
            ]
        )  # fmt: skip
    return rows


NO_ANSWER = "not applicable"


def unscored(verdicts: Iterable[Verdict]) -> list[Verdict]:
    return [v for v in verdicts if not v.program.label.is_scored]


def scored(verdicts: Iterable[Verdict]) -> list[Verdict]:
    return [v for v in verdicts if v.program.label.is_scored]


def misses(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Return the faulty programs whose fault was not found."""
    return [
        v
        for v in verdicts
        if not (v.program.label.is_healthy or v.program.label.is_harmless or v.is_found)
    ]


def false_alarms(verdicts: Iterable[Verdict]) -> list[Verdict]:
    return [v for v in verdicts if v.is_false_alarm]


def one_line(verdict: Verdict) -> str:
    """Return a verdict in one line: id, half, label and warnings."""
    program = verdict.program
    wanted = ", ".join(sorted(program.label.names)) or "healthy"
    doubt = "" if program.label.is_scored else f" (not scored: {program.label.note})"
    return f"{program.id} [{program.half}]: {wanted}; reported: {verdict.reported()}{doubt}"


def why(verdict: Verdict) -> str:
    """Return the reason for a miss or a false alarm, if it is known."""
    if not verdict.program.label.is_scored:
        return ""  # the note of the label contains it
    return f". Why: {WHYS.get(verdict.program.id, 'unknown')}"


def report(verdicts: Sequence[Verdict], missing: Sequence[Program]) -> str:
    """Return all tables as Markdown."""
    broken = [v for v in verdicts if v.error]
    verdicts = [v for v in verdicts if not v.error]
    counted, dubious = scored(verdicts), unscored(verdicts)
    harmless = sum(v.program.label.is_harmless for v in counted)
    corpus = [v for v in counted if v.program.part == "corpus"]
    parts = [
        "## Overall",
        table(["part", "half", *COLUMNS], overall_rows(counted)),
        f"{len(counted)} runs. {harmless} seeded faults are excluded because they were harmless "
        f"when trained without Babysitter. Not recorded: {len(missing)}; failed: {len(broken)}.",
        "## By rule",
        table(RULE_COLUMNS, rule_rows(counted)),
        "## Published programs by symptom",
        table(["symptom", "recall", "first finding correct", "found at"], symptom_rows(corpus)),
        "## Earlier tools",
        table(["tool", "programs", "recall", "false alarms on healthy"], PEERS),
        "On programs of the corpus for which the result of the tool is published:",
        table(["tool", "faulty: tool alarms", "healthy: tool alarms",
               "faulty: keras-babysit alarms", "healthy: keras-babysit alarms"],
              peer_rows([v for v in verdicts if v.program.part == "corpus"])),
        "## Programs with uncertain labels, not counted above",
        table(["", *COLUMNS], [["Published programs", *figures(dubious).cells()]]),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def listing(verdicts: Sequence[Verdict]) -> str:
    """Return every miss and every false alarm, one line each."""
    sections = [
        ("Misses", misses(scored(verdicts))),
        ("False alarms", false_alarms(scored(verdicts))),
        ("Misses and false alarms on programs with uncertain labels", [
            v for v in unscored(verdicts) if v in misses([v]) or v.is_false_alarm
        ]),
        ("Failed", [v for v in verdicts if v.error]),
    ]  # fmt: skip
    lines = []
    for title, found in sections:
        lines += [f"## {title} ({len(found)})", ""]
        lines += [
            f"- {v.program.id}: {v.error}" if v.error else f"- {one_line(v)}{why(v)}" for v in found
        ]
        lines.append("")
    return "\n".join(lines)


def page(verdicts: Sequence[Verdict], missing: Sequence[Program], elsewhere: str) -> str:
    """Return docs/accuracy.md; `elsewhere` is the text on other backends."""
    machine = environment()
    head = (
        "# Accuracy of the diagnosis\n\n"
        "This page is written by `make bench-diagnosis`; the programs are in "
        "`benchmarks/diagnosis/`. "
        f"Keras {machine['keras']} on {machine['backend']}, Python {machine['python']}, "
        f"{machine['machine']}.\n\n"
        "- *Recall*: the fraction of faulty programs whose fault or root cause is among the "
        "warnings and errors.\n"
        "- *Recall with symptoms* also accepts known symptoms of the fault.\n"
        "- *First finding correct*: the first warning or error of `sitter.findings` is the fault "
        "or its root cause.\n"
        "- *False alarm*: any warning or error on a healthy or repaired program.\n"
        "- *Found at*: when the fault was found, as a fraction of the run (median, with the "
        "number of programs).\n"
        "- *Warned before divergence*: of the faulty programs whose loss stops being finite or "
        "explodes, those with a warning or error at an earlier step; in brackets the median lead "
        "in steps.\n\n"
        "Counts are in parentheses. Programs are split into two halves by a hash, together with "
        "their repairs and seeds: thresholds are tuned on the *tuning* half only; the *test* half "
        "measures how well they generalize."
    )
    others = f"## Other backends\n\n{elsewhere}\n"
    reports = f"{section.START}\n{section.text()}\n{section.END}"
    return f"{head}\n\n{reports}\n\n{report(verdicts, missing)}\n{others}\n{listing(verdicts)}"
