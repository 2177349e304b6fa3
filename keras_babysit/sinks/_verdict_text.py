"""The verdict as lines of text: what is wrong, what to do first, then one block per root cause."""

from __future__ import annotations

from collections.abc import Iterator

import rich.console
from rich.text import Text

from keras_babysit.findings import Severity, Verdict
from keras_babysit.presentation.verdict_view import CauseView, symptoms, view
from keras_babysit.sinks._lines import STYLES, wrapped


class VerdictText:
    """A verdict to print with `rich`: it wraps at any width and loses no words.

    Args:
        verdict: The verdict.
        counts: What follows the headline, e.g. the number of findings; may be empty.
        is_brief: Whether to leave out messages and further remedies, which were shown before.
    """

    def __init__(self, verdict: Verdict, counts: str = "", *, is_brief: bool = False) -> None:
        self.view = view(verdict)
        self.counts = counts
        self.is_brief = is_brief

    def __rich_console__(
        self, console: rich.console.Console, options: rich.console.ConsoleOptions
    ) -> Iterator[Text]:
        width = options.max_width
        for text, indent, hang in self._lines():
            if text.no_wrap:
                yield Text(" " * indent, no_wrap=True, overflow="ignore").append_text(text)
            else:
                yield from wrapped(text, console, width, indent=indent, hang=hang)

    def _lines(self) -> Iterator[tuple[Text, int, int]]:
        """Yield each line with its indentation and that of its continuation lines."""
        head = ("keras-babysit: ", self.view.headline, (self.counts, "not bold dim"))
        yield Text.assemble(*head, style="bold"), 0, 2
        first = self.view.do_first
        if first is not None:
            yield Text(), 0, 0
            yield Text.assemble(("Do this first: ", "bold"), first.text), 0, 2
            for line in first.code.split("\n") if first.code else ():
                # Not wrapped, so that the code can be copied.
                yield Text(line, "cyan", no_wrap=True, overflow="ignore"), 4, 4
        for number, cause in enumerate(self.view.causes):
            if not self.is_brief or number == 0:
                yield Text(), 0, 0
            yield from self._block(cause)
        if self.view.not_checked:
            yield Text(), 0, 0
        for line in self.view.not_checked:
            yield Text(line, "dim"), 0, 2

    def _block(self, cause: CauseView) -> Iterator[tuple[Text, int, int]]:
        """Yield the lines of one root cause, its symptoms folded into one."""
        level = Severity[cause.severity.upper()]
        style = STYLES[level] if cause.is_open else "dim"
        heading = Text.assemble(
            (level.name, f"bold {style}"), "  ", (cause.title, "bold"), f"  {cause.when}"
        )
        yield heading, 0, 2
        if not self.is_brief:
            yield Text(cause.message), 2, 4
        for line in symptoms(cause.symptoms):
            yield Text(line), 2, 4
        if not self.is_brief and cause.is_problem:
            for remedy in cause.remedies:
                yield Text(f"or: {remedy.text}", "dim"), 2, 4
