"""What a rule is, and how a rule asks another one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, Generic, ParamSpec, Protocol

from keras_babysit.findings import CONDITIONS, Condition, Finding, Severity
from keras_babysit.history import History

P = ParamSpec("P")

RuleLike = Callable[[History], list[Finding]]
"""A pure function of the history: a `Rule`, one with other thresholds (`functools.partial`), or any
function. It returns all findings that hold now."""


class Rule(Generic[P]):
    """A function that finds a condition, and what is known of that condition.

    The decorator `rule` makes one.

    Args:
        function: The function. Its name is the name of the condition.
        condition: Title of the condition, what it explains, what it needs.

    Attributes:
        condition: The `Condition`.
    """

    __name__: str
    __qualname__: str

    def __init__(self, function: Callable[P, list[Finding]], condition: Condition) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self.condition = condition

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> list[Finding]:
        """Return what the rule finds."""
        return self._function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<rule {self.condition.name}: {self.condition.title}>"

    def __reduce__(self) -> str:
        return self.__qualname__  # pickled by name, as the function would be


def rule(
    *,
    title: str,
    explains: Iterable[str] = (),
    needs: Iterable[str] = (),
    silent: Iterable[str] = (),
    severity: Severity = Severity.WARNING,
    is_fatal: bool = False,
    is_immediate: bool = False,
    costs_the_run: bool = False,
    is_doubt: bool = False,
) -> Callable[[Callable[P, list[Finding]]], Rule[P]]:
    """Turn a function into a rule, and register its condition.

    Args:
        title: Name of the condition for people.
        explains: Names of the conditions that follow from it; its own is left out.
        needs: What must have been measured for silence to mean that the condition does not hold:
            names of quantities, `"facts/<name>"`, or alternatives separated by `|`.
        silent: When the rule is silent although the condition may hold, one phrase each.
        severity: The usual severity.
        is_fatal: Whether the weights are lost once the condition holds.
        is_immediate: Whether one measurement is enough, so that its step is exact.
        costs_the_run: Whether a note of it becomes a warning in a run that has learned nothing, if
            no warning explains that.
        is_doubt: Whether a note of it alone already forbids the verdict that there are no problems.

    Returns:
        The decorator.

    Example:
        >>> @rule(title="Loss above ten", explains=["plateau"], needs=["loss/batch"])
        ... def loss_above_ten(history):
        ...     loss = history.last("loss/batch", default=0.0)
        ...     if loss <= 10:
        ...         return []
        ...     return [Finding("loss_above_ten", Severity.WARNING, "", f"The loss is {loss:g}.")]
        >>> loss_above_ten.condition.title, loss_above_ten(History())
        ('Loss above ten', [])
    """

    def decorate(function: Callable[P, list[Finding]]) -> Rule[P]:
        name = rule_name(function)
        condition = Condition(
            name=name,
            title=title,
            explains=tuple(dict.fromkeys(one for one in explains if one != name)),
            needs=tuple(needs),
            silent=tuple(silent),
            severity=severity,
            is_fatal=is_fatal,
            is_immediate=is_immediate,
            costs_the_run=costs_the_run,
            is_doubt=is_doubt,
            about=inspect.getdoc(function) or "",
            has_page=function.__module__.startswith("keras_babysit.rules."),
        )
        CONDITIONS.add(condition)
        return Rule(function, condition)

    return decorate


def rule_name(rule: Callable[..., Any]) -> str:
    """Return the name of a rule, also of one with other thresholds (`functools.partial`)."""
    while isinstance(rule, functools.partial):
        rule = rule.func
    return getattr(rule, "__name__", type(rule).__name__)


class Judgement(Protocol):
    """One judgement of a history by a collection of rules."""

    history: History

    def answer(self, rule: RuleLike) -> list[Finding]:
        """Return what the rule of the same name in the collection finds."""


JUDGEMENT: ContextVar[Judgement | None] = ContextVar("judgement", default=None)
"""The current judgement, None outside of `Rules.judge`."""


def ask(rule: RuleLike, history: History) -> list[Finding]:
    """Return what another rule finds, with the thresholds that the user set.

    While `Rules.judge` runs, this asks the rule of the same name in its collection, once per
    judgement. Elsewhere, or if the collection has none or that one fails, it asks `rule` itself.

    Args:
        rule: The rule as this package ships it.
        history: The history of the run.
    """
    judgement = JUDGEMENT.get()
    if judgement is None or judgement.history is not history:
        return rule(history)
    return judgement.answer(rule)
