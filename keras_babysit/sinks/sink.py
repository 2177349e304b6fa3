"""`Sink`, the base class of everything that shows or stores measurements and findings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from keras_babysit.findings import Event
from keras_babysit.history import History, Measurement

if TYPE_CHECKING:
    from keras_babysit.sinks.report import Report


class Sink:
    """Base class of outputs. The methods are called in the order of a run.

    First `before_start` and `on_start`, then `on_measurements` and `on_events` any number of times,
    then `on_end` and `close`. By default every method does nothing. A sink that raises is switched
    off with one warning for the rest of the run; training continues. A sink that hangs does not
    block training either: each sink is called in a thread of its own, one call at a time, and
    training waits at most half a minute per call.

    Attributes:
        has_own_thread: Set to False if the sink must be called in the thread of `fit`, for example
            because a library keeps its state per thread. Training then waits without a limit.
    """

    has_own_thread: bool = True

    def before_start(self) -> None:
        """Read what a library keeps per thread, such as its active run.

        Called in the thread of `fit`, unlike everything else, and must not wait for anything.
        """

    def on_start(self, history: History) -> None:
        """Prepare for a run; `history.facts` describes the model. May raise if it cannot write."""

    def on_measurements(self, measurements: Sequence[Measurement]) -> None:
        """Receive the measurements of one probe."""

    def on_events(self, events: Sequence[Event]) -> None:
        """Receive the findings that opened, worsened, were tried, renewed or resolved; never empty.

        One is renewed where a later measurement adds evidence, or another first remedy.
        """

    def on_end(self, report: Report) -> None:
        """Write what is left at the end of the run."""

    def close(self) -> None:
        """Close open files. Also called after an interrupted run, and if nothing is open."""
