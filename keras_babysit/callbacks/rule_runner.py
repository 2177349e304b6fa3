"""Asks the rules, keeps what they advise, and tells the sinks."""

from dataclasses import replace

from keras_babysit.callbacks._warnings import warn
from keras_babysit.callbacks.delivery import Delivery
from keras_babysit.findings import Finding, Journal, Severity, explain
from keras_babysit.rules import Rules, rule_name


class RuleRunner:
    """Judges the history of one run, and has the sinks tell of it.

    A rule or a sink that fails is off for the rest of the run, with one warning.

    Args:
        history: The history of the run.
        rules: The rules that judge it.
        sinks: The sinks that tell of it.
    """

    def __init__(self, history, rules, sinks):
        self.history = history
        self._journal = Journal()
        self._rules = Rules(rules)
        self._sinks = [Delivery(sink) for sink in sinks]
        self._notices = {}  # what is not watched, by what the sentence is about

    @property
    def findings(self):
        """Every advice of the run: root causes first, their symptoms behind each."""
        return explain(self._journal.findings)

    def open(self):
        """Start the sinks; one that cannot write raises here."""
        for sink in self._sinks:
            sink("on_start", self.history)

    def note(self, sentence, about=""):
        """Note what is not watched, and unless it is the probe, what that is about."""
        self._notices[about] = Finding("not_watched", Severity.NOTE, about, sentence)

    def holding(self):
        """Return the notes, and what the rules find now."""
        found = self._rules.judge(self.history, on_error=self._switch_off)
        return [*self._notices.values(), *found]

    def publish(self, holding, *, step, epoch):
        """Write into the journal what holds now, and tell what changed."""
        events = self._journal.update(holding, step=step, epoch=epoch)
        if events:
            known = {(one.key, one.step): one for one in self.findings}
            explained = [replace(e, finding=known[e.finding.key, e.finding.step]) for e in events]
            self._tell("on_events", explained)

    def emit(self, measurements):
        """Hand measurements to the sinks."""
        if measurements:
            self._tell("on_measurements", measurements)

    def close(self, report):
        """Tell the sinks that the run is over, and let them go."""
        self._tell("on_end", report)
        self.leave()

    def leave(self):
        """Let the sinks go, whether or not the run came to its end."""
        for sink in self._sinks:
            sink.leave()

    def _switch_off(self, rule, error):
        self._rules = self._rules.without(rule_name(rule))
        warn(f"The rule {rule_name(rule)} is off for the rest of this run", error)

    def _tell(self, method, argument):
        for sink in list(self._sinks):
            try:
                sink(method, argument)
            except Exception as error:
                self._sinks.remove(sink)
                sink.leave()
                warn(f"{type(sink.sink).__name__} is off for the rest of this run", error)
