"""The result of a trial of remedies: a table that can be read, printed and acted on."""

from __future__ import annotations

import html
import io
import json
import math
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from rich.console import Console

from keras_babysit.findings import Finding, Remedy
from keras_babysit.history import to_jsonable
from keras_babysit.interval import Interval
from keras_babysit.presentation.trial_table import HEAD, trial_table
from keras_babysit.remedies.change import Change
from keras_babysit.remedies.program import Program

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Effect(Enum):
    """What a remedy did, compared with the control."""

    HELPS = "helps"
    HARMS = "harms"
    NO_DIFFERENCE = "no difference"
    UNDECIDED = "undecided"
    NOT_APPLICABLE = "not applicable"
    NOT_TRIED = "not tried"
    FAILED = "failed"


@dataclass(frozen=True)
class Row:
    """One remedy of a trial.

    Args:
        changes: What was changed, several if they were combined.
        effect: The verdict.
        measure: What the difference is of: `"loss"` or `"error"`.
        control: Mean of the control over replicates and validation examples; NaN if not scored.
        remedy: The same with the remedy.
        difference: Remedy minus control with its 95 % interval, below 0 if it helps; None if it
            was not scored or one of the two is not finite.
        seeds: Number of replicates.
        seconds: Seconds of all its trainings.
        reason: Why it was not tried or is undecided, as a sentence; may be empty.
        ratio: Remedy divided by control, the geometric mean over replicates with its 95 % interval,
            below 1 if it helps. It decides the effect. None if there is no difference, or if not
            all scores are above 0: then the difference decides.
    """

    changes: tuple[Change, ...]
    effect: Effect
    measure: str = "loss"
    control: float = math.nan
    remedy: float = math.nan
    difference: Interval | None = None
    seeds: int = 0
    seconds: float = 0.0
    reason: str = ""
    ratio: Interval | None = None

    @property
    def text(self) -> str:
        """The remedy in words."""
        return " ".join(change.text for change in self.changes)


