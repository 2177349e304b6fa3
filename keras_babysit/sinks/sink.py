"""The contract of everything that shows or stores what the watcher found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from keras_babysit.findings import Event
from keras_babysit.history import History, Measurement

if TYPE_CHECKING:
    from keras_babysit.sinks.report import Report


class Sink:
    """Receives what a run brings, in this order: start, measurements and events, end, close.

    Every method does nothing by default. A sink that raises is switched off for the rest of the
    run with one warning; it never stops training. Nor does one that hangs: from `on_start` to
    `on_end` a sink is called by one thread of its own, one call after the other, and training
    waits for each call half a minute at most.

    Attributes:
        has_own_thread: False for a sink that only the thread of `fit` may call, as libraries want
            it that keep their state per thread. It is waited for however long it takes.
    """

    has_own_thread: bool = True

    def on_start(self, history: History) -> None:
        """Prepare for a run; `history.facts` tells of the model. Raises if it cannot write."""

    def on_measurements(self, measurements: Sequence[Measurement]) -> None:
        """Take the measurements of one probe."""

    def on_events(self, events: Sequence[Event]) -> None:
        """Take what has changed in the advice; never empty."""

    def on_end(self, report: Report) -> None:
        """Finish the run: write the last of it."""

    def close(self) -> None:
        """Close what is open, whether or not the run came to its end; nothing may be open."""
