"""`Report`, the result of a run: findings, losses and the time that monitoring took."""

from __future__ import annotations

import html
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rich.console
from rich.text import Text

from keras_babysit.findings import Finding, FindingList, Verdict, explain, verdict_of
from keras_babysit.history import FORMAT_VERSION, History, Overhead, read_jsonl, to_jsonable
from keras_babysit.presentation.card import verdict_card
from keras_babysit.presentation.drawing import numbers, recent_losses
from keras_babysit.presentation.verdict_view import view
from keras_babysit.presentation.wording import (
    ascii_signs,
    cost,
    counted,
    number,
    one_line,
    with_margin,
)
from keras_babysit.sinks import _page
from keras_babysit.sinks._verdict_text import VerdictText
from keras_babysit.sinks.records import episodes

SHORT_RUN_SECONDS = 150.0
"""Runs below this duration get a fixed allowance: that of the schedule, `ALLOWANCE_SECONDS`, which
sinks may not import."""


class Report:
    """The result of a run, to print, to view in a browser or to evaluate in CI.

    `print(report)` shows the verdict. As the last expression of a notebook cell, the report is a
    page with charts.

    Args:
        history: The measurements of the run.
        findings: All findings of the run, in any order.
        overhead: Time that monitoring took; None if unknown, as for a killed run.

    Example:
        >>> print(Report(History(), [], Overhead(1.4, 153.1, 31)).summary()[0])
        monitoring took 1.4 s of 153.1 s (0.9 %, 31 measurements)
    """

    def __init__(
        self, history: History, findings: Iterable[Finding], overhead: Overhead | None = None
    ) -> None:
        self.history = history
        self.findings = FindingList(explain(findings))
        self.overhead = overhead

    @classmethod
    def from_jsonl(cls, path: str | Path) -> Report:
        """Return the report of a run from a file of the `JsonLines` sink, finished or killed.

        Args:
            path: Path of the file.

        Raises:
            ValueError: If a line before the last is not a JSON object, or if the file has a newer
                format version.
        """
        records = read_jsonl(path)
        overhead = None
        for record in records:
            if record.get("type") == "end" and record["overhead"]:
                spent = record["overhead"]
                seconds, wall = float(spent["seconds"]), float(spent["wall_seconds"])
                overhead = Overhead(seconds, wall, int(spent["probes"]))
        return cls(History.from_jsonl(path), episodes(records), overhead)

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the report as a JSON object, and write it to `path` if one is given.

        `"worst"` is the highest severity of the findings that are open at the end, or None. A
        script can test it. Non-finite numbers are written as strings.

        Args:
            path: File to write; None to write no file.
        """
        worst = max((one.severity for one in self.findings if one.is_open), default=None)
        record = {
            "type": "report",
            "version": FORMAT_VERSION,
            "worst": worst.name if worst else None,
            "verdict": self.verdict.to_json(),
            "findings": [one.to_json() for one in self.findings],
            "loss": _loss(self.history),
            "scores": _scores(self.history),
            "overhead": cost(self.overhead),
            "facts": self.history.facts.to_json(),
        }
        return _written(json.dumps(to_jsonable(record), allow_nan=False, indent=2) + "\n", path)

    def to_html(self, path: str | Path | None = None) -> str:
        """Return the report as one HTML page, and write it to `path` if one is given.

        The page is self-contained; it loads nothing from elsewhere.

        Args:
            path: File to write; None to write no file.
        """
        page = _page.render(
            self.history,
            self.verdict,
            counts=self.result(),
            is_well=self.is_well,
            summary=self.summary(),
        )
        return _written(page, path)

    @property
    def verdict(self) -> Verdict:
        """The verdict: root causes with symptoms, what to do first, and what was not checked."""
        return verdict_of(self.findings, self.history)

    def result(self) -> str:
        """Return the result as text, e.g. `"1 error, 2 warnings (1 resolved)"`."""
        resolved = sum(not one.is_open for one in self.findings)
        found = counted(self.findings) + (f" ({resolved} resolved)" if resolved else "")
        broke_off = self.history.facts.broke_off
        if broke_off:
            until_then = f"; before that: {found}" if found else ""
            return f"Monitoring failed: {one_line(broke_off, 200)}{until_then}"
        if self.is_well:
            return "No problems found"
        return found or "Nothing was measured"

    @property
    def is_well(self) -> bool:
        """Whether the run was measured and nothing was found."""
        has_looked = len(self.history) > 0 and not self.history.facts.broke_off
        return has_looked and not self.findings

    def summary(self) -> list[str]:
        """Return lines on the loss, the final scores and the time that monitoring took."""
        lines = [_loss_line(self.history), _score_line(self.history)]
        if self.overhead is not None:
            lines.append(_cost_line(self.overhead, self.history.facts.is_compiled))
        return [line for line in lines if line]

    def __str__(self) -> str:
        return _plain(self.as_text())

    def outline(self) -> str:
        """Return the brief form of the verdict as text."""
        return _plain(self.as_text(is_brief=True))

    def __rich__(self) -> rich.console.RenderableType:
        return self.as_text()

    def as_text(self, *, is_brief: bool = False) -> rich.console.RenderableType:
        """Return the verdict with the losses, to print with `rich`.

        Args:
            is_brief: Whether to leave out messages and further remedies, for a place where the
                findings were shown before.
        """
        if self.is_well and not self.verdict.not_checked:
            return rich.console.Group(*map(Text, self._two_lines()))
        counts = f"  ({self.result()})" if self.findings else ""
        return rich.console.Group(
            VerdictText(self.verdict, counts, is_brief=is_brief),
            "",
            *(Text(line, "dim") for line in self.summary()),
        )

    def _two_lines(self) -> Iterator[str]:
        """Yield what a healthy run prints: a result, and the final scores with the cost."""
        loss, score = _loss_line(self.history), _final_losses(self.history)
        yield self.result() + (f": {loss}" if loss else "")
        took = None if self.overhead is None else f"monitoring took {_spent(self.overhead)}"
        parts = [one for one in (f"final loss {score}" if score else None, took) if one]
        if parts:
            yield "; ".join(parts)

    def as_card(self, hint: str = "") -> str:
        """Return the verdict as a fragment of HTML, which is what a notebook shows after a run.

        Args:
            hint: Where there is more to see.
        """
        return verdict_card(
            view(self.verdict),
            counts=self.result() if self.findings else "",
            lines=self.summary(),
            losses=recent_losses(self.history),
            is_well=self.is_well,
            hint=hint,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.verdict.headline}; {self.result()})"

    def _repr_html_(self) -> str:
        # In a frame, so that styles and names of page and notebook do not collide.
        page = html.escape(self.to_html())
        return (
            f'<iframe srcdoc="{page}" sandbox="allow-scripts" title="keras-babysit report" '
            'style="width:100%;height:640px;border:0"></iframe>'
        )


def _written(text: str, path: str | Path | None) -> str:
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def _plain(renderable: rich.console.RenderableType) -> str:
    """Return text of 100 columns, with signs that a stream of any encoding can write."""
    stream = io.StringIO()
    console = rich.console.Console(
        file=stream, width=100, color_system=None, force_jupyter=False, legacy_windows=False
    )
    console.print(renderable)
    return ascii_signs("\n".join(line.rstrip() for line in stream.getvalue().splitlines()))


def _loss(history: History) -> dict[str, Any] | None:
    """Return first, last and best loss, of batches and epochs; None if none was measured."""
    pairs = [numbers(history, quantity) for quantity in ("loss/batch", "logs/loss")]
    steps, values = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    if not len(steps):
        return None
    order = np.argsort(steps, kind="stable")  # at equal steps, the mean over the epoch comes last
    steps, values = steps[order], values[order]
    _, start = numbers(history, "loss/start")
    finite = np.isfinite(values)
    best = np.where(finite, values, np.inf).argmin()
    return {
        "start": float(start[0] if len(start) else values[0]),
        "last": float(values[-1]),
        "best": float(values[best]) if finite.any() else None,
        "best_step": int(steps[best]) if finite.any() else None,
    }


def _scores(history: History) -> dict[str, dict[str, Any]]:
    """Return the last score of each metric on the training sample and the validation data."""
    return {
        quantity.removeprefix("score/"): {
            target: history.last(quantity, target) for target in history.targets(quantity)
        }
        for quantity in history.quantities()
        if quantity.startswith("score/")
    }


def _loss_line(history: History) -> str:
    loss = _loss(history)
    if loss is None:
        return ""
    is_worse = loss["best"] is not None and not loss["last"] <= loss["best"]
    best = f" (best {number(loss['best'])} at step {loss['best_step']:,})" if is_worse else ""
    return f"loss {number(loss['start'])} -> {number(loss['last'])} in {history.step:,} steps{best}"


def _score_line(history: History) -> str:
    """Return the final loss on training sample and validation data; empty if not measured."""
    losses = _final_losses(history)
    mode = ", both in inference mode" if "," in losses else " in inference mode"
    return f"final loss{mode}: {losses}" if losses else ""


def _final_losses(history: History) -> str:
    scores = _scores(history)
    margins = scores.get("loss_stderr", {})
    return ", ".join(
        f"{target} {with_margin(value, margins.get(target, 0.0))}"
        for target, value in scores.get("loss", {}).items()
    )


def _spent(overhead: Overhead) -> str:
    return f"{overhead.seconds:.1f} s of {overhead.wall_seconds:.1f} s"


def _cost_line(overhead: Overhead, is_compiled: bool | None) -> str:
    """Return the time that monitoring took, and why its fraction may exceed the budget."""
    spent = _spent(overhead)
    count = f"{overhead.probes} measurement{'s' * (overhead.probes != 1)}"
    if overhead.wall_seconds < SHORT_RUN_SECONDS:
        notes = f"{count}; short runs get a fixed allowance"
    else:
        notes = f"{100 * overhead.fraction:.1f} %, {count}"
    if is_compiled is False:
        notes += "; not compiled, to stay within the budget"
    return f"monitoring took {spent} ({notes})"
