"""The progress of a search, while it runs."""

import collections
import sys

import rich.console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from keras_babysit.search.phases import NEW
from keras_babysit.search.record import FAILED, PRUNED, STOPPED, best, latest

WIDTH = 100


class ProgressBar:
    """Shows a progress bar on a terminal, and prints a line per finished trial elsewhere.

    Both show the best score so far and how many trials were pruned, failed or stopped.

    Args:
        objective: The `Objective`.
        phases: The `Phase`s of the search.
        verbose: 0 to show nothing.
        stream: Stream to print to; None for `sys.stdout`.
    """

    def __init__(self, objective, phases, *, verbose=1, stream=None):
        self._objective = objective
        self._total = total = sum(phase.size for phase in phases if phase.kind == NEW)
        self._rounds = 1 + phases[-1].round
        self._stream = stream or sys.stdout
        self._last_printed = -1
        self._bar = None
        self._is_shown = bool(verbose)
        if verbose and getattr(self._stream, "isatty", lambda: False)():
            self._bar = Progress(
                TextColumn("{task.fields[round]}"),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[best]}"),
                TextColumn("{task.fields[incomplete]}", style="dim"),
                console=rich.console.Console(file=self._stream, highlight=False),
            )
            self._task = self._bar.add_task("", total=total, round="", best="", incomplete="")

    def __enter__(self):
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *exception):
        if self._bar:
            self._bar.stop()

    def update(self, view, current=None):
        """Show the state of the search.

        Args:
            view: A `View` of its trials.
            current: The record of the trial that this worker runs; None between trials.
        """
        if not self._is_shown:
            return
        records = view.records()
        if current is not None:
            records = [current if r.number == current.number else r for r in records]
        records = latest(records)
        finished = sum(record.is_finished for record in records)
        now = 1 + max((record.round for record in records), default=0)
        texts = {
            "round": f"round {now}/{self._rounds}" if self._rounds > 1 else "trials",
            "best": self._best(records),
            "incomplete": incomplete_text(records),
        }
        if self._bar:
            self._bar.update(self._task, completed=min(finished, self._total), **texts)
        elif finished != self._last_printed and finished:
            self._last_printed = finished
            parts = (
                f"{texts['round']}  {finished}/{self._total}",
                texts["best"],
                texts["incomplete"],
            )
            print("  ".join(filter(None, parts)), file=self._stream, flush=True)

    def _best(self, records):
        leader = best(records)
        return "" if leader is None else f"best {self._objective.name} {leader.score:.4g}"


def incomplete_counts(records):
    """Return the number of trials by how they ended, without the complete ones.

    Example:
        >>> from keras_babysit.search.record import Record
            >>> incomplete_counts([Record(0), Record(1, state="stopped", cause="loss_explosion")])
            {'loss_explosion': 1}
    """
    causes = collections.Counter(r.cause for r in records if r.state == STOPPED)
    pruned = sum(record.state == PRUNED for record in records)
    failed = sum(record.state == FAILED for record in records)
    counts = {"pruned": pruned, "failed": failed, **dict(causes.most_common())}
    return {name: count for name, count in counts.items() if count}


def incomplete_text(records):
    """Return the same as text, such as `"pruned 4 · loss_explosion 2"`."""
    return " · ".join(f"{name} {count}" for name, count in incomplete_counts(records).items())
