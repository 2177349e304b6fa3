"""The list of runs, with the state of those that have been read."""

from __future__ import annotations

import time
from typing import Any

from keras_babysit.dashboard.library import MAX_LOADED, MAX_RUNS, Found, Library, Run
from keras_babysit.dashboard.run_log import RunLog
from keras_babysit.presentation.thinning import plain
from keras_babysit.presentation.wording import name, one_line

READ_SECONDS = 0.5
"""Time to spend on reading further runs, in seconds; the next call continues."""

HOW_TO = 'model.fit(x, y, callbacks=[kb.Babysitter(log_dir="logs/first")])'


def run_list(library: Library, *, read: bool) -> dict[str, Any]:
    """Return the runs as a JSON object, latest first.

    Args:
        library: The runs.
        read: Whether to read some of the runs that have not been read yet.
    """
    found = library.find()
    until = time.monotonic() + READ_SECONDS
    runs = []
    for rank, one in enumerate(found):
        may_read = read and rank < MAX_LOADED and time.monotonic() < until
        runs.append({"id": one.id, "name": name(one.name, 200)} | _state(library, one, may_read))
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
    except (KeyError, OSError):  # deleted in the meantime
        return {}


def brief(run: Run) -> dict[str, Any]:
    """Return state, step, headline, final scores and date of a run."""
    log = run.log
    found = log.verdict()
    return {
        "state": run.state,
        "step": log.step,
        "worst": found.severity.name.lower() if found.severity else None,
        "headline": one_line(found.headline, 120),
        "scores": _final_scores(log),
        "date": (log.facts.started or "")[:19].replace("T", " "),
    }


def _final_scores(log: RunLog) -> dict[str, Any]:
    """Return the last loss and the last of the first other score, of either kind of data."""
    names = [q for q in log.quantities() if q.startswith("score/") and not q.endswith("_stderr")]
    names = sorted(names, key=lambda name: name != "score/loss")[:2]
    found = {}
    for quantity in names:
        for target in ("train", "validation"):
            values = log.series(quantity, target)[1]
            if len(values):
                title = one_line(quantity.removeprefix("score/"), 30)
                found[f"{title}, {target}"] = plain(values[-1], 5)
    return found
