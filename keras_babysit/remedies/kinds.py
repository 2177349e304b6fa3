"""The change of each action, and the changes of findings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
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
    return [*causes, *symptoms]


def causes_and_symptoms(findings: Iterable[Finding]) -> tuple[list[Change], list[Change]]:
    """Return the changes of warnings and errors that no other finding explains, and the others.

    Args:
        findings: Findings of a run.
    """
    known = list(findings)
    causes = [one for one in known if not one.cause and one.severity > Severity.NOTE]
    others = sorted((one for one in known if one not in causes), key=lambda one: bool(one.cause))
    first = _changes_of(causes)
    return first, [one for one in _changes_of(others) if one not in first]


def _changes_of(findings: Iterable[Finding]) -> list[Change]:
    """Return the changes of findings, each once, in their order."""
    changes = (remedy.change for one in findings for remedy in one.remedies)
    return list(dict.fromkeys(change_of(one) for one in changes if one is not None))
