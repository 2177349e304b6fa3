"""The section of `docs/accuracy.md` on the reports, written from the stored answers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.diagnosis.reports import validity
from benchmarks.diagnosis.reports.answers import GRADES, load_all
from benchmarks.diagnosis.reports.programs import half_of
from benchmarks.diagnosis.reports.report import KINDS, REPORTS, SECOND, SHOWN
from benchmarks.diagnosis.verdict import Count, warned_before

PAGE = Path(__file__).parents[3] / "docs" / "accuracy.md"

START, END = "<!-- reports: start -->", "<!-- reports: end -->"

GROUPS: dict[str, Callable[[str], bool]] = {
    "second set": lambda name: name in SECOND,
    "first set, test half": lambda name: is_first(name) and half_of(name) == "test",
    "first set, tuning half": lambda name: is_first(name) and half_of(name) == "tuning",
    "first set, both halves": lambda name: is_first(name),
    "shown before": lambda name: name in SHOWN,
}
"""Groups of reports, by a condition on their name."""


def is_first(name: str) -> bool:
    """Return whether a report belongs to the first set."""
    return name not in SHOWN and name not in SECOND


Answers = Mapping[str, Any]

VARIANTS = ("faulty", "repaired")

TEXT = """\
## Public reports

Failed trainings that people reported in public (forums, issue trackers), rebuilt in
`benchmarks/diagnosis/reports/` as a faulty and a repaired program each, with the address of the
thread. A report is valid if its faulty program scores worse, or misleads more, than the repaired
one without Babysitter, with every seed (`python benchmarks/diagnosis validate`). What a right
answer names, what is a symptom and which remedies are wrong was written down in words before the
first monitored run (`expectations.py`). Rules were matched to these words by what they say, not by
what they had found.

This section is written by `python benchmarks/diagnosis answers` from
`benchmarks/diagnosis/reports/answers/`; the rest of the page is older.

Three groups are counted apart:

- The *second set* was searched out and written when the rules of the first set were finished; of
  its answers only grades are stored. It shows what to expect of a program that is new. Before the
  recording of 2026-11-30 the names of its reports had been seen by those who wrote rules; the
  programs and answers had not.
- The *first set* was not seen by those who wrote rules, although its kinds were known to them. Of
  its test half, only the grades were looked at, and before that recording some names and expected
  rules.
- 14 reports served as examples (*shown before*).

- *Named, first right*: the first warning or error that a user reads names the fault.
- *Symptom only*: what is reported is true, but does not lead to the cause.
- *Missed*: something else is reported. *Missed with "all well"*: no warning and no error.
- *Wrong remedy*: the first remedy does nothing or harms, by the words written down before.
- *Warned before divergence*: of the faulty programs whose loss stops being finite or explodes,
  those with a warning or error at an earlier step; in brackets the median lead in steps.
