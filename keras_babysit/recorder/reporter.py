"""Reports what the flight recorder found: its findings, and the bundles in its folder."""

from __future__ import annotations

import collections
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_babysit.findings import Finding, Remedy
from keras_babysit.recorder import bundle
from keras_babysit.recorder.fault import unlocated

if TYPE_CHECKING:
    from keras_babysit.recorder.fault import Fault
    from keras_babysit.recorder.incident import Incident


class Reporter:
    """Collects the findings of a flight recorder and writes its bundles.

    Args:
        model: The model in `fit`.
        folder: Where bundles go; None writes none.
        warn: Called with a sentence and an error where a bundle cannot be written.

    Attributes:
        findings: What was found and done since the run was last well.
    """

    def __init__(self, model: Any, folder: Any, *, warn: Callable[..., None]) -> None:
        self.findings: list[Finding] = []
        self._model = model
        self._folder = folder
        self._warn = warn
        self._counts: collections.Counter[Any] = (
            collections.Counter()
        )  # how often each key of a finding was reported

    @property
    def writes_bundles(self) -> bool:
        """Whether there is a folder for bundles."""
        return self._folder is not None

    def start(self) -> None:
        """Make the folder; where that fails one warning says so, and no bundle is written."""
        if self._folder is None:
            return
        try:
            Path(self._folder).mkdir(parents=True, exist_ok=True)
            if not os.access(self._folder, os.W_OK):
                raise PermissionError(f"{self._folder} is not writable")
        except OSError as error:
            self._warn("The flight recorder cannot write bundles", error)
            self._folder = None

    def report(self, incident: Incident, box: Any, *, limit: float) -> None:
        """Add the finding on what went bad, and write its bundle.

        Args:
            incident: The `Incident`.
            box: The entered `backend.Sandbox` of its replay, None where nothing was replayed.
            limit: Loss above which a step counts as exploded.
        """
        if incident.fault is not None:
            show = self._write_bundle(incident, incident.fault, box, limit)
            self.add(incident.fault.finding(show, incident.evidence))
        elif self.writes_bundles:
            self.add(unlocated(incident.reason, incident.evidence))

    def add(self, finding: Finding) -> None:
        """Add a finding; a second one of the same target gets a target of its own."""
        self._counts[finding.key] += 1
        count = self._counts[finding.key]
        if count > 1:
            target = ", ".join(filter(None, (finding.target, f"occurrence {count}")))
            finding = replace(finding, target=target)
        self.findings.append(finding)

    def clear(self) -> None:
        """Forget the findings: a rescue has held."""
        self.findings = []

    def _write_bundle(
        self, incident: Incident, fault: Fault, box: Any, limit: float
    ) -> Remedy | None:
        """Return the remedy that reproduces the fault, None if the bundle cannot be written."""
        if not self.writes_bundles or incident.bad is None:
            return None
        try:
            written = bundle.write(
                self._folder,
                f"{bundle.slug(self._model.name)}-step{fault.step}",
                model=self._model,
                box=box,
                bad=incident.bad,
                fault=fault,
                limit=limit,
            )
        except Exception as error:
            self._warn("The flight recorder could not write its bundle", error)
            return None
        return bundle.remedy(written)
