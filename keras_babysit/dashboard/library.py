"""Finds the runs in log folders, and keeps the most recently opened ones in memory."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from keras_babysit.dashboard.run_log import RunLog
from keras_babysit.dashboard.source import EventFile, JsonLinesFile, Source

MAX_FOLDERS = 20_000
MAX_RUNS = 500
MAX_LOADED = 16
"""Maximum number of folders searched, of runs listed and of runs kept in memory."""

EVENT_FILE = (".babysit", "tfevents")
"""Ending of our event files, and a part of their name."""


JSON_LINES = b'{"type": "run"'
"""Start of our JSON lines files."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file with a run, and the name of the run."""

    id: str
    name: str
    path: str
    kind: type[Source]


class Run:
    """One run, read up to the last complete record.

    Attributes:
        found: Name and file of the run.
        log: The records of the run.
        lock: Held while the log is read or extended.
    """

    def __init__(self, found: Found) -> None:
        self.found = found
        self.log = RunLog()
        self.lock = threading.Lock()
        self._source = found.kind(found.path)

    def refresh(self) -> None:
        """Read the records that were added since the last call.

        Raises:
            OSError: If the file cannot be read.
        """
        if self._source.look():
            self.log = RunLog()
        for records in self._source.read():
            self.log.take(records)

    @property
    def state(self) -> str:
        """`"finished"`, `"running"`, or `"cut off"` if writing stopped without an end."""
        if self.log.has_ended:
            return "finished"
        return "running" if self._source.is_fresh else "cut off"

    @property
    def problem(self) -> str:
        """A sentence on what is wrong with the file; empty if nothing is."""
        if self._source.problem:
            return self._source.problem
        if self.log.damaged:
            return f"{self.log.damaged:,} records are invalid and were skipped."
        return self._source.rest if self.state == "cut off" else ""


class Library:
    """The runs in some folders.

    Args:
        folders: Path of each folder, by the prefix of its run names; `""` for no prefix.
    """

    def __init__(self, folders: Mapping[str, str]) -> None:
        self.folders = dict(folders)
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._lock = threading.Lock()

    def find(self) -> list[Found]:
        """Return at most `MAX_RUNS` runs, latest first."""
        found = [run for name, path in self.folders.items() for run in _search(name, path)]
        return sorted(found, key=lambda run: _changed(run.path), reverse=True)[:MAX_RUNS]

    def is_empty(self) -> bool:
        """Return whether there is no run at all. The search stops at the first one."""
        return not any(True for name, path in self.folders.items() for _ in _search(name, path))

    def has_loaded(self, run_id: str) -> bool:
        """Return whether a run is in memory."""
        return run_id in self._runs

    @contextmanager
    def open(self, run_id: str) -> Iterator[Run]:
        """Provide an up-to-date run to one reader at a time.

        Raises:
            KeyError: If there is no run with that id.
            OSError: If its file cannot be read.
        """
        run = self._loaded(run_id)
        with run.lock:
            run.refresh()
            yield run

    def _loaded(self, run_id: str) -> Run:
        with self._lock:
            if run_id not in self._runs:
                found = {run.id: run for run in self.find()}
                self._runs[run_id] = Run(found[run_id])
            self._runs.move_to_end(run_id)
            while len(self._runs) > MAX_LOADED:
                self._runs.popitem(last=False)
            return self._runs[run_id]


def _search(prefix: str, folder: str) -> Iterator[Found]:
    for count, (path, _, files) in enumerate(_walk(folder)):
        if count >= MAX_FOLDERS:
            return
        where = _relative(path, folder)
        events = sorted(f for f in files if f.endswith(EVENT_FILE[0]) and EVENT_FILE[1] in f)
        name = "/".join(filter(None, [prefix, where.removesuffix("babysit").strip("/")]))
        name = name or os.path.basename(folder.rstrip("/"))
        for number, file in enumerate(events, 1):
            fit = f" (fit {number})" if len(events) > 1 else ""
            yield _found(name + fit, f"{path}/{file}", EventFile)
        for file in sorted(f for f in files if f.endswith(".jsonl")):
            if _is_ours(f"{path}/{file}"):
                yield _found(
                    "/".join(filter(None, [prefix, where, file])), f"{path}/{file}", JsonLinesFile
                )


def _found(name: str, path: str, kind: type[Source]) -> Found:
    return Found(hashlib.sha256(os.fsencode(path)).hexdigest()[:16], name, path, kind)


def _walk(folder: str) -> Iterable[tuple[str, list[str], list[str]]]:
    if "://" not in folder:
        return os.walk(os.path.expanduser(folder))
    from tensorboard.compat import tf

    found: Iterable[tuple[str, list[str], list[str]]] = tf.io.gfile.walk(folder)
    return found


def _relative(path: str, folder: str) -> str:
    found = path.removeprefix(os.path.expanduser(folder)).strip("/" + os.sep)
    return found.replace(os.sep, "/")


def _is_ours(path: str) -> bool:
    """Return whether a JSON lines file starts like ours."""
    try:
        with open(path, "rb") as file:
            start = file.read(len(JSON_LINES))
    except OSError:
        return False
    return start == JSON_LINES


def _changed(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:  # in a bucket, or deleted in the meantime
        return 0.0
