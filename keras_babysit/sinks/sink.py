"""The contract of everything that shows or stores what the watcher found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from keras_babysit.advice import Event
from keras_babysit.history import History, Measurement

if TYPE_CHECKING:
    from keras_babysit.sinks.report import Report


class Sink:
    """Receives what a run brings, in this order: start, measurements and events, end.

    Every method does nothing by default. A sink that raises is switched off for the rest of the
    run with one warning; it never stops training.
    """

    def on_start(self, history: History) -> None:
        """Prepare for a run; `history.facts` tells of the model. Raises if it cannot write."""

    def on_measurements(self, measurements: Sequence[Measurement]) -> None:
        """Take the measurements of one probe."""

    def on_events(self, events: Sequence[Event]) -> None:
        """Take what has changed in the advice; never empty."""

    def on_end(self, report: Report) -> None:
        """Finish the run: write out and close what is open."""
