"""A collection of rules, or of anything else that is chosen by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import numpy as np

from keras_babysit.findings import Finding
from keras_babysit.history import History
from keras_babysit.rules._cost import by_cost
from keras_babysit.rules.rule import JUDGEMENT, RuleLike, rule_name

T = TypeVar("T", bound=Callable[..., Any])


class Rules(Generic[T]):
    """An immutable collection of rules, or checks, with distinct names.

    Args:
        rules: The rules, causes before their effects.
        kind: What an entry is called in errors.

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

    def __init__(self, rules: Iterable[T], *, kind: str = "rule") -> None:
        self._rules: dict[str, T] = {}
        self._kind = kind
        for rule in rules:
            name = rule_name(rule)
            if name in self._rules:
                raise ValueError(
                    f"{kind.capitalize()}s must have distinct names. Received: {name!r} twice"
                )
            self._rules[name] = rule

    @property
    def names(self) -> list[str]:
        """The names of the rules, in their order."""
        return list(self._rules)

    def read(self, chosen: Iterable[T | str]) -> Rules[T]:
        """Return a collection from rules, names of rules of this one, or both.

        Args:
            chosen: Rules and names; a single name is taken as a list of one.

        Raises:
            ValueError: If a name is unknown or two rules have the same name.
            TypeError: If an entry is neither a name nor callable.
        """
        found: list[T] = []
        for one in [chosen] if isinstance(chosen, str) else chosen:
            if isinstance(one, str):
                found.append(self[one])
            elif callable(one):
                found.append(one)
            else:
                raise TypeError(
                    f"Argument `{self._kind}s` must hold functions or names of {self._kind}s. "
                    f"Received: {type(one).__name__}"
                )
        return Rules(found, kind=self._kind)

    def without(self, *names: str) -> Rules[T]:
        """Return the collection without the rules of these names.

        Raises:
            ValueError: If there is no rule of such a name.
        """
        for name in names:
            self[name]
        left = (rule for name, rule in self._rules.items() if name not in names)
        return Rules(left, kind=self._kind)

    def judge(
        self: Rules[RuleLike],
        history: History,
        *,
        on_error: Callable[[RuleLike, Exception], None] | None = None,
    ) -> list[Finding]:
        """Return what all rules find in a history, in their order.

        What they find is then seen together: `by_cost`.

        A rule that asks another one (`ask`) gets what the one in this collection finds. Each rule
        is asked once.

        Args:
            history: The history of the run.
            on_error: Called with a rule that failed and its error; None raises the error.

        Raises:
            TypeError: If a rule returns anything but a list of findings.
        """
        judgement = _Judgement(self._rules, history)
        token = JUDGEMENT.set(judgement)
        found: list[Finding] = []
        try:
            for name, rule in self._rules.items():
                try:
                    found += judgement.find(name)
                except Exception as error:
                    if on_error is None:
                        error.add_note(f"Raised by the rule {name} at step {history.step}")
                        raise
                    on_error(rule, error)
        finally:
            JUDGEMENT.reset(token)
        return by_cost(history, found)

    def __getitem__(self, name: str) -> T:
        if name not in self._rules:
            raise ValueError(
                f"Unknown {self._kind} {name!r}. Available {self._kind}s: {', '.join(self.names)}"
            )
        return self._rules[name]

    def __iter__(self) -> Iterator[T]:
        return iter(self._rules.values())

    def __len__(self) -> int:
        return len(self._rules)

    def __repr__(self) -> str:
        return f"Rules({self.names})"


class _Judgement:
    """What the rules of a collection find in one history, each asked once."""

    def __init__(self, rules: Mapping[str, RuleLike], history: History) -> None:
        self.history = history
        self._rules = rules
        self._found: dict[str, list[Finding] | Exception] = {}
        self._shipped: dict[str, list[Finding]] = {}
        self._asked: set[str] = set()

    def find(self, name: str) -> list[Finding]:
        """Return what the rule of that name finds; it raises what the rule raises."""
        if name not in self._found:
            self._asked.add(name)
            try:
                self._found[name] = _findings(self._rules[name], self.history)
            except Exception as error:
                self._found[name] = error
        found = self._found[name]
        if isinstance(found, Exception):
            raise found
        return list(found)

    def answer(self, rule: RuleLike) -> list[Finding]:
        """Return what the rule of that name finds, or `rule` if there is none or it fails."""
        name = rule_name(rule)
        is_being_asked = name in self._asked and name not in self._found
        if name in self._rules and not is_being_asked:
            try:
                return self.find(name)
            except Exception:  # `judge` reports it when it is the turn of that rule
                pass
        if name not in self._shipped:
            self._shipped[name] = rule(self.history)
        return list(self._shipped[name])


def _findings(rule: RuleLike, history: History) -> list[Finding]:
    with np.errstate(all="ignore"):  # exploded values overflow again in the rules
        found = list(rule(history))
    if not all(isinstance(finding, Finding) for finding in found):
        raise TypeError(f"A rule must return a list of findings. Received: {found!r:.80}")
    return found
