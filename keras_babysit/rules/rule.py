"""What a rule is, and the collection of rules that a run is judged by."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator

from keras_babysit.findings import Finding
from keras_babysit.history import History

Rule = Callable[[History], list[Finding]]
"""A pure function of what was measured. It returns all advice that holds now."""


class Rules:
    """An immutable collection of rules with distinct names.

    Args:
        rules: The rules in the order in which they are asked.

    Raises:
        ValueError: If two rules have the same name.

    Example:
        >>> def always_calm(history):
        ...     return []
        >>> Rules([always_calm]).names
        ['always_calm']
        >>> len(Rules([always_calm]).without("always_calm"))
        0
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules: dict[str, Rule] = {}
        for rule in rules:
            name = rule_name(rule)
            if name in self._rules:
                raise ValueError(f"Rules must have distinct names. Received: {name!r} twice")
            self._rules[name] = rule

    @property
    def names(self) -> list[str]:
        """The names of the rules, in their order."""
        return list(self._rules)

    def without(self, *names: str) -> Rules:
        """Return the collection without the rules of these names.

        Raises:
            ValueError: If there is no rule of such a name.
        """
        for name in names:
            self[name]
        return Rules(rule for name, rule in self._rules.items() if name not in names)

    def __getitem__(self, name: str) -> Rule:
        if name not in self._rules:
            raise ValueError(f"There must be a rule of that name: {self.names}. Received: {name!r}")
        return self._rules[name]

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules.values())

    def __len__(self) -> int:
        return len(self._rules)

    def __repr__(self) -> str:
        return f"Rules({self.names})"


def rule_name(rule: Rule) -> str:
    """Return the name of a rule, also of one with changed thresholds (`functools.partial`)."""
    while isinstance(rule, functools.partial):
        rule = rule.func
    return getattr(rule, "__name__", type(rule).__name__)
