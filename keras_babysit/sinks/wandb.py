"""`WandB`, which logs a run to Weights & Biases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from keras_babysit.errors import warn
from keras_babysit.findings import Event, Severity
from keras_babysit.history import History, Measurement
from keras_babysit.presentation.wording import name, one_line
from keras_babysit.sinks._extra import require
from keras_babysit.sinks._finding_text import body, reported, title
from keras_babysit.sinks._so_far import SoFar
from keras_babysit.sinks.sink import Sink

if TYPE_CHECKING:
    from keras_babysit.sinks.report import Report

LEVELS = {Severity.NOTE: "INFO", Severity.WARNING: "WARN", Severity.ERROR: "ERROR"}

PATIENCE_SECONDS = 10.0
"""How long the start of a run waits for the server, or for somebody to log in."""

COLUMNS = ["severity", "condition", "where", "since step", "resolved at step", "message", "remedy"]
"""Columns of the table of findings."""


class WandB(Sink):
    """Logs measurements and findings to Weights & Biases.

    - Charts `babysit/...` over `babysit/step`, the optimizer step: loss, learning rate, the metrics
      of training and validation, and the largest value and the median over the layers of a few
      quantities; at most 30 series.
    - An alert for each warning and error, one for all layers that have the same.
    - At the end the table `babysit/findings`, the report `babysit/report`, and in the summary
      `babysit/headline` and `babysit/severity`.

    They are added to the active run, `wandb.run`. Without one, a run is started for this `fit`, and
    finished with it. A run that the sink did not start is never finished by it.

    W&B sends in a process of its own: a slow connection does not delay training, and what was
    logged offline is uploaded with `wandb sync`. If a run cannot be started, because the server
    does not answer within 10 seconds or refuses access, it is logged offline, with one warning.
    Each measurement advances W&B's own step by one, as every `run.log` does. If your script passes
    `step=` to `run.log`, use `commit=False`: then measurements join the next step that your script
    logs.

    Args:
        run: Run to log to; None for the active one, or a new one.
        commit: Whether a measurement completes a step of W&B.
        **settings: Arguments of `wandb.init` for a run that is started, such as `project`.

    Raises:
        ImportError: If `wandb` is not installed (`pip install keras-babysit[wandb]`).
        ValueError: If both `run` and arguments for a new run are given.

    Example:
        >>> sink = WandB(project="digits", mode="offline")  # for Babysitter(sinks=[sink])
    """

    def __init__(self, *, run: Any = None, commit: bool = True, **settings: Any) -> None:
        require("wandb")
        if run is not None and settings:
            raise ValueError(
                "Arguments of `wandb.init` are for a new run, and `run` is one that exists. "
                f"Received: run={run!r} and {', '.join(sorted(settings))}"
            )
        self.run = run
        self.commit = commit
        self.settings = settings
        self._active: Any = None
        self._is_own = False
        self._so_far = SoFar(History())

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the run: a copy logs to the run that is active then."""
        own = {"run": None, "_active": None, "_is_own": False, "_so_far": SoFar(History())}
        return vars(self) | own

    def on_start(self, history: History) -> None:
        """Open the run."""
        import wandb

        self.close()
        self._so_far = SoFar(history)
        run = self.run or wandb.run
        self._is_own = run is None
        self._active = self._open() if run is None else run
        self._active.define_metric("babysit/step", hidden=True)
        self._active.define_metric("babysit/*", step_metric="babysit/step")

    def _open(self) -> Any:
        """Start a run of our own, offline if that is refused."""
        import wandb

        given = self.settings.get("settings") or {}
        if isinstance(given, wandb.Settings):
            given = {name: getattr(given, name) for name in given.model_fields_set}
        patience = {"init_timeout": PATIENCE_SECONDS, "login_timeout": PATIENCE_SECONDS}
        arguments = self.settings | {"settings": patience | given}
        try:
            return wandb.init(**arguments)
        except (wandb.Error, TimeoutError) as error:
            warn(
                "W&B could not start a run. It is logged offline; upload it with `wandb sync`",
                error,
            )
            return wandb.init(**arguments | {"mode": "offline"})

    def on_measurements(self, measurements: Sequence[Measurement]) -> None:
        """Log the few numbers of each step."""
        for step, numbers in self._so_far.numbers(measurements):
            self._log({"babysit/step": step, **numbers})

    def on_events(self, events: Sequence[Event]) -> None:
        """Send an alert for each warning and error that opened or became worse."""
        import wandb

        if self._active is None:
            return
        for findings in reported(events):
            severity = findings[0].severity
            if severity >= Severity.WARNING:
                level = wandb.AlertLevel(LEVELS[severity])
                # W&B drops alerts of one title that follow each other within `wait_duration`.
                self._active.alert(title(findings), body(findings), level=level, wait_duration=0)

    def on_end(self, report: Report) -> None:
        """Log the table of findings and the report; finish the run if it was started here."""
        import wandb

        run = self._active
        if run is None:
            return
        verdict = report.verdict
        worst = "none" if verdict.severity is None else verdict.severity.name.lower()
        run.summary.update({"babysit/headline": verdict.headline, "babysit/severity": worst})
        table = wandb.Table(columns=COLUMNS, data=[_row(one) for one in report.findings])
        page = wandb.Html(report.to_html(), inject=False)
        self._log({"babysit/findings": table, "babysit/report": page})
        if self._is_own:
            run.finish()
        self._active = None

    def close(self) -> None:
        """Let go of a run that broke off; one that the sink started is marked as failed."""
        run, self._active = self._active, None
        if run is not None and self._is_own:
            run.finish(exit_code=1)

    def _log(self, values: dict[str, Any]) -> None:
        if self._active is not None:
            self._active.log(values, commit=self.commit or self._is_own)


def _row(finding: Any) -> list[Any]:
    return [
        finding.severity.name.lower(),
        one_line(finding.rule),
        name(finding.target),
        int(finding.step),
        None if finding.resolved_step is None else int(finding.resolved_step),
        one_line(finding.message),
        one_line(finding.remedies[0].text) if finding.remedies else "",
    ]