@dataclass(frozen=True)
class Trial:
    """What remedies did, each against the same training without it.

    Args:
        rows: One `Row` per remedy, in the order in which they were tried; combinations last.
        best: The row that is best in trainings as the program is, None if nothing helped.
        program: The program with the best changes; the unchanged one if nothing helped.
            `program.build(seed)` returns its compiled model, `program.x` and `program.y` its data
            and `program.fit` its arguments of `fit`.
        findings: The findings whose remedies were tried.
        seconds: Seconds that the trial took.
        note: Why it ended early; empty if it did not.
    """

    rows: tuple[Row, ...]
    best: Row | None
    program: Program
    findings: tuple[Finding, ...] = field(default=())
    seconds: float = 0.0
    note: str = ""

    @property
    def left_to_people(self) -> tuple[Remedy, ...]:
        """The remedies of the findings that no change can carry out, with the reason of each."""
        found = (remedy for one in self.findings for remedy in one.remedies)
        return tuple(dict.fromkeys(one for one in found if one.change is None))

    @property
    def conclusion(self) -> str:
        """What follows from the table: the best remedy, or what decides the undecided ones."""
        if not self.rows:
            return "No remedy was tried: there is no finding with a remedy that can be applied."
        if self.best is not None:
            together = "Best together" if len(self.best.changes) > 1 else "Best"
            chosen = " in trainings as the program is" if self._has_lower_ratio else ""
            return f"{together}{chosen}: {self.best.text}"
        if any(row.effect is Effect.HELPS for row in self.rows):
            return (
                "No remedy helps in trainings as the program is. What helps does so only where the "
                "learning rate falls to 0."
            )
        if all(row.effect in (Effect.FAILED, Effect.NOT_APPLICABLE) for row in self.rows):
            return "No remedy could be tried."
        if any(row.effect in (Effect.UNDECIDED, Effect.NOT_TRIED) for row in self.rows):
            return "No remedy is shown to help. A larger `budget` or more `seeds` may decide more."
        return "No remedy helps."

    @property
    def _has_lower_ratio(self) -> bool:
        """Whether the table shows a larger effect than that of the best, which others decided."""
        if self.best is None or self.best.ratio is None:
            return False
        helping = (row.ratio for row in self.rows if row.effect is Effect.HELPS)
        return any(one is not None and one.mean < self.best.ratio.mean for one in helping)

    def __str__(self) -> str:
        if not self.rows:
            return self.conclusion
        return "\n\n".join([_as_text(self._shown), *self._sentences])

    @property
    def _shown(self) -> tuple[Row, ...]:
        """The rows of the table: those that were tried, if any was."""
        tried = tuple(row for row in self.rows if row.effect is not Effect.NOT_TRIED)
        return tried or self.rows

    @property
    def _left(self) -> str:
        """How many remedies the table leaves out and why, a sentence for each reason."""
        left = Counter(row.reason for row in self.rows if row not in self._shown)
        return " ".join(
            f"{count} more {'remedy was' if count == 1 else 'remedies were'} not tried: {reason}"
            for reason, count in left.items()
        )

    @property
    def _sentences(self) -> list[str]:
        return [one for one in (self.note, self._left, self.conclusion) if one]

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not self.rows:
            return f"<p>{html.escape(str(self))}</p>"
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in HEAD)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(row)) + "</tr>"
            for row in self._shown
        )
        below = "".join(f"<p>{html.escape(one)}</p>" for one in self._sentences)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"

    def plot(self) -> Figure:
        """Plot what each remedy did to the score (see `keras_babysit.remedies.plot`).

        Returns:
            A `matplotlib.figure.Figure`, which displays itself in a notebook; `show()` opens it
            from a script, `save(path)` writes it.

        Raises:
            ImportError: If matplotlib is not installed.
        """
        from keras_babysit.remedies.plot import plot  # it needs the rows of this module

        return plot(self._shown)

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write the trial as JSON; `kb-report` shows a `trial.json` in its folder.

        A row has the `cells` of the table, and `changes`, `effect`, `measure`, `control`, `remedy`,
        `low` and `high` (the interval of the difference), `ratio` (with its interval), `seeds`,
        `seconds` and `reason`.
        """
        record = {
            "type": "trial",
            "rows": [to_jsonable(_record(row)) for row in self.rows],
            "best": None if self.best is None else self.best.text,
            "seconds": self.seconds,
            "note": self.note,
            "shown": [self.rows.index(row) for row in self._shown],
            "sentences": self._sentences,
        }
        text = json.dumps(record, indent=1, allow_nan=False)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + "\n")

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write the table as an HTML page."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                '<!doctype html><html lang="en"><meta charset="utf-8"><title>Remedies</title>'
                "<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui;margin:2rem}"
                "table{border-collapse:collapse}td,th{padding:.3rem .8rem;text-align:left;"
                "border-bottom:1px solid #8888}td:not(:nth-child(2)){white-space:nowrap}</style>"
                f"<h1>Remedies, each against a control</h1>{self._repr_html_()}</html>"
            )


def _record(row: Row) -> dict[str, Any]:
    difference, ratio = row.difference, row.ratio
    return {
        "cells": _cells(row),
        "changes": [change.to_json() for change in row.changes],
        "effect": row.effect.value,
        "measure": row.measure,
        "control": row.control,
        "remedy": row.remedy,
        "low": None if difference is None else difference.low,
        "high": None if difference is None else difference.high,
        "ratio": None if ratio is None else [ratio.mean, ratio.low, ratio.high],
        "seeds": row.seeds,
        "seconds": row.seconds,
        "reason": row.reason,
    }


def _cells(row: Row) -> tuple[str, ...]:
    name = "" if row.measure == "loss" else " (error)"
    scores = f"{row.control:.3g} → {row.remedy:.3g}{name}" if row.seeds else ""
    text = f"{row.text} {row.reason[:1].upper()}{row.reason[1:]}".strip()
    return (row.effect.value, text, scores, _change_of(row), str(row.seeds or ""))


def _change_of(row: Row) -> str:
    """Return by how much the score changed, with its interval unless it has no end."""
    ratio, difference = row.ratio, row.difference
    if ratio is not None:
        shown = f"\u00d7 {ratio.mean:.2g}"
        return f"{shown} [{ratio.low:.2g}, {ratio.high:.2g}]" if row.seeds > 1 else shown
    if difference is None:
        return ""
    shown = f"{difference.mean:+.3g}"
    half = (difference.high - difference.low) / 2
    return f"{shown} ± {half:.2g}" if row.seeds > 1 else shown


def _as_text(rows: Sequence[Row]) -> str:
    """Return the table as text, as wide as the terminal and at most 100 columns."""
    width = min(100, shutil.get_terminal_size().columns)
    stream = io.StringIO()
    table = trial_table([_cells(row) for row in rows])
    Console(file=stream, width=width, color_system=None).print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().strip("\n").splitlines())
