"""The change of each action, and the changes of findings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from keras_babysit.actions import ACTIONS, Action
from keras_babysit.findings import Finding, Severity
from keras_babysit.remedies import (
    data_changes,
    fit_changes,
    layer_changes,
    loss_changes,
    optimizer_changes,
)
from keras_babysit.remedies.change import Change
from keras_babysit.remedies.layer_changes import OfLayers

KINDS: dict[str, type[Any]] = {
    name: kind
    for module in (optimizer_changes, loss_changes, layer_changes, data_changes, fit_changes)
    for name, kind in vars(module).items()
    if name in ACTIONS and kind.__module__ == module.__name__
}
"""The class of the change of each action, by name."""


def change_of(action: Action) -> Change:
    """Return the change that carries out an action.

    Example:
        >>> from keras_babysit import actions
        >>> change_of(actions.TrainLonger(3)).text
        'Train for 3 times as many epochs.'
    """
    if isinstance(action, Change):
        return action
    values = {one.name: getattr(action, one.name) for one in fields(action)}
    made: Change = KINDS[type(action).__name__](**values)
    return made


def changes_for(findings: Iterable[Finding]) -> list[Change]:
    """Return what can be tried about these findings, each once, the worst root cause first.

    Args:
        findings: Findings of a run. Notes, and findings that another one explains, come last.
    """
    causes, symptoms = causes_and_symptoms(findings)
    return [change for one in (*causes, *symptoms) for change in one]


def causes_and_symptoms(
    findings: Iterable[Finding],
) -> tuple[list[list[Change]], list[list[Change]]]:
    """Return the changes of warnings and errors that no other finding explains, and the others.

    Args:
        findings: Findings of a run.

    Returns:
        Of both the changes of each rule, in the order of their first findings.
    """
    known = list(findings)
    causes = [one for one in known if not one.cause and one.severity > Severity.NOTE]
    others = sorted((one for one in known if one not in causes), key=lambda one: bool(one.cause))
    first = _changes_of(causes, ())
    return first, _changes_of(others, [change for one in first for change in one])


def _changes_of(findings: Iterable[Finding], known: Iterable[Change]) -> list[list[Change]]:
    """Return the changes of each rule but for the known ones, each once, in their order.

    What several findings of a rule advise for a layer each is one change of all these layers: a
    network with three saturated layers does not learn because one of them is initialized anew.
    """
    found: dict[str, dict[Any, Change]] = {}
    for finding in findings:
        of_rule = found.setdefault(finding.rule, {})
        for remedy in finding.remedies:
            if remedy.change is None:
                continue
            change = change_of(remedy.change)
            key: Any = change
            if isinstance(change, OfLayers) and change.layers:
                key = _but_for_layers(change)
                before = of_rule.get(key, change)
                layers = dict.fromkeys((*before.layers, *change.layers))  # type: ignore[attr-defined]
                change = replace(before, layers=tuple(layers))  # type: ignore[call-arg]
            of_rule[key] = change
    seen = {_effect_of(one) for one in known}
    groups = []
    for of_rule in found.values():
        fresh = {_effect_of(one): one for one in of_rule.values() if _effect_of(one) not in seen}
        seen.update(fresh)
        groups.append(list(fresh.values()))
    return [one for one in groups if one]


def _effect_of(change: Change) -> Any:
    """Return what a change does, equal for two that differ in their code alone."""
    if not isinstance(change, OfLayers):
        return change
    return (*_but_for_layers(change), change.layers)


def _but_for_layers(change: OfLayers) -> tuple[Any, ...]:
    """Return what a change does to its layers; class and units are for its code alone."""
    others = ("layers", "class_name", "units")
    kept = (getattr(change, one.name) for one in fields(change) if one.name not in others)
    return (type(change).__name__, *kept)
