"""The report of a run: what was found, what the loss did, and what watching cost."""

from __future__ import annotations

import html
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import rich.console
from rich.table import Table
from rich.text import Text

from keras_babysit.findings import Finding, Severity, Verdict, explain, verdict_of
from keras_babysit.history import FORMAT_VERSION, History, Overhead, read_jsonl, to_jsonable
from keras_babysit.presentation.drawing import numbers
from keras_babysit.presentation.wording import (
    cost,
    counted,
    name,
    number,
    one_line,
    with_margin,
)
from keras_babysit.sinks import _page
from keras_babysit.sinks.records import episodes

_STYLES = {Severity.NOTE: "cyan", Severity.WARNING: "yellow", Severity.ERROR: "red"}


class Report:
    """What a run brought, to print, to read in a browser, and to gate on in CI.

    `print(report)` shows a table; as the last expression of a notebook cell the report is drawn.

    Args:
        history: What the probes recorded.
        findings: Every finding of the run, in any order.
        overhead: What watching cost; None where that is not known, as of a run that was killed.

    Example:
        >>> print(Report(History(), [], Overhead(0.4, 53.1, 31)))
        keras-babysit: Nothing was measured
        watching cost 0.8 % of 53.1 s (31 probes)
    """

    def __init__(
        self, history: History, findings: Iterable[Finding], overhead: Overhead | None = None
    ) -> None:
        self.history = history
        self.findings = explain(findings)
        self.overhead = overhead

    @classmethod
    def from_jsonl(cls, path: str | Path) -> Report:
        """Return the report of a run that the `JsonLines` sink wrote, finished or killed.

        Args:
            path: Path of the file.

        Raises:
            ValueError: If a line before the last is no JSON object, or if the file was written by
                a newer version of the format.
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

        `"worst"` is the highest severity among the advice that still held at the end, or None; a
        script can gate on it. What is not finite is written as a string.

        Args:
            path: File to write; None writes none.
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

        The page holds all it needs and asks for nothing from outside.

        Args:
            path: File to write; None writes none.
        """
        return _written(_page.render(self), path)

    @property
    def verdict(self) -> Verdict:
        """The verdict: root causes with their symptoms, what to do first, what was not checked."""
        return verdict_of(self.findings, self.history)

    def result(self) -> str:
        """Return the result in a few words, e.g. `"1 error, 2 warnings (1 resolved)"`."""
        resolved = sum(not one.is_open for one in self.findings)
        found = counted(self.findings) + (f" ({resolved} resolved)" if resolved else "")
        broke_off = self.history.facts.broke_off
        if broke_off:
            until_then = f"; until then {found}" if found else ""
            return f"Watching broke off: {one_line(broke_off, 200)}{until_then}"
        if self.is_well:
            return "All well: nothing to report"
        return found or "Nothing was measured"

    @property
    def is_well(self) -> bool:
        """Whether there is nothing to report; silence is no all-clear where nobody looked."""
        has_looked = len(self.history) > 0 and not self.history.facts.broke_off
        return has_looked and not self.findings

    def summary(self) -> list[str]:
        """Return in a line each what the loss did, and what watching cost."""
        lines = [_loss_line(self.history), _score_line(self.history)]
        if self.overhead is not None:
            is_short = self.history.facts.is_compiled is False
            why = "; not compiled, to keep the budget" if is_short else ""
            lines.append(f"watching cost {self.overhead}{why}")
        return [line for line in lines if line]

    def __str__(self) -> str:
        stream = io.StringIO()
        console = rich.console.Console(
            file=stream, width=100, color_system=None, force_jupyter=False, legacy_windows=False
        )
        console.print(self)
        return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())

    def __rich__(self) -> rich.console.RenderableType:
        who = "" if self.is_well else "keras-babysit: "
        parts: list[rich.console.RenderableType] = [Text(who + self.result(), "bold")]
        if self.findings:
            parts += ["", _table(self.verdict.moments()), ""]
        parts += [Text(line, "dim") for line in self.summary()]
        return rich.console.Group(*parts)

    def _repr_html_(self) -> str:
        # In a frame of its own, the page's styles and names do not meet those of the notebook.
        page = html.escape(self.to_html())
        return (
            f'<iframe srcdoc="{page}" sandbox="allow-scripts" title="keras-babysit report" '
            'style="width:100%;height:640px;border:0"></iframe>'
        )


def _written(text: str, path: str | Path | None) -> str:
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def _table(groups: Iterable[list[Finding]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", highlight=False)
    for heading in ("severity", "rule", "where", "opened", "resolved"):
        table.add_column(heading, no_wrap=heading != "where")
    for group in groups:
        first = group[0]
        table.add_row(
            Text(first.severity.name, _STYLES[first.severity] if first.is_open else "dim"),
            Text(("\u2192 " if first.cause else "") + one_line(first.rule, 30)),
            Text(_places(group)),
            Text(f"step {first.step:,}"),
            Text("still open" if first.is_open else f"step {first.resolved_step:,}"),
        )
    return table


def _places(findings: list[Finding]) -> str:
    first = name(findings[0].target, 30)
    return first if len(findings) == 1 else f"{first} and {len(findings) - 1} more"


def _loss(history: History) -> dict[str, Any] | None:
    """Return what the loss did, on single batches and over epochs; None if it was not measured."""
    pairs = [numbers(history, quantity) for quantity in ("loss/batch", "logs/loss")]
    steps, values = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    if not len(steps):
        return None
    order = np.argsort(steps, kind="stable")  # of one step the mean over the epoch comes last
    steps, values = steps[order], values[order]
    _, start = numbers(history, "loss/start")
    finite = np.isfinite(values)
    place = np.where(finite, values, np.inf).argmin()
    return {
        "start": float(start[0] if len(start) else values[0]),
        "last": float(values[-1]),
        "best": float(values[place]) if finite.any() else None,
        "best_step": int(steps[place]) if finite.any() else None,
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
    """Return the last loss on the training sample and on the validation data, like for like."""
    scores = _scores(history)
    parts = []
    for target, value in scores.get("loss", {}).items():
        margin = scores.get("loss_stderr", {}).get(target, 0.0)
        parts.append(f"{target} {with_margin(value, margin)}")
    return f"loss like for like: {', '.join(parts)}" if parts else ""
