"""Goes back to a good state of a lost run, to stop or to continue from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_babysit.actions import WEIGHTS
from keras_babysit.backends.protocol import Values
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.recorder.fault import short
from keras_babysit.recorder.incident import in_epoch
from keras_babysit.recorder.snapshot import on_host
from keras_babysit.recorder.vitals import learning_rate_index, with_learning_rate

if TYPE_CHECKING:
    from keras_babysit.recorder.health import RunHealth
    from keras_babysit.recorder.incident import Incident
    from keras_babysit.recorder.rescue import Rescue
    from keras_babysit.recorder.snapshot import Position

RULE = "rescue"
CONTINUE = Remedy("Fix the cause and continue training from here.", no_change_because=WEIGHTS)
BUYS_TIME = Remedy("Fix the cause: a rescue only buys time.", no_change_because=WEIGHTS)


class Rescuer:
    """Finds the values that a lost run goes on with, and reports what was done.

    Args:
        model: The model in `fit`.
        rescue: The `Rescue` that the user chose.
        health: The `RunHealth`: it counts the rescues.
        report: Called with each finding.
    """

    def __init__(
        self, model: Any, rescue: Rescue, *, health: RunHealth, report: Callable[..., None]
    ) -> None:
        self.rescue = rescue
        self._model = model
        self._health = health
        self._report = report

    @property
    def can_continue(self) -> bool:
        """Whether training goes on after the next rescue; else it stops."""
        return self._health.rescues < self.rescue.max_times

    def restore(self, incident: Incident, position: Position, rate: Any) -> Values | None:
        """Return the values to restore, in the state of the epoch that the run is in.

        It trains on in the sandbox of the incident's replay where training is to continue.

        Args:
            incident: The `Incident`.
            position: The `Position` of the run.
            rate: Its learning rate, an array; None under a schedule.

        Returns:
            The values as arrays; None if no good state is known.
        """
        where = _where(incident, position)
        if incident.good is None:
            self._add(where, "Stopped training; no good state was kept to restore.", incident, {})
            return None
        if self.can_continue:
            return self._continue(incident, position, rate, where)
        return self._stop(incident, incident.good, position, rate, where)

    def skipped_step(self, incident: Incident) -> int | None:
        """Return the step whose batch a rescue leaves out; None if it leaves out none."""
        if incident.bad is None or not (self.can_continue and self.rescue.skip_batch):
            return None
        return incident.bad.kept.step

    def _stop(
        self, incident: Incident, good: Values, position: Position, rate: Any, where: str
    ) -> Values:
        rescues = self._health.rescues
        evidence = ({"rescues": rescues} if rescues else {}) | incident.evidence
        done = (
            f"Restored the state of step {incident.good_step} (weights, optimizer, seeds) and "
            "stopped training."
        )
        self._add(where, done, incident, evidence, CONTINUE)
        values = in_epoch(self._model, good, incident.good_epoch, position.epoch)
        return self._with_rate(on_host(values), rate)

    def _continue(
        self, incident: Incident, position: Position, rate: np.ndarray, where: str
    ) -> Values:
        factor, skips = self.rescue.lr_factor, self.rescue.skip_batch
        values, epoch, done, planned = incident.train_on(lr_factor=factor, skip_batch=skips)
        lower = None if rate is None else (rate * factor).astype(rate.dtype)
        number = self._health.rescues + 1
        sentences = [
            _what_was_done(incident, position, skips, done, planned),
            _what_the_rate_is(rate, lower) if rate is not None and factor < 1 else "",
            f"Rescue {number} of {self.rescue.max_times}.",
        ]
        evidence = {"rescues": number} | incident.evidence
        if lower is not None:
            evidence["learning_rate"] = float(lower)
        self._add(where, " ".join(filter(None, sentences)), incident, evidence, BUYS_TIME)
        return self._with_rate(on_host(in_epoch(self._model, values, epoch, position.epoch)), lower)

    def _with_rate(self, values: Values, rate: Any) -> Values:
        """Return the values with the rate that callbacks have set since, not what it was then."""
        if rate is None:
            return values
        index = learning_rate_index(self._model)
        return values if index is None else with_learning_rate(values, index, rate)

    def _add(
        self,
        where: str,
        done: str,
        incident: Incident,
        evidence: dict[str, Any],
        *remedies: Any,
    ) -> None:
        message = f"{done} {incident.why}".strip()
        self._report(Finding(RULE, Severity.WARNING, where, message, evidence, remedies))


def _where(incident: Incident, position: Position) -> str:
    if incident.bad is None:
        return f"step {position.step}"
    return f"batch {incident.bad.kept.batch_index} of epoch {incident.bad.kept.epoch + 1}"


def _what_was_done(
    incident: Incident, position: Position, skips: bool, done: int, planned: int
) -> str:
    parts = [f"Restored the state of step {incident.good_step}"]
    is_skipped = skips and incident.bad is not None
    if skips and incident.bad is not None:
        parts.append(f"skipped batch {incident.bad.kept.batch_index}")
    if planned:
        parts.append(f"trained again on {done} of {planned} {_batches(planned)} since")
    text = f"{', '.join(parts[:-1])} and {parts[-1]}." if len(parts) > 1 else f"{parts[0]}."
    lost = position.step - incident.good_step - is_skipped
    if not planned and lost > 0:
        text += f" Training on {lost} {_batches(lost)} since is lost."
    return text


def _batches(count: int) -> str:
    return "batch" if count == 1 else "batches"


def _what_the_rate_is(rate: Any, lower: Any) -> str:
    return f"Learning rate lowered from {short(float(rate))} to {short(float(lower))}."
