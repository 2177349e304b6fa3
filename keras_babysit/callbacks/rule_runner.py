"""Asks the rules, keeps what they find, and hands it to the sinks."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from keras_babysit.callbacks.delivery import Delivery
from keras_babysit.errors import warn
from keras_babysit.findings import Finding, Journal, Severity, explain
from keras_babysit.history import History, Measurement
from keras_babysit.rules import RuleLike, Rules, rule_name
from keras_babysit.sinks import Report, Sink


class RuleRunner:
    """Judges the history of one run, and has the sinks show what is measured and found.

    The sinks receive measurements from the history itself. A rule or a sink that fails is off for
    the rest of the run, with one warning.

    Args:
        history: The history of the run.
        rules: The rules that judge it.
        sinks: The sinks that show it.

    Example:
        >>> from keras_babysit.history import History, Measurement
        >>> class Counter(kb.sinks.Sink):
        ...     has_own_thread = False
        ...     def on_measurements(self, measurements):
        ...         print(len(measurements), "measured")
        >>> history = History()
        >>> runner = RuleRunner(history, rules=[], sinks=[Counter()])
        >>> runner.open()
        >>> history.append(Measurement(0, 0, "loss/batch", "", 2.3))
        1 measured
    """

    def __init__(self, history: History, rules: Iterable[RuleLike], sinks: Iterable[Sink]) -> None:
        self.history = history
        self._journal = Journal()
        self._rules = Rules(rules)
        self._sinks = [Delivery(sink) for sink in sinks]
        self._notices: dict[
            str, Finding
        ] = {}  # what is not measured, by what the sentence is about

    @property
    def findings(self) -> list[Finding]:
        """Every finding of the run: root causes first, their symptoms behind each."""
        return explain(self._journal.findings)

    def open(self) -> None:
        """Start the sinks, and hand on what is measured from now on; one that fails raises here.

        What the history already holds is handed on first.
        """
        self.history.note(rules=tuple(self._rules.names))
        for sink in self._sinks:
            sink.begin(self.history)
        if len(self.history):
            self._show_measurements(list(self.history))
        self.history.listen(self._show_measurements)

    def note(self, sentence: str, about: str = "") -> None:
        """Note what is not measured, and unless it is the probe, what that is about."""
        self._notices[about] = Finding("not_watched", Severity.NOTE, about, sentence)

    @property
    def notices(self) -> list[Finding]:
        """The findings on what is not measured."""
        return list(self._notices.values())

    def holding(self) -> list[Finding]:
        """Return the notices, and what the rules find now."""
        return self.notices + self._rules.judge(self.history, on_error=self._switch_off)

    def publish(self, holding: list[Finding], *, step: int, epoch: int) -> None:
        """Write into the journal what holds now, and show what changed."""
        events = self._journal.update(holding, step=step, epoch=epoch)
        if events:
            known = {(one.key, one.step): one for one in self.findings}
            explained = [replace(e, finding=known[e.finding.key, e.finding.step]) for e in events]
            self._tell("on_events", explained)

    def close(self, report: Report) -> None:
        """Tell the sinks that the run is over, and let them go."""
        self._tell("on_end", report)
        self.leave()

    def leave(self) -> None:
        """Let the sinks go, whether or not the run came to its end; they receive nothing more."""
        sinks, self._sinks = self._sinks, []
        for sink in sinks:
            sink.leave()

    def _show_measurements(self, measurements: Sequence[Measurement]) -> None:
        self._tell("on_measurements", measurements)

    def _switch_off(self, rule: RuleLike, error: Exception) -> None:
        self._rules = self._rules.without(rule_name(rule))
        warn(f"The rule {rule_name(rule)} is off for the rest of this run", error)

    def _tell(self, method: str, argument: Any) -> None:
        for sink in list(self._sinks):
            try:
                sink(method, argument)
            except Exception as error:
                self._sinks = [one for one in self._sinks if one is not sink]
                sink.leave()
                warn(f"{type(sink.sink).__name__} is off for the rest of this run", error)
