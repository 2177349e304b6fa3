"""The tables of docs/remedies.md, from the results."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import keras_babysit
from benchmarks.remedies.results import load

PAGE = Path(__file__).parents[2] / "docs" / "remedies.md"

EXPLAINED = Path(keras_babysit.__file__).parent / "explanations" / "efficacy.json"
"""What `kb.explain` shows."""

BEGIN, END = "<!-- measured: make bench-remedies -->\n", "<!-- end of measured -->\n"

EFFECTS = ("cured", "improved", "no difference", "harms")
OTHER = ("left to people", "not applicable", "failed", "nothing found", "no fault here")


def text() -> str:
    """Return what was measured, as Markdown."""
    results = load()
    parts = [_first(results["first"], results["bases"])] if results["first"] else []
    parts += [_unseen(results["unseen"])] if results["unseen"] else []
    parts += [_tried(results)] if results["tried"] or results["healthy"] else []
    parts += [_intervals(results["intervals"])] if results["intervals"] else []
    return "\n".join([*parts, f"Measured on {results.get('on', 'nothing yet')}.\n"])


def efficacy() -> dict[str, dict[str, int]]:
    """Return on how many programs the first remedy had which effect, by the rule of its finding."""
    carried = [one for one in load()["first"].values() if one["effect"] in EFFECTS]
    found: dict[str, dict[str, int]] = {}
    for rule in sorted({one["rule"] for one in carried}):
        counts = Counter(one["effect"] for one in carried if one["rule"] == rule)
        found[rule] = {effect: counts[effect] for effect in EFFECTS if counts[effect]}
    return found


def write() -> str:
    """Write the page, and what `kb.explain` shows; return what was measured."""
    EXPLAINED.write_text(json.dumps(efficacy(), indent=1) + "\n", encoding="utf-8")
    page, found = PAGE.read_text(encoding="utf-8"), text()
    before, rest = page.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{found}{END}{rest.split(END)[1]}", encoding="utf-8")
    return found


def _first(found: dict[str, Any], bases: dict[str, Any]) -> str:
    """Return the table of the first remedy, per rule and over all."""
    rules = sorted({one.get("rule", "-") for one in found.values()})
    lines = [
        f"The first remedy of the first finding, carried out on {len(found)} faulty programs:\n",
        f"| rule | programs | {' | '.join((*EFFECTS, *OTHER))} |",
        "|---" * (2 + len(EFFECTS) + len(OTHER)) + "|",
    ]
    for rule in rules:
        seen = [one for one in found.values() if one.get("rule", "-") == rule]
        lines.append(_row(f"`{rule}`" if rule != "-" else rule, seen))
    lines.append(_row("**all**", list(found.values())))
    names = [name for name, one in found.items() if one["effect"] in EFFECTS]
    carried = [found[name] for name in names]
    if carried:
        cured = sum(one["effect"] == "cured" for one in carried)
        harms = sum(one["effect"] == "harms" for one in carried)
        lines.append(
            f"\nOf the {len(carried)} programs on which a remedy could be carried out, "
            f"{_percent(cured, len(carried))} were cured and {_percent(harms, len(carried))} "
            f"harmed; of all {len(found)}, {_percent(cured, len(found))} were cured. "
            f"{sum(name in bases for name in names)} of them are judged by the healthy base on the "
            "same data, the others by one whose data are split with another seed."
        )
    harmed = [
        f"`{name}` (`{one['rule']}`: {one['remedy']} {one['broken']:.2f} → {one['score']:.2f})"
        for name, one in sorted(found.items())
        if one["effect"] == "harms"
    ]
    lines.append(f"\nHarmed: {'; '.join(harmed)}." if harmed else "\nNo program was harmed.")
    return "\n".join(lines) + "\n"


def _unseen(found: dict[str, Any]) -> str:
    """Return what the first measurement of programs showed that no remedy was corrected on."""
    counts = Counter(one["effect"] for one in found.values())
    carried = sum(counts[effect] for effect in EFFECTS)
    named = ", ".join(f"{count} {effect}" for effect, count in counts.most_common())
    return (
        f"Of these, {len(found)} programs are unseen: their first measurement, before any remedy "
        f"was corrected after them, showed {named}: {_percent(counts['cured'], carried)} of those "
        "that were carried out were cured.\n"
    )


def _intervals(found: dict[str, Any]) -> str:
    """Return how often intervals hold, and what they say where there is nothing to find."""
    total = Counter[str]()
    for one in found.values():
        total.update(one)
    return (
        "| intervals of 3 replicates | |\n|---|---|\n"
        f"| agree with the mean of other replicates and examples | {total['covered']}/"
        f"{total['intervals']} ({len(found)} programs) |\n"
        f"| say *helps* of the unchanged program with other seeds | "
        f"{_percent(total['helps'], total['same'])} |\n"
        f"| say *harms* of it | {_percent(total['harms'], total['same'])} |\n"
    )


def _row(name: str, seen: list[dict[str, Any]]) -> str:
    counts = Counter(one["effect"] for one in seen)
    cells = [str(counts[effect] or "") for effect in (*EFFECTS, *OTHER)]
    return f"| {name} | {len(seen)} | {' | '.join(cells)} |"


def _tried(results: dict[str, Any]) -> str:
    """Return what trials said."""
    faulty, healthy = results["tried"].values(), results["healthy"].values()
    rows = [row for one in faulty for row in one["rows"]]
    verdicts = Counter(row["verdict"] for row in rows)
    spoken = sum(one.get("spoken", 0) for one in faulty)
    agreed = sum(one.get("agreed", 0) for one in faulty)
    false = [row for one in healthy for row in one["rows"] if row["verdict"] == "helps"]
    lines = ["| `kb.try_remedies` | |", "|---|---|"]
    if faulty:
        carried = [one for one in faulty if one["rows"]]
        cured = sum(one["effect"] == "cured" for one in carried)
        others = Counter(one["effect"] for one in faulty if not one["rows"])
        named = "".join(f"; {count} {effect}" for effect, count in sorted(others.items()))
        judged = verdicts["helps"] + verdicts["harms"] + verdicts["no difference"]
        undecided = verdicts["undecided"]
        costs = sorted(one["trainings"] for one in carried)
        lines += [
            "| faulty programs with a remedy that can be carried out that are cured by the best "
            f"changes | {cured}/{len(carried)}{named} |",
            f"| verdicts whose sign a whole training shows | {agreed}/{spoken} |",
            f"| rows that are undecided | {undecided}/{judged + undecided} |",
            f"| cost in trainings, median | {costs[len(costs) // 2]:.0f} |",
        ]
    if healthy:
        tried = sum(len(one["rows"]) for one in healthy)
        lines.append(
            f"| remedies that help on healthy programs | {len(false)} of {tried} tried, "
            f"{len(healthy)} programs |"
        )
    return "\n".join(lines) + "\n"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} % ({part}/{whole})"
