"""Says in the terminal what the watcher found, around Keras' progress bar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING

import rich.console
from rich.text import Text

from keras_babysit.findings import CONDITIONS, Change, Event, Finding, Severity, moments
from keras_babysit.presentation.wording import (
    code_lines,
    common_evidence,
    moment,
    name,
    one_line,
)
from keras_babysit.sinks.sink import Sink

if TYPE_CHECKING:
    from keras_babysit.history import History
    from keras_babysit.sinks.report import Report

STYLES = {Severity.NOTE: "cyan", Severity.WARNING: "yellow", Severity.ERROR: "red"}

MAX_WIDTH = 100
MAX_ROWS = 5
"""Targets of one outbreak that are shown with their message; the others by name."""

_ASCII = str.maketrans(
    {
        "\u2500": "-",  # the line of a panel
        "\u2713": "*",  # check mark
        "\u00b7": "|",  # middle dot
        "\u2026": "...",
        "\u2192": "->",
        "\u00d7": "x",
        "\u00b1": "+/-",
        "\u2264": "<=",
        "\u2265": ">=",
    }
)


class Console(Sink):
    """Prints a short panel when a finding opens or worsens, a line when it resolves, a summary.

    The panels have no sides, so that code can be copied out of them. What one rule finds on many
    layers at once is one panel. What follows from a cause that has its panel takes one line if it
    is worse than that, and waits for the summary if it is not.

    Keras' progress bar leaves the cursor at the end of its line and draws itself anew from there.
    On a terminal its line is wiped first, and the bar goes on below the panel; in a pipe or a
    notebook the panel starts on a fresh line.

    Args:
        stream: Where to print; None is `sys.stdout`, whatever that is at the time.
        verbose: 0 prints nothing, 1 all of it.

    Raises:
        ValueError: If `verbose` is neither 0 nor 1.

    Example:
        >>> sink = Console(verbose=0)
    """

    has_own_thread = False
    """Who stops a terminal, with Ctrl-S, wants to read on later: Keras' progress bar waits too."""

    def __init__(self, stream: IO[str] | None = None, verbose: int = 1) -> None:
        if verbose not in (0, 1):
            raise ValueError(f"Argument `verbose` must be 0 or 1. Received: verbose={verbose!r}")
        self.stream = stream
        self.verbose = verbose
        self._shown: dict[str, Severity] = {}  # the worst of each rule that was printed
        self._withheld: set[str] = set()  # rules that a cause explains well enough

    def on_start(self, history: History) -> None:
        """Forget what was printed of an earlier run."""
        self._shown, self._withheld = {}, set()

    def on_events(self, events: Sequence[Event]) -> None:
        """Print what has changed: a panel per rule, and a line for all that one rule resolved."""
        for change in Change:
            changed = [event for event in events if event.change is change]
            for group in moments(event.finding for event in changed):
                first = changed[0]
                rule, cause, severity = group[0].rule, group[0].cause, group[0].severity
                if change is Change.RESOLVED:
                    if rule not in self._withheld:
                        self._print(_Resolved(group))
                    continue
                if cause in self._shown and severity <= self._shown[cause]:
                    self._withheld.add(rule)
                    continue
                self._withheld.discard(rule)
                is_line = cause in self._shown
                when = moment(first.step, first.epoch)
                self._print(_Symptom(group) if is_line else _Panel(group, change, when))
                self._shown[rule] = max(severity, self._shown.get(rule, severity))

    def on_end(self, report: Report) -> None:
        """Print the summary of the run."""
        self._print(report)

    def _print(self, renderable: rich.console.RenderableType) -> None:
        if self.verbose == 0:
            return
        # Made anew each time: the stream, its width and its colours may have changed.
        console = rich.console.Console(
            file=self.stream, highlight=False, markup=False, emoji=False, soft_wrap=False
        )
        width = min(console.width, MAX_WIDTH)
        if console.is_jupyter:
            console.print(renderable, width=width)
            return
        with console.capture() as capture:
            console.print(renderable, width=width, crop=False)
        text = _start_of_line(console.file) + _encodable(capture.get(), console.encoding)
        console.file.write(text)  # in one piece, so that no other thread writes in between
        console.file.flush()


def _start_of_line(stream: IO[str]) -> str:
    """Return what brings the cursor to the start of a line of its own.

    On a terminal that line is wiped: it holds the progress bar, which draws itself again below.
    """
    is_terminal = getattr(stream, "isatty", lambda: False)()
    return "\r\x1b[2K" if is_terminal else "\n"


def _encodable(text: str, encoding: str) -> str:
    if encoding.lower().startswith("utf"):
        return text
    return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)


