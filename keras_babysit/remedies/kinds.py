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
    ordered = sorted(findings, key=lambda one: (bool(one.cause), one.severity == Severity.NOTE))
    found: dict[Change, None] = {}
    for finding in ordered:
        for remedy in finding.remedies:
            if remedy.change is not None:
                found.setdefault(change_of(remedy.change))
    return list(found)
