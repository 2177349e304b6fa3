"""What a search shows while it runs."""

import collections
import sys

import rich.console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from keras_babysit.search.record import PRUNED, STOPPED, best

WIDTH = 100


class ProgressBar:
    """A bar on a terminal, with the best so far and the causes of stops; lines in a pipe.

    Args:
        objective: The `Objective`.
        total: Number of trials of the search.
        rounds: Number of rounds.
        verbose: 0 shows nothing.
        stream: Where to; None is `sys.stdout`.
    """

    def __init__(self, objective, total, rounds, *, verbose=1, stream=None):
        self._objective = objective
        self._total = total
        self._rounds = rounds
        self._stream = stream or sys.stdout
        self._told = -1
        self._bar = None
        self._is_shown = bool(verbose)
        if verbose and getattr(self._stream, "isatty", lambda: False)():
            self._bar = Progress(
                TextColumn("{task.fields[round]}"),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[best]}"),
                TextColumn("{task.fields[ends]}", style="dim"),
                console=rich.console.Console(file=self._stream, highlight=False),
            )
            self._task = self._bar.add_task("", total=total, round="", best="", ends="")

    def __enter__(self):
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *exception):
        if self._bar:
            self._bar.stop()

    def update(self, records):
        """Show the state of the search."""
        if not self._is_shown:
            return
        over = sum(record.is_over for record in records)
        now = 1 + max((record.round for record in records), default=0)
        texts = {
            "round": f"round {now}/{self._rounds}" if self._rounds > 1 else "trials",
            "best": self._best(records),
            "ends": ends(records),
        }
        if self._bar:
            self._bar.update(self._task, completed=min(over, self._total), **texts)
        elif over != self._told and over:
            self._told = over
            parts = (f"{texts['round']}  {over}/{self._total}", texts["best"], texts["ends"])
            print("  ".join(filter(None, parts)), file=self._stream, flush=True)

    def _best(self, records):
        leader = best(records)
        return "" if leader is None else f"best {self._objective.name} {leader.score:.4g}"


def ends(records):
    """Return how trials ended that were not completed, e.g. `"pruned 4 · loss_explosion 2"`."""
    causes = collections.Counter(r.cause for r in records if r.state == STOPPED)
    pruned = sum(record.state == PRUNED for record in records)
    failed = sum(record.state == "failed" for record in records)
    counts = {"pruned": pruned, "failed": failed, **dict(causes.most_common())}
    return " · ".join(f"{name} {count}" for name, count in counts.items() if count)
