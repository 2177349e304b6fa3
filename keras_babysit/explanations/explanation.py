"""Everything that is known of one condition."""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from keras_babysit import checks as _checks  # noqa: F401 - registers the conditions of checks
from keras_babysit.explanations.docstring import parts, prose, thresholds
from keras_babysit.findings import CONDITIONS, Condition, alternatives
from keras_babysit.findings.verdict import FACTS


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a condition means, how it is found, what to do, and how to silence it.

    Args:
        name: Its name in code.
        title: Its name for people.
        severity: The usual severity, e.g. `"WARNING"`.
        summary: The first sentence of the docstring.
        about: The rest of it: what it means, how it is measured, when it stays silent.
        thresholds: Arguments of the rule and what they mean.
        reports: What is reported, and with which severity.
        needs: What must have been measured.
        silent: When it is not reported although it may hold.
        causes: Names of the conditions that it may follow from.
        effects: Names of the conditions that may follow from it.
        messages: Examples of its messages.
        remedies: What to do, each as a sentence and code, which may be empty.
        efficacy: What the first remedy did to faulty programs when it was carried out: each effect,
            and on how many (`make bench-remedies`); empty if that was not measured.
        reference: Source of its thresholds.
        silence: Code that turns it off; empty if there is none.
    """

    name: str
    title: str
    severity: str
    summary: str
    about: str
    thresholds: tuple[tuple[str, str], ...]
    reports: str
    needs: tuple[str, ...]
    silent: tuple[str, ...]
    causes: tuple[str, ...]
    effects: tuple[str, ...]
    messages: tuple[str, ...]
    remedies: tuple[tuple[str, str], ...]
    efficacy: tuple[tuple[str, int], ...]
    reference: str
    silence: str


def explainable() -> list[str]:
    """Return the names of the conditions that can be explained, in the rank of causes."""
    return [one.name for one in CONDITIONS if one.about]


def explanation(name: str) -> Explanation:
    """Return what is known of a condition.

    Args:
        name: Its name, as findings have it in `rule`.

    Raises:
        ValueError: If there is no condition of that name, or nothing is written about it.

    Example:
        >>> explanation("dead_units").title, explanation("dead_units").causes[0]
        ('Dead units', 'labels_out_of_range')
    """
    if name not in explainable():
        near = difflib.get_close_matches(str(name), explainable(), n=1, cutoff=0.5)
        hint = f" The nearest known name is {near[0]!r}." if near else ""
        raise ValueError(
            f"Argument `name` must be the name of a condition.{hint} "
            f"All names: {', '.join(explainable())}. Received: {name!r}"
        )
    condition = CONDITIONS[name]
    text, found = parts(condition.about)
    summary, _, about = text.partition("\n\n")
    examples = _read("examples.json").get(name, {})
    return Explanation(
        name=name,
        title=condition.title,
        severity=condition.severity.name,
        summary=prose(summary),
        about=about.strip(),
        thresholds=tuple(thresholds(found.get("Args", ""))),
        reports=prose(found.get("Returns", "")),
        needs=tuple(_need(need) for need in condition.needs),
        silent=condition.silent,
        causes=tuple(one.name for one in _causes(condition)),
        effects=condition.explains,
        messages=tuple(examples.get("messages", ())),
        remedies=tuple((text, code) for text, code in examples.get("remedies", ())),
        efficacy=tuple(_read("efficacy.json").get(name, {}).items()),
        reference=prose(found.get("Reference", "")) or examples.get("reference", ""),
        silence=CONDITIONS.silence(name),
    )


def _causes(condition: Condition) -> list[Condition]:
    return [one for one in CONDITIONS if condition.name in one.explains and one.about]


def _need(need: str) -> str:
    return " or ".join(FACTS.get(name, f"`{name}`") for name in alternatives(need))


@functools.cache
def _read(file: str) -> Mapping[str, Any]:
    """Return a file by condition: examples as the rows of the tests make them, or the efficacy."""
    text = files(__package__).joinpath(file).read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found