class _Panel:
    """The advice of one outbreak as a panel.

    Args:
        advice: What one rule found at one step, the worst first.
        change: Whether it opened or worsened.
        when: The step and epoch of the change.
    """

    def __init__(self, findings: Sequence[Finding], change: Change, when: str) -> None:
        self.findings = findings
        self.change = change
        self.when = when

    def __rich_console__(
        self, console: rich.console.Console, options: rich.console.ConsoleOptions
    ) -> Iterator[Text]:
        style = STYLES[self.findings[0].severity]
        width = options.max_width
        yield self._heading(width, style)
        for line, hang in self._lines(width):
            if line.no_wrap:
                yield line
            else:
                yield from _wrapped(line, console, width, hang)
        yield Text("─" * width, style)

    def _heading(self, width: int, style: str) -> Text:
        first = self.findings[0]
        what = f" {one_line(first.rule, 30)} "
        when = f" {'worse at ' if self.change is Change.WORSENED else ''}{self.when} "
        room = max(12, width - len(first.severity.name) - len(what) - len(when) - 11)
        where = _where(self.findings, room)
        heading = Text.assemble(
            ("── ", style), (first.severity.name, f"bold {style}"), (what, "bold"), f"in {where} "
        )
        fill = max(1, width - heading.cell_len - len(when) - 2)
        return heading.append("─" * fill, style).append(when).append("──", style)

    def _lines(self, width: int) -> Iterator[tuple[Text, int]]:
        """Yield the lines between the heading and the end, and how far they hang when wrapped."""
        first = self.findings[0]
        numbers = common_evidence(self.findings)
        for line in _findings(self.findings, width):
            yield line, 2
        if numbers:
            yield Text(" · ".join(f"{key} {value}" for key, value in numbers), "dim"), 2
        yield Text(), 2
        for line in _remedies(first):
            yield line, 5
        if first.reference:
            yield Text(one_line(first.reference), "dim italic"), 2
        silence = CONDITIONS.silence(first.rule)
        if silence:
            yield Text(f"silence: {silence}", "dim"), 2


class _Symptom:
    """What follows from a cause that has a panel of its own, in a line or two."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = findings

    def __rich_console__(
        self, console: rich.console.Console, options: rich.console.ConsoleOptions
    ) -> Iterator[Text]:
        first = self.findings[0]
        line = Text.assemble(
            ("\u2192 ", STYLES[first.severity]),
            (f"{first.severity.name} {one_line(first.rule, 30)}", "bold"),
            f" in {_where(self.findings, 40)}, because of {one_line(first.cause, 30)}",
            ("" if len(self.findings) > 1 else f": {one_line(first.message, 200)}", "dim"),
        )
        yield from _wrapped(line, console, options.max_width, hang=4)


class _Resolved:
    """What one rule found and no longer finds, in one line."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = findings

    def __rich__(self) -> Text:
        first = self.findings[0]
        steps = (first.resolved_step or first.step) - first.step
        what = f"{one_line(first.rule, 30)} in {_where(self.findings, 40)}"
        after = f" at step {first.resolved_step:,}, after {steps:,} step{'s' * (steps != 1)}"
        return Text.assemble(("✓ resolved ", "green"), (what, "bold"), after)


def _where(findings: Sequence[Finding], limit: int) -> str:
    return name(findings[0].target, limit) if len(findings) == 1 else f"{len(findings)} layers"


def _wrapped(text: Text, console: rich.console.Console, width: int, hang: int) -> Iterator[Text]:
    """Yield `text` two columns in; where it is wrapped the further lines hang."""
    for number, line in enumerate(text.wrap(console, max(10, width - 2 - hang))):
        line.rstrip()
        yield Text(" " * (hang if number else 2)).append_text(line) if line else line


def _findings(findings: Sequence[Finding], width: int) -> Iterator[Text]:
    """Yield the message; of many, a line for each of the first and the names of the others."""
    if len(findings) == 1:
        yield Text(one_line(findings[0].message))
        return
    shown = [(name(one.target, 28), one) for one in findings[:MAX_ROWS]]
    column = max(len(target) for target, _ in shown)
    for target, one in shown:
        message = one_line(one.message, max(20, width - column - 6))
        yield Text.assemble((target.ljust(column), "bold"), f"  {message}")
    others = [name(one.target, 28) for one in findings[MAX_ROWS:]]
    if others:
        yield Text(one_line(f"and {len(others)} more: {', '.join(others)}", width - 4))


def _remedies(finding: Finding) -> Iterator[Text]:
    """Yield the first remedy with its code, and the others in a line each."""
    for count, remedy in enumerate(finding.remedies, 1):
        yield Text.assemble((f"{count}. ", "bold"), one_line(remedy.text))
        if count == 1 and remedy.code.strip():
            for line in code_lines(remedy.code):
                # Not wrapped: the code can be copied as it stands.
                yield Text(f"     {line}", "cyan", no_wrap=True, overflow="ignore")
