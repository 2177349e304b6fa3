"""`Console`, which prints findings to the terminal, next to Keras' progress bar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING

import rich.console
from rich.text import Text

from keras_babysit.findings import CONDITIONS, Change, Event, Finding, Severity, moments
from keras_babysit.presentation.documentation import more
from keras_babysit.presentation.wording import (
    ascii_signs,
    code_lines,
    common_evidence,
    in_text,
    message,
    moment,
    name,
    one_line,
)
from keras_babysit.sinks._lines import STYLES, wrapped
from keras_babysit.sinks.sink import Sink

if TYPE_CHECKING:
    from keras_babysit.history import History
    from keras_babysit.sinks.report import Report

MAX_WIDTH = 100


class Console(Sink):
    """Prints findings as they open, worsen or are resolved, and a summary at the end.

    A finding is printed as a panel; findings of one rule on several layers share a panel. Panels
    have no side borders, so that code can be copied. A symptom of a cause that was already printed
    takes one line if it is more severe than its cause, and appears in the summary only otherwise.

    Keras' progress bar redraws itself at the end of its line. On a terminal that line is erased
    first, and the bar continues below the panel. In a pipe or a notebook the panel starts on a new
    line.

    Args:
        stream: Text stream to print to; None for the current `sys.stdout`.
        verbose: 1 prints everything, 0 prints nothing.

    Raises:
        ValueError: If `verbose` is neither 0 nor 1.

    Example:
        >>> sink = Console(verbose=0)
    """

    has_own_thread = False
    """Printing may block, for example after Ctrl-S in a terminal, as Keras' progress bar does."""

    def __init__(self, stream: IO[str] | None = None, verbose: int = 1) -> None:
        if verbose not in (0, 1):
            raise ValueError(f"Argument `verbose` must be 0 or 1. Received: verbose={verbose!r}")
        self.stream = stream
        self.verbose = verbose
        self._shown: dict[str, Severity] = {}  # the highest printed severity per rule
        self._withheld: set[str] = set()  # rules not printed because their cause was

    def on_start(self, history: History) -> None:
        """Forget what was printed for an earlier run."""
        self._shown, self._withheld = {}, set()

    def on_events(self, events: Sequence[Event]) -> None:
        """Print a panel per rule that opened or worsened, and a line per rule that changed else."""
        for change in Change:
            changed = [event for event in events if event.change is change]
            for group in moments(event.finding for event in changed):
                first = changed[0]
                rule, cause, severity = group[0].rule, group[0].cause, group[0].severity
                if change is Change.RESOLVED:
                    if rule not in self._withheld:
                        self._print(_Resolved(group))
                    continue
                if change is Change.TRIED:
                    if rule not in self._withheld:
                        self._print(_Tried(group[0]))
                    continue
                if change is Change.RENEWED:
                    if rule not in self._withheld and severity > Severity.NOTE:
                        self._print(_Renewed(group[0]))
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
        self._print(report.as_text(is_brief=True))

    def _print(self, renderable: rich.console.RenderableType) -> None:
        if self.verbose == 0:
            return
        # Created on every call, because the stream, its width and its colours may change.
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
        console.file.write(text)  # in one call, so that no other thread writes in between
        console.file.flush()


def _start_of_line(stream: IO[str]) -> str:
    """Return the characters that move the cursor to the start of an empty line.

    On a terminal the current line is erased. It contains the progress bar, which is redrawn below.
    """
    is_terminal = getattr(stream, "isatty", lambda: False)()
    return "\r\x1b[2K" if is_terminal else "\n"


def _encodable(text: str, encoding: str) -> str:
    if encoding.lower().startswith("utf"):
        return text
    return ascii_signs(text).encode(encoding, "replace").decode(encoding)


