"""`MLflow`, which logs a run to MLflow."""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from keras_babysit.findings import Event, Finding
from keras_babysit.history import History, Measurement, to_jsonable
from keras_babysit.presentation.wording import name, one_line
from keras_babysit.sinks._extra import require
from keras_babysit.sinks._outbox import Outbox
from keras_babysit.sinks._so_far import SoFar
from keras_babysit.sinks.sink import Sink

if TYPE_CHECKING:
    from keras_babysit.sinks.report import Report

PATIENCE_SECONDS = 20.0
"""Longest wait for the server at the end of a run: below what training waits for a sink."""

MAX_TAG = 1_000
"""Characters of a tag; servers accept 5,000 or more."""

NO_JITTER = "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER"
"""Setting of MLflow: seconds of random delay between two attempts of a request."""

RETRIED = (408, 429)
"""HTTP codes of the range 400 to 499 after which the same request may succeed later."""


class MLflow(Sink):
    """Logs measurements and findings to MLflow.

    - Metrics `babysit/...`: loss, learning rate, the metrics of training and validation, and the
      largest value and the median over the layers of a few quantities; at most 30 series.
    - Tags: `babysit.headline`, `babysit.severity` of the worst open finding, and for each finding
      `babysit.finding.<rule>`, so that runs can be searched for by what was found.
    - Artifacts: `babysit/verdict.json`, renewed with every finding, and `babysit/report.html`.

    They are added to the run that is active in the thread of `fit`. Without one, a run is started
    for this `fit`, and ended with it. A run that the sink did not start is never ended by it.

    A thread in the background sends, in order, and again until the server answers, so that a server
    that is slow or restarts neither delays training nor costs a measurement. If the server has not
    received all of it 20 seconds after the end of training, there is one warning. If it refuses
    access, the sink is switched off with one warning.

    MLflow draws the name of a run, and the delay before it asks a server again, from Python's
    generator of random numbers, on which the training may depend. The sink names the runs that it
    starts itself, and sets `MLFLOW_HTTP_REQUEST_BACKOFF_JITTER` to 0 unless you have set it.

    Args:
        run_id: Run to log to; None for the active one, or a new one.
        experiment: Name of the experiment of a run that is started; None for MLflow's own choice.
        tracking_uri: Address of the server or database; None for what `mlflow` is set to.

    Raises:
        ImportError: If `mlflow` is not installed (`pip install keras-babysit[mlflow]`).
        ValueError: If both `run_id` and `experiment` are given.

    Example:
        >>> sink = MLflow(experiment="digits")  # for Babysitter(sinks=[sink])
    """

    def __init__(
        self,
        *,
        run_id: str | None = None,
        experiment: str | None = None,
        tracking_uri: str | None = None,
    ) -> None:
        require("mlflow")
        if run_id is not None and experiment is not None:
            raise ValueError(
                "Arguments `run_id` and `experiment` exclude each other: an existing run has its "
                f"experiment. Received: run_id={run_id!r}, experiment={experiment!r}"
            )
        self.run_id = run_id
        self.experiment = experiment
        self.tracking_uri = tracking_uri
        self._active: str | None = None
        self._reset()

    def _reset(self) -> None:
        self._run: str | None = None  # set by the thread that sends
        self._is_own = False
        self._outbox: Outbox | None = None
        self._so_far = SoFar(History())

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the run: a copy logs its own."""
        own = {"_run": None, "_is_own": False, "_outbox": None, "_active": None}
        return vars(self) | own | {"_so_far": SoFar(History())}

    def before_start(self) -> None:
        """Remember the active run, which MLflow keeps per thread."""
        import mlflow

        run = mlflow.active_run()
        self._active = None if run is None else run.info.run_id

    def on_start(self, history: History) -> None:
        """Open the run."""
        import mlflow

        self.close()
        os.environ.setdefault(NO_JITTER, "0")
        self._so_far = SoFar(history)
        uri = self.tracking_uri or mlflow.get_tracking_uri()
        self._client = mlflow.MlflowClient(uri)
        self._run = self.run_id or self._active
        self._is_own = self._run is None
        # Each attempt of a request is a warning of urllib3 otherwise.
        self._outbox = Outbox(f"MLflow at {uri}", _is_refusal, noisy=("urllib3.connectionpool",))
        if self._is_own:
            self._outbox.put(self._open)

    def on_measurements(self, measurements: Sequence[Measurement]) -> None:
        """Send the few numbers of each step."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [
            Metric(_key(series), value, now, step)
            for step, numbers in self._so_far.numbers(measurements)
            for series, value in numbers.items()
        ]
        if metrics:
            self._send(lambda run: self._client.log_batch(run, metrics=metrics, synchronous=True))

    def on_events(self, events: Sequence[Event]) -> None:
        """Send tags, and the verdict so far."""
        self._so_far.take(events)
        self._send_verdict(self._so_far, [event.finding for event in events])

    def on_end(self, report: Report) -> None:
        """Send verdict and report, and wait for the server.

        Raises:
            ConnectionError: If the server has not received all of it in time.
        """
        if self._outbox is None:
            return
        page = report.to_html()
        self._send_verdict(report, report.findings)
        self._send(lambda run: self._client.log_text(run, page, "babysit/report.html"))
        if self._is_own:
            self._send(lambda run: self._finish("FINISHED"))
        outbox, self._outbox = self._outbox, None
        outbox.finish(PATIENCE_SECONDS)

    def flush(self) -> None:
        """Wait until the server has received what was logged so far, however long that takes."""
        if self._outbox is not None:
            self._outbox.flush()

    def close(self) -> None:
        """Let go of a run that broke off; one that the sink started is marked as failed."""
        outbox = self._outbox
        if outbox is None:
            return
        if self._is_own and not outbox.has_given_up:
            self._send(lambda run: self._finish("FAILED"))
        self._outbox = None
        outbox.close()

    def _open(self) -> None:
        """Start a run of our own; called in the thread that sends."""
        import mlflow

        named = os.environ.get("MLFLOW_RUN_NAME") or f"babysit-{uuid.uuid4().hex[:8]}"
        if self.experiment is None and self.tracking_uri is None:
            # In the experiment that `mlflow.set_experiment` or the environment chose.
            self._run = mlflow.start_run(run_name=named).info.run_id
            return
        experiment = self.experiment or "Default"
        known = self._client.get_experiment_by_name(experiment)
        key = known.experiment_id if known else self._client.create_experiment(experiment)
        self._run = self._client.create_run(key, run_name=named).info.run_id

    def _finish(self, status: str) -> None:
        """End our own run; called in the thread that sends, in which it may be the active one."""
        import mlflow

        active = mlflow.active_run()
        if active is not None and active.info.run_id == self._run:
            mlflow.end_run(status)
        else:
            self._client.set_terminated(self._run, status)

    def _send_verdict(self, run: SoFar | Report, changed: Sequence[Finding]) -> None:
        from mlflow.entities import RunTag

        verdict = run.verdict
        worst = "none" if verdict.severity is None else verdict.severity.name.lower()
        tags = {"babysit.headline": verdict.headline, "babysit.severity": worst}
        tags |= {f"babysit.finding.{_key(one.rule)}": _state(one) for one in changed}
        entries = [RunTag(key, one_line(value, MAX_TAG)) for key, value in tags.items()]
        record = to_jsonable(verdict.to_json())
        self._send(lambda run: self._client.log_batch(run, tags=entries, synchronous=True))
        self._send(lambda run: self._client.log_dict(run, record, "babysit/verdict.json"))

    def _send(self, action: Any) -> None:
        if self._outbox is not None:
            self._outbox.put(lambda: action(self._run))


def _state(finding: Finding) -> str:
    where = f' in "{name(finding.target)}"' if finding.target else ""
    since = f"{finding.severity.name.lower()}{where} since step {finding.step:,}"
    return since if finding.is_open else f"{since}, resolved at step {finding.resolved_step:,}"


def _key(text: str) -> str:
    """Return a name that MLflow accepts: letters, digits, `_`, `-`, `.`, space and `/`."""
    plain = re.sub(r"[^\w./ -]|[^\x00-\x7f]", "_", one_line(text, 200))
    return re.sub(r"\.{2,}|/{2,}", "_", plain).strip("/ ") or "_"


def _is_refusal(error: Exception) -> bool:
    """Return whether the server understood the request, and will not carry it out."""
    from mlflow.exceptions import MlflowException

    if not isinstance(error, MlflowException):
        return False
    code = error.get_http_status_code()
    return 400 <= code < 500 and code not in RETRIED
