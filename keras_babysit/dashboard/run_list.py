"""The runs to choose from, each with its state as far as that is known."""

from __future__ import annotations

import time
from typing import Any

from keras_babysit.dashboard.library import MAX_LOADED, MAX_RUNS, Found, Library, Run
from keras_babysit.presentation.wording import name

READ_SECONDS = 0.5
"""Time to spend on runs that were not looked at before; the next call goes on."""

HOW_TO = 'model.fit(x, y, callbacks=[kb.Babysitter(log_dir="logs/first")])'


def run_list(library: Library, *, read: bool) -> dict[str, Any]:
    """Return the runs as a JSON object, the latest first.

    Args:
        library: Where they are.
        read: Whether to read some of those that were not looked at yet.
    """
    found = library.find()
    until = time.monotonic() + READ_SECONDS
    runs = []
    for place, one in enumerate(found):
        may_read = read and place < MAX_LOADED and time.monotonic() < until
        runs.append({"id": one.id, "name": name(one.name, 80)} | _state(library, one, may_read))
    return {
        "runs": runs,
        "isCut": len(found) == MAX_RUNS,
        "folders": [name(folder, 200) for folder in library.folders.values()],
        "howTo": HOW_TO,
    }


def _state(library: Library, found: Found, may_read: bool) -> dict[str, Any]:
    if not may_read and not library.has_loaded(found.id):
        return {}
    try:
        with library.open(found.id) as run:
            return brief(run)
    except (KeyError, OSError):  # deleted meanwhile
        return {}


def brief(run: Run) -> dict[str, Any]:
    """Return what the list tells of a run."""
    worst = max((a.severity for a in run.log.findings() if a.is_open), default=None)
    return {
        "state": run.state,
        "step": run.log.step,
        "worst": worst.name.lower() if worst else None,
    }
