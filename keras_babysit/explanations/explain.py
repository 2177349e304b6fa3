"""`explain`, which prints what is known of a condition."""

from __future__ import annotations

import shutil
from typing import Any

from keras_babysit.explanations.explanation import explanation
from keras_babysit.explanations.text import text
from keras_babysit.rules import rule_name

MAX_WIDTH = 80


def explain(condition: Any) -> None:
    """Print what a finding means, how it is measured, and what to do about it.

    The text is that of the documentation's page on it: examples of the message, remedies,
    thresholds, when it stays silent, what it may follow from, its source and how to silence it.

    Args:
        condition: Name of the condition as findings show it, a `Finding`, or a rule or check.

    Raises:
        ValueError: If there is no condition of that name; the message names the nearest one.

    Example:
        >>> explain("dead_units")  # doctest: +ELLIPSIS
        Dead units
        dead_units, usually a WARNING
        ...
    """
    name = condition if isinstance(condition, str) else _name_of(condition)
    width = min(MAX_WIDTH, shutil.get_terminal_size((MAX_WIDTH, 24)).columns)
    print(text(explanation(name), max(width, 40)))


def _name_of(condition: Any) -> str:
    rule = getattr(condition, "rule", None)  # of a finding
    return rule if isinstance(rule, str) else rule_name(condition)
