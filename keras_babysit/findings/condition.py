"""What is known of a condition in every run: its title, what it explains, how to turn it off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields

from keras_babysit.facts import RunFacts
from keras_babysit.findings.finding import Severity

FACT_NAMES = frozenset(one.name for one in fields(RunFacts))
"""What `"facts/<name>"` may name among the needs of a condition."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that a rule, a check or the recorder reports, independent of any run.

    Args:
        name: Its name in code, the `rule` of its findings.
        title: Its name for people; empty derives it from `name`.
        explains: Names of the conditions that follow from it.
        needs: What must have been measured for silence to mean that the condition does not hold:
            names of quantities, `"facts/<name>"`, or alternatives separated by `|`.
        silent: When it is not reported although it may hold, one phrase each.
        severity: The usual severity.
        is_fatal: Whether the weights are lost once it holds.
        is_immediate: Whether one measurement is enough, so that its step is exact.
        is_notice: Whether it says what was not checked, rather than what is wrong.
        costs_the_run: Whether a note of it becomes a warning in a run that has learned nothing, if
            no warning explains that.
        is_doubt: Whether a note of it alone already forbids the verdict that there are no problems.
        about: What it means, how it is measured and where its thresholds come from: the docstring
            of what reports it. `kb.explain` prints it.
        has_page: Whether the documentation of this package has a page on it.

    Example:
        >>> Condition("dead_units").title
        'Dead units'
    """

    name: str
    title: str = ""
    explains: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    severity: Severity = Severity.WARNING
    is_fatal: bool = False
    is_immediate: bool = False
    is_notice: bool = False
    costs_the_run: bool = False
    is_doubt: bool = False
    about: str = field(default="", repr=False)
    has_page: bool = False

    def __post_init__(self) -> None:
        if not self.title:
            object.__setattr__(self, "title", self.name.replace("_", " ").capitalize())
        for name in (name for need in self.needs for name in alternatives(need)):
            if name.startswith("facts/") and name.removeprefix("facts/") not in FACT_NAMES:
                raise ValueError(
                    f"Argument `needs` must name facts of a run as `RunFacts` does: "
                    f"{', '.join(sorted(FACT_NAMES))}. Received: {name!r}"
                )


def alternatives(need: str) -> list[str]:
    """Return the alternative names in a need of a condition.

    Example:
        >>> alternatives("loss/batch | logs/loss")
        ['loss/batch', 'logs/loss']
    """
    return [name.strip() for name in need.split("|")]


class Conditions:
    """All conditions by name, in the rank of causes.

    A rule registers its condition when it is defined; the list of default rules sets the rank. A
    condition that is not registered has a title derived from its name, and explains nothing.

    Example:
        >>> known = Conditions()
        >>> known.add(Condition("dead_units", explains=("plateau",)))
        >>> known["dead_units"].explains, known["my_rule"].title
        (('plateau',), 'My rule')
    """

    def __init__(self) -> None:
        self._known: dict[str, Condition] = {}
        self._ranks: dict[str, int] = {}
        self._silence: dict[str, str] = {}

    def add(self, condition: Condition, *, silence: str = "") -> None:
        """Register a condition; one of the same name is replaced and keeps its rank.

        Args:
            condition: The condition.
            silence: Code that turns it off; empty leaves that as it is.
        """
        self._known[condition.name] = condition
        self._ranks.setdefault(condition.name, len(self._ranks))
        if silence:
            self._silence[condition.name] = silence

    def discard(self, name: str) -> None:
        """Forget a condition, if it is known."""
        self._known.pop(name, None)
        self._silence.pop(name, None)
        self._ranks = {name: rank for rank, name in enumerate(self._known)}

    def put_first(self, names: Iterable[str]) -> None:
        """Give the conditions of these names the highest ranks, in this order."""
        first = {name: self[name] for name in names}
        self._known = first | self._known
        self._ranks = {name: rank for rank, name in enumerate(self._known)}

    def rank(self, name: str) -> int:
        """Return the rank of a condition as a cause, 0 for the highest; unknown ones come last."""
        return self._ranks.get(name, len(self._ranks))

    def silence(self, name: str) -> str:
        """Return the code that turns a condition off; empty where there is none."""
        return self._silence.get(name, "")

    def __getitem__(self, name: str) -> Condition:
        return self._known.get(name) or Condition(name)

    def __iter__(self) -> Iterator[Condition]:
        return iter(list(self._known.values()))


CONDITIONS = Conditions()
"""The conditions of this process: those of the package, and those that the user added."""
