"""Stopping a run on a finding, and what one of several workers must not do."""

from collections.abc import Sequence

import keras

from keras_babysit.callbacks.settings import Settings
from keras_babysit.findings import Finding, Severity


class Stopping:
    """Stops a run as soon as a finding is severe enough.

    Args:
        model: The model in `fit`.
        settings: The `Settings` of the callback.
        workers: Number of processes that train together, at least 1. Of several none stops alone.

    Attributes:
        has_stopped: Whether it stopped the run.
    """

    def __init__(self, model: keras.Model, settings: Settings, workers: int) -> None:
        self._model = model
        self._settings = settings
        self._workers = workers
        self.has_stopped = False
        self._stop_on = settings.stop_on if workers == 1 else None

    @property
    def is_on(self) -> bool:
        """Whether a finding may stop the run."""
        return self._stop_on is not None

    def stop_if_needed(self, findings: Sequence[Finding]) -> None:
        """Stop the run if one of the findings that hold is severe enough."""
        limit = self._stop_on
        if limit is not None and any(finding.severity >= limit for finding in findings):
            self._model.stop_training = self.has_stopped = True

    def disabled(self) -> list[Finding]:
        """Return the finding on settings that are disabled because workers train together.

        Returns:
            A list with one finding; empty if nothing is disabled.
        """
        names = [
            f"`{name}`"
            for name in ("stop_on", "record", "rescue")
            if getattr(self._settings, name) is not None
        ]
        if self._workers == 1 or not names:
            return []
        listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        are = "is" if len(names) == 1 else "are"
        replaying = "" if names == ["`stop_on`"] else ", or replaying its steps,"
        others = "the other" if self._workers == 2 else "the others"
        message = (
            f"{listed} {are} disabled: stopping one of {self._workers} workers{replaying} would "
            f"block {others}."
        )
        return [Finding("not_done", Severity.WARNING, "", message)]
