"""Keeps the findings of a run, and reports each once.

A rule returns every finding that holds now. The `Journal` compares that with what held before and
turns it into events: a finding opens, worsens or resolves, its remedy was tried, or more is known
of it. Whoever shows findings shows events, so nothing is reported twice.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from keras_babysit.findings.finding import Finding


class Change(enum.Enum):
    """What happened to a finding."""

    OPENED = "opened"
    WORSENED = "worsened"
    TRIED = "tried"
    RENEWED = "renewed"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Event:
    """A change of one finding, and the step and epoch at which it happened."""

    change: Change
    finding: Finding
    step: int
    epoch: int

    def to_json(self) -> dict[str, Any]:
        """Return the event as a JSON object: the finding, and what happened to it."""
        change = {
            "change": self.change.value,
            "changed_step": self.step,
            "changed_epoch": self.epoch,
        }
        return self.finding.to_json() | change


MAX_EPISODES = 16
"""Episodes of one finding that are kept, the first and the latest ones: one that comes and goes for
ten million steps takes no more memory than for ten thousand. The log has all of them."""


MAX_RENEWALS = 4
"""Times that one finding is renewed. What it knows grows with the quantities that are measured, of
which a rule reads few; a remedy that comes and goes must not be reported for ever."""


class Journal:
    """Keeps the findings of a run, each from when it opens until it resolves.

    Args:
        resolve_after: Number of judgements in a row in which a finding must not hold before it
            counts as resolved, at least 1. It keeps a finding that comes and goes at its
            threshold from being reported again and again.

    Raises:
        ValueError: If `resolve_after` is below 1.

    Example:
        >>> from keras_babysit.findings import Severity
        >>> journal = Journal(resolve_after=1)
        >>> dead = Finding("dead_units", Severity.WARNING, "dense", "half of it is dead")
        >>> [event.change.name for event in journal.update([dead], step=10, epoch=0)]
        ['OPENED']
        >>> journal.update([dead], step=20, epoch=0)
        []
        >>> [event.change.name for event in journal.update([], step=30, epoch=0)]
        ['RESOLVED']
        >>> journal.findings[0].step, journal.findings[0].resolved_step
        (10, 30)
    """

    def __init__(self, *, resolve_after: int = 3) -> None:
        if resolve_after < 1:
            raise ValueError(
                f"Argument `resolve_after` must be at least 1. Received: {resolve_after}"
            )
        self.resolve_after = resolve_after
        self._count = 0
        self._episodes: dict[int, Finding] = {}  # by number, in the order in which they opened
        self._numbers: dict[tuple[str, str], list[int]] = {}  # key -> its episodes
        self._open: dict[tuple[str, str], int] = {}  # key -> the one that holds
        self._absent: dict[tuple[str, str], int] = {}  # key -> judgements without it
        self._renewals: dict[int, int] = {}  # number -> times that it was renewed

    @property
    def findings(self) -> list[Finding]:
        """All findings of the run in the order in which they opened.

        Of a finding with more than 16 episodes, the first and the latest ones.
        """
        return list(self._episodes.values())

    def update(self, holding: Iterable[Finding], *, step: int, epoch: int) -> list[Event]:
        """Take in what holds at `step` and return what changed.

        Args:
            holding: All findings that hold now; of two with one key the worse counts.
            step: Optimizer steps done.
            epoch: Epoch, counted from 0.

        Returns:
            The changes, in the order of `holding`, resolved ones last; empty if nothing changed.
        """
        now: dict[tuple[str, str], Finding] = {}
        for finding in holding:
            known = now.get(finding.key)
            if known is None or finding.severity > known.severity:
                now[finding.key] = finding
        events = [event for a in now.values() if (event := self._take(a, step, epoch))]
        events += [
            self._resolve(key, step, epoch) for key in list(self._open) if self._has_left(key, now)
        ]
        return events

    def _take(self, finding: Finding, step: int, epoch: int) -> Event | None:
        self._absent.pop(finding.key, None)
        number = self._open.get(finding.key)
        if number is None:
            opened = replace(finding, step=step, epoch=epoch, resolved_step=None)
            self._begin(opened)
            return Event(Change.OPENED, opened, step, epoch)
        before = self._episodes[number]
        if finding.severity > before.severity:
            worse = replace(finding, step=before.step, epoch=before.epoch, resolved_step=None)
            self._episodes[number] = worse
            return Event(Change.WORSENED, worse, step, epoch)
        return self._renew(number, before, finding, step, epoch)

    def _renew(
        self, number: int, before: Finding, finding: Finding, step: int, epoch: int
    ) -> Event | None:
        """Take over what is known now; numbers that differ alone are no news."""
        count = self._renewals.get(number, 0)
        is_same = finding.severity == before.severity
        knows_more = is_same and count < MAX_RENEWALS and _knows_more(finding, before)
        was_tried = finding.tried is not None and finding.tried != before.tried
        if not knows_more and not was_tried:
            return None
        after = before
        if knows_more:
            self._renewals[number] = count + 1
            after = replace(finding, step=before.step, epoch=before.epoch, tried=before.tried)
        if was_tried:
            after = replace(after, tried=finding.tried)
        self._episodes[number] = after
        return Event(Change.TRIED if was_tried else Change.RENEWED, after, step, epoch)

    def _begin(self, opened: Finding) -> None:
        number, self._count = self._count, self._count + 1
        numbers = self._numbers.setdefault(opened.key, [])
        numbers.append(number)
        self._episodes[number] = opened
        self._open[opened.key] = number
        if len(numbers) > MAX_EPISODES:
            del self._episodes[numbers.pop(1)]

    def _has_left(self, key: tuple[str, str], now: Mapping[tuple[str, str], Finding]) -> bool:
        if key in now:
            return False
        self._absent[key] = self._absent.get(key, 0) + 1
        return self._absent[key] >= self.resolve_after

    def _resolve(self, key: tuple[str, str], step: int, epoch: int) -> Event:
        number = self._open.pop(key)
        self._absent.pop(key)
        self._renewals.pop(number, None)
        resolved = replace(self._episodes[number], resolved_step=step)
        self._episodes[number] = resolved
        return Event(Change.RESOLVED, resolved, step, epoch)


def _knows_more(finding: Finding, before: Finding) -> bool:
    """Return whether a finding rests on more than before, or what to do first is of another kind.

    A measurement that comes later, such as the headroom of the learning rate, adds evidence.
    """
    grows = before.evidence.keys() < finding.evidence.keys()
    return bool(finding.remedies) and (grows or _kind_of(finding) != _kind_of(before))


def _kind_of(finding: Finding) -> str:
    """Return what the first remedy changes, without the numbers; its text if nothing can do it."""
    first = next(iter(finding.remedies), None)
    if first is None:
        return ""
    words = re.sub(r"\d[\d.,e+-]*", "#", first.text)
    return words if first.change is None else type(first.change).__name__
