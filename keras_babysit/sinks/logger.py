"""`Logging`, which writes findings to Python's `logging`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from keras_babysit.findings import Change, Event, Severity
from keras_babysit.history import History
from keras_babysit.presentation.wording import moment, one_line
from keras_babysit.sinks._finding_text import body, title
from keras_babysit.sinks._so_far import SoFar
from keras_babysit.sinks.sink import Sink

if TYPE_CHECKING:
    from keras_babysit.sinks.report import Report

LEVELS = {
    Severity.NOTE: logging.INFO,
    Severity.WARNING: logging.WARNING,
    Severity.ERROR: logging.ERROR,
}


class Logging(Sink):
    """Writes one record per finding to Python's `logging`, and the headline at the end.

    Notes have the level INFO, warnings WARNING, errors ERROR; a finding that was resolved and the
    headline have the level INFO. Every record holds the same for programs, as attributes:

    - `record.verdict`: the JSON object of the verdict at that moment (`Verdict.to_json`).
    - `record.finding`: the JSON object of the finding; not in the record of the headline.

    Args:
        logger: The logger, or its name.

    Example:
        >>> import logging
        >>> sink = Logging("training")  # for Babysitter(sinks=[sink])
        >>> sink.logger is logging.getLogger("training")
        True
    """

    def __init__(self, logger: str | logging.Logger = "keras_babysit") -> None:
        self.logger = logging.getLogger(logger) if isinstance(logger, str) else logger
        self._so_far = SoFar(History())

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the run: a copy begins with its own."""
        return vars(self) | {"_so_far": SoFar(History())}

    def on_start(self, history: History) -> None:
        """Begin with a new run; the first record is that of the first finding."""
        self._so_far = SoFar(history)

    def on_events(self, events: Sequence[Event]) -> None:
        """Write one record per change of a finding; what is renewed or resolved is no alarm."""
        self._so_far.take(events)
        verdict = self._so_far.verdict.to_json()
        for event in events:
            found = [event.finding]
            level, text = LEVELS[event.finding.severity], body(found)
            if event.change is Change.RESOLVED:
                level, text = logging.INFO, "resolved"
            elif event.change is Change.RENEWED:
                level = logging.INFO
            when = moment(event.step, event.epoch)
            extra = {"finding": event.to_json(), "verdict": verdict}
            self.logger.log(level, "%s (%s): %s", title(found), when, text, extra=extra)

    def on_end(self, report: Report) -> None:
        """Write the headline."""
        verdict = report.verdict
        self.logger.info("%s", one_line(verdict.headline), extra={"verdict": verdict.to_json()})
