"""`JsonLines`, which writes a run to a file of JSON lines."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from keras_babysit.facts import RunFacts
from keras_babysit.findings import Event
from keras_babysit.history import History, Measurement, header
from keras_babysit.presentation.wording import cost
from keras_babysit.sinks.records import line, require_still_there
from keras_babysit.sinks.sink import Sink

if TYPE_CHECKING:
    from keras_babysit.sinks.report import Report


class JsonLines(Sink):
    """Writes measurements and findings to a file of JSON lines, for scripts and CI.

    The first line contains the facts of the run, `{"type": "run", ...}`. It is repeated when more
    facts become known. Every other line is a measurement, a change of a finding or, at the end of
    the run, `{"type": "end", "overhead": {...}}`. Non-finite numbers are written as strings, so
    that every line is valid JSON.

    The file is flushed after every probe. It can be read during the run, and a killed run loses at
    most its last line. A new `fit` overwrites the file.

    Args:
        path: File to write; missing folders are created.

    Raises:
        ValueError: At the start of training, if the file cannot be written.

    Example:
        >>> sink = JsonLines("run.jsonl")  # for Babysitter(sinks=[sink])
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file: IO[str] | None = None
        self._history = History()
        self._facts: RunFacts | None = None  # as they were written last

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the open file: a copy opens its own in its next run."""
        return vars(self) | {"_file": None, "_history": History()}

    def on_start(self, history: History) -> None:
        """Create the file and write the facts of the run."""
        with contextlib.suppress(OSError):  # an earlier run already reported this error
            self.close()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w", encoding="utf-8")
        except OSError as error:
            raise ValueError(
                f"Argument `path` must be a writable file. Received: "
                f"path={str(self.path)!r} ({error.strerror or error})"
            ) from error
        self._history = history
        self._facts = None
        self._write([])

    def on_measurements(self, measurements: Sequence[Measurement]) -> None:
        """Write one line per measurement."""
        self._write([measurement.to_json() for measurement in measurements])

    def on_events(self, events: Sequence[Event]) -> None:
        """Write one line per change of a finding."""
        self._write([event.to_json() for event in events])

    def on_end(self, report: Report) -> None:
        """Write the time that monitoring took, and close the file."""
        self._write([{"type": "end", "overhead": cost(report.overhead)}])
        self.close()

    def close(self) -> None:
        """Close the file, if one is open."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _write(self, records: Sequence[Mapping[str, Any]]) -> None:
        if self._file is None:
            return
        require_still_there(self.path)
        lines = [line(record) for record in records]
        # Some facts, such as the sizes of the layers, are known only after the first probe.
        facts = self._history.facts
        if facts != self._facts:
            self._facts = facts
            lines.insert(0, line(header(facts)))
        self._file.write("".join(f"{line}\n" for line in lines))
        self._file.flush()