class _Panel:
    """The findings of one rule at one step, as a panel.

    Args:
        findings: The findings, most severe first.
        change: Whether they opened or worsened.
        when: Step and epoch of the change, as text.
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
        for line, hang in self._lines():
            if line.no_wrap:
                yield line
            else:
                yield from wrapped(line, console, width, indent=2, hang=hang)
        yield Text("─" * width, style)

    def _heading(self, width: int, style: str) -> Text:
        first = self.findings[0]
        what = f" {_title(first)} "
        when = f" {'worse at ' if self.change is Change.WORSENED else ''}{self.when} "
        available = max(12, width - len(first.severity.name) - len(what) - len(when) - 11)
        is_notice = CONDITIONS[first.rule].is_notice
        where = "" if is_notice else f"in {_where(self.findings, available)} "
        heading = Text.assemble(
            ("── ", style), (first.severity.name, f"bold {style}"), (what, "bold"), where
        )
        fill = max(1, width - heading.cell_len - len(when) - 2)
        return heading.append("─" * fill, style).append(when).append("──", style)

    def _lines(self) -> Iterator[tuple[Text, int]]:
        """Yield the lines of the panel, and the indentation of their continuation lines."""
        first = self.findings[0]
        numbers = common_evidence(self.findings)
        yield Text(message(self.findings)), 2
        if numbers:
            yield Text(" · ".join(f"{key} {value}" for key, value in numbers), "dim"), 2
        yield Text(), 2
        for line in _remedies(first):
            yield line, 5
        if first.reference:
            yield Text(one_line(first.reference), "dim italic"), 2
        silence = CONDITIONS.silence(first.rule)
        if silence:
            yield Text(f"To silence: {silence}", "dim"), 2
        if more(first.rule):  # not wrapped, so that an address can be followed
            address = f"  More: {more(first.rule)}"
            yield Text(address, "dim", no_wrap=True, overflow="ignore"), 2


class _Symptom:
    """The findings of one rule that another, printed finding explains, as one line."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = findings

    def __rich_console__(
        self, console: rich.console.Console, options: rich.console.ConsoleOptions
    ) -> Iterator[Text]:
        first = self.findings[0]
        line = Text.assemble(
            ("\u2192 ", STYLES[first.severity]),
            (f"{first.severity.name} {_title(first)}", "bold"),
            f", caused by {in_text(CONDITIONS[first.cause].title)}",
            (f": {message(self.findings)}", "dim"),
        )
        yield from wrapped(line, console, options.max_width, indent=2, hang=4)


class _Tried:
    """What the remedy of a finding did, as one line."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding

    def __rich_console__(
        self, console: rich.console.Console, options: rich.console.ConsoleOptions
    ) -> Iterator[Text]:
        tried = self.finding.tried
        if tried is not None:
            line = Text.assemble(
                ("\u2192 ", "cyan"), (f"{_title(self.finding)}: ", "bold"), one_line(tried.text)
            )
            yield from wrapped(line, console, options.max_width, indent=2, hang=4)


class _Renewed:
    """What to do first about a finding now that more was measured, as one line."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding

    def __rich_console__(
        self, console: rich.console.Console, options: rich.console.ConsoleOptions
    ) -> Iterator[Text]:
        line = Text.assemble(
            ("\u2192 ", "cyan"),
            (f"{_title(self.finding)}, after more measurements: ", "bold"),
            one_line(self.finding.remedies[0].text),
        )
        yield from wrapped(line, console, options.max_width, indent=2, hang=4)


class _Resolved:
    """The findings of one rule that were resolved, as one line."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = findings

    def __rich__(self) -> Text:
        first = self.findings[0]
        steps = (first.resolved_step or first.step) - first.step
        what = f"{_title(first)} in {_where(self.findings, 40)}"
        after = f" at step {first.resolved_step:,}, after {steps:,} step{'s' * (steps != 1)}"
        return Text.assemble(("✓ resolved ", "green"), (what, "bold"), after)


def _title(finding: Finding) -> str:
    return one_line(CONDITIONS[finding.rule].title, 40)


def _where(findings: Sequence[Finding], limit: int) -> str:
    return name(findings[0].target, limit) if len(findings) == 1 else f"{len(findings)} layers"


def _remedies(finding: Finding) -> Iterator[Text]:
    """Yield the first remedy with its code, and one line for each of the others."""
    for count, remedy in enumerate(finding.remedies, 1):
        yield Text.assemble((f"{count}. ", "bold"), one_line(remedy.text))
        if count == 1 and remedy.code.strip():
            for line in code_lines(remedy.code):
                # Not wrapped, so that the code can be copied.
                yield Text(f"     {line}", "cyan", no_wrap=True, overflow="ignore")
