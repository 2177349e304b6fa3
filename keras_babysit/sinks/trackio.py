"""`Trackio`, which logs a run to Trackio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from keras_babysit.findings import Event, Severity
from keras_babysit.history import History, Measurement
from keras_babysit.sinks._extra import require
from keras_babysit.sinks._finding_text import body, reported, title
from keras_babysit.sinks._so_far import SoFar
from keras_babysit.sinks.sink import Sink

if TYPE_CHECKING:
    from keras_babysit.sinks.report import Report

LEVELS = {Severity.NOTE: "INFO", Severity.WARNING: "WARN", Severity.ERROR: "ERROR"}


class Trackio(Sink):
    """Logs measurements and findings to Trackio, by optimizer step.

    - Charts `babysit/...`: loss, learning rate, the metrics of training and validation, and the
      largest value and the median over the layers of a few quantities; at most 30 series.
    - An alert for each finding, one for all layers that have the same, as INFO (note), WARN
      (warning) or ERROR (error); at the end an alert with the headline, as INFO.

    They are added to the run that `trackio.init` started in the thread of `fit`. Without one, a run
    is started for this `fit`, and finished with it. A run that the sink did not start is never
    finished by it. Trackio prints each alert to the terminal.

    Args:
        project: Project of a run that is started.
        **settings: Further arguments of `trackio.init` for a run that is started.

    Raises:
        ImportError: If `trackio` is not installed (`pip install keras-babysit[trackio]`).

    Example:
        >>> sink = Trackio("digits")  # for Babysitter(sinks=[sink])
    """

    def __init__(self, project: str = "keras-babysit", **settings: Any) -> None:
        require("trackio")
        self.project = project
        self.settings = settings
        self._given: Any = None  # the run of the thread of `fit`
        self._active: Any = None
        self._is_own = False
        self._so_far = SoFar(History())

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the run: a copy logs to the run that is active then."""
        own = {"_given": None, "_active": None, "_is_own": False, "_so_far": SoFar(History())}
        return vars(self) | own

    def before_start(self) -> None:
        """Remember the active run, which Trackio keeps per thread."""
        import trackio

        self._given = trackio.context_vars.current_run.get()

    def on_start(self, history: History) -> None:
        """Open the run."""
        import trackio

        self.close()
        self._so_far = SoFar(history)
        given, self._given = self._given, None
        self._is_own = given is None
        own = {"embed": False, **self.settings}
        self._active = trackio.init(self.project, **own) if given is None else given

    def on_measurements(self, measurements: Sequence[Measurement]) -> None:
        """Log the few numbers of each step."""
        if self._active is not None:
            for step, numbers in self._so_far.numbers(measurements):
                self._active.log(numbers, step=step)

    def on_events(self, events: Sequence[Event]) -> None:
        """Send an alert for each finding that opened or became worse."""
        for findings in reported(events):
            level = LEVELS[findings[0].severity]
            self._alert(level, title(findings), body(findings), int(findings[0].step))

    def on_end(self, report: Report) -> None:
        """Send the headline; finish the run if it was started here."""
        lines = "\n".join(report.summary())
        headline = f"Finished: {report.verdict.headline}"
        self._alert("INFO", headline, lines, int(report.history.step))
        self.close()

    def close(self) -> None:
        """Let go of the run; one that the sink started is finished."""
        run, self._active = self._active, None
        if run is not None and self._is_own:
            run.finish()

    def _alert(self, level: str, headline: str, text: str, step: int) -> None:
        import trackio

        if self._active is not None:
            kind = trackio.AlertLevel[level]
            self._active.alert(headline, text, level=kind, step=step)