"""


def of_group(answers: Answers, belongs: Callable[[str], bool], variant: str) -> list[Any]:
    return [
        found
        for name, found in answers.items()
        if name.endswith(f"-{variant}")
        and belongs(name.removesuffix(f"-{variant}"))
        and "error" not in found
    ]


def cells(faulty: Sequence[Any], repaired: Sequence[Any]) -> list[str]:
    """Return the figures of some programs as cells of a table."""
    total = len(faulty)
    grades = [Count(sum(a["grade"] == key for a in faulty), total) for key in GRADES]
    wrong = Count(sum(a["wrong"] for a in faulty), total)
    alarms = [
        Count(sum(a["alarm"] == severity for a in repaired), len(repaired))
        for severity in ("warning", "error")
    ]
    warned = warned_before(a["lead"] for a in faulty if "lead" in a)
    return [*map(str, [*grades, wrong, *alarms]), warned]


COLUMNS = [
    *GRADES.values(),
    "wrong remedy",
    "warning on repaired",
    "error on repaired",
    "warned before divergence",
]


def overall(every: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """Return a row for each stored state of the code and group of reports."""
    return [
        [
            f"{one['about']['label']}, {one['about']['backend']}",
            group,
            *cells(*(of_group(one["answers"], belongs, v) for v in VARIANTS)),
        ]
        for one in every
        for group, belongs in GROUPS.items()
        if of_group(one["answers"], belongs, "faulty")
    ]


def by_kind(one: Mapping[str, Any]) -> list[list[str]]:
    """Return a row for each kind of reports that has any, of all groups."""
    rows = []
    for kind in KINDS:
        names = {name for name, report in REPORTS.items() if report.kind == kind}
        of_kind = {n: a for n, a in one["answers"].items() if n.rpartition("-")[0] in names}
        faulty, repaired = (of_group(of_kind, lambda name: True, v) for v in VARIANTS)
        if faulty:
            rows.append([kind, *cells(faulty, repaired)])
    return rows


def on_healthy(one: Mapping[str, Any]) -> str:
    """Return a line on the healthy programs that were recorded; empty if there are none."""
    healthy = one.get("healthy", {})
    if not healthy:
        return ""
    errors = sum(any(a.startswith("error") for a in found) for found in healthy.values())
    warnings = sum(bool(found) for found in healthy.values()) - errors
    names = [f"{name} ({', '.join(found)})" for name, found in healthy.items() if found]
    return (
        f"- *{one['about']['label']}, {one['about']['backend']}*: of {len(healthy)} healthy and "
        f"repaired programs of the other parts that were recorded, {warnings} have a "
        f"warning and {errors} an error: {'; '.join(names) or 'none'}."
    )


def by_report(one: Mapping[str, Any]) -> list[str]:
    """Return a line for each faulty program of the tuning half that was not named first."""
    lines = []
    for name, found in one["answers"].items():
        if found.get("grade", "first") != "first" and "shown" in found:
            shown = ", ".join(found["shown"]) or "nothing"
            lines.append(f"- {name.removesuffix('-faulty')}: {GRADES[found['grade']]}; {shown}")
    return lines


def false_alarms(one: Mapping[str, Any]) -> list[str]:
    """Return a line for each repaired program with a warning or an error, as far as shown."""
    return [
        f"- {name.removesuffix('-repaired')}: {', '.join(found['shown'])}"
        for name, found in one["answers"].items()
        if found.get("alarm") and "shown" in found
    ]


def summary(one: Mapping[str, Any]) -> str:
    """Return the overall table of one state of the code, and its false alarms."""
    from benchmarks.diagnosis.judge import table

    failed = [f"- {n}: failed: {a['error']}" for n, a in one["answers"].items() if "error" in a]
    lines = [table(["code", "reports", *COLUMNS], overall([one])), *false_alarms(one), *failed]
    return "\n".join(lines)


def description(one: Mapping[str, Any]) -> str:
    about = one["about"]
    count = len({name.rpartition("-")[0] for name in one["answers"]})
    return (
        f"- *{about['label']}, {about['backend']}*: {count} reports, the code of {about['code']}, "
        f"default settings, Keras {about['keras']}, {about['machine']}, all of them busy."
    )


def text() -> str:
    """Return the section as Markdown."""
    from benchmarks.diagnosis.judge import table

    measured = validity.load()
    valid = sum(validity.is_valid(scores) for scores in measured.values())
    every = sorted(load_all(), key=lambda one: one["about"]["order"])
    unknown = len(set(REPORTS) - set(measured))
    rest = f" Of the second set, not validated and recorded yet: {unknown}." * bool(unknown)
    parts = [TEXT, f"{valid} of {len(REPORTS)} reports are valid and count.{rest}"]
    parts.append("\n".join(map(description, every)))
    parts.append(table(["code", "reports", *COLUMNS], overall(every)))
    parts.append("\n".join(line for line in map(on_healthy, every) if line))
    if every:
        last = max(every, key=lambda one: (len(one["answers"]), one["about"]["order"]))
        name = f"{last['about']['label']}, {last['about']['backend']}"
        parts += [f"### By kind ({name})", table(["kind", *COLUMNS], by_kind(last))]
        parts += [
            f"### First set, tuning half: not named first ({name})",
            "\n".join(by_report(last)) or "None",
        ]
        alarms = "\n".join(false_alarms(last)) or "None"
        parts += [f"### False alarms on repaired programs ({name})", alarms]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def write() -> None:
    """Replace the section in the page; the first time, put it before the first other section."""
    page = PAGE.read_text(encoding="utf-8")
    section = f"{START}\n{text()}\n{END}\n"
    if START in page:
        before, _, rest = page.partition(START)
        _, _, after = rest.partition(END)
        page = before + section + after.removeprefix("\n")
    else:
        before, mark, after = page.partition("\n## Overall")
        page = f"{before}\n{section}{mark}{after}"
    PAGE.write_text(page, encoding="utf-8")
