"""The verdict as lines of text: what is wrong, what to do first, then one block per root cause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import rich.console
from rich.text import Text

from keras_babysit.findings import CONDITIONS, Cause, Finding, Group, Severity, Verdict
from keras_babysit.presentation.wording import code_lines, one_line
from keras_babysit.sinks._lines import MAX_NAMES, STYLES, in_text, message, wrapped


class VerdictText:
    """A verdict to print with `rich`: it wraps at any width and loses no words.

    Args:
        verdict: The verdict.
        counts: What follows the headline, e.g. the number of findings; may be empty.
        is_brief: Whether to leave out messages and further remedies, which were shown before.
    """

    def __init__(self, verdict: Verdict, counts: str = "", *, is_brief: bool = False) -> None:
        self.verdict = verdict
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
        verdict = self.verdict
        head = ("keras-babysit: ", one_line(verdict.headline), (self.counts, "not bold dim"))
        yield Text.assemble(*head, style="bold"), 0, 2
        if verdict.do_first is not None:
            yield Text(), 0, 0
            first = Text.assemble(("Do this first: ", "bold"), one_line(verdict.do_first.text))
            yield first, 0, 2
            for line in code_lines(verdict.do_first.code) if verdict.do_first.code.strip() else ():
                # Not wrapped, so that the code can be copied.
                yield Text(line, "cyan", no_wrap=True, overflow="ignore"), 4, 4
        for cause in verdict.causes:
            if not self.is_brief or cause is verdict.causes[0]:
                yield Text(), 0, 0
            yield from self._block(cause)
        not_checked = list(_not_checked(verdict.not_checked))
        if not_checked:
            yield Text(), 0, 0
        for line in not_checked:
            yield Text(line, "dim"), 0, 2

    def _block(self, cause: Cause) -> Iterator[tuple[Text, int, int]]:
        """Yield the lines of one root cause, its symptoms folded into one."""
        shown = cause.root if cause.root.findings else cause.symptoms[0]
        style = STYLES[cause.severity] if cause.is_open else "dim"
        heading = Text.assemble(
            (cause.severity.name, f"bold {style}"),
            "  ",
            (one_line(cause.title, 60), "bold"),
            f"  {_when(shown)}",
        )
        yield heading, 0, 2
        if not self.is_brief:
            yield Text(message(shown.findings)), 2, 4
        if cause.symptoms:
            yield Text(f"also: {_symptoms(cause.symptoms)}"), 2, 4
        for remedy in self._further_remedies(cause, shown):
            yield Text(f"or: {one_line(remedy)}", "dim"), 2, 4

    def _further_remedies(self, cause: Cause, shown: Group) -> list[str]:
        """Return the remedies of a cause that holds; those of its symptoms wait for it."""
        if self.is_brief or not cause.is_open or shown.severity < Severity.WARNING:
            return []
        remedies = [one for one in shown.findings[0].remedies if one != self.verdict.do_first]
        return [one.text for one in remedies]


def _when(group: Group) -> str:
    """Return since when something holds, or when it held."""
    if group.is_open:
        return f"since step {group.step:,}"
    last = max(one.resolved_step or one.step for one in group.findings)
    times = max(sum(one.target == target for one in group.findings) for target in group.targets)
    often = f", {times} times" if times > 1 else ""
    return f"resolved: from step {group.step:,} to step {last:,}{often}"


def _symptoms(groups: Sequence[Group]) -> str:
    return "; ".join(f"{in_text(one_line(group.title, 60))} {_when(group)}" for group in groups)


def _not_checked(notes: Sequence[Finding]) -> Iterator[str]:
    """Yield the notices, and one line with the conditions that lack a measurement."""
    titles = []
    for one in notes:
        if CONDITIONS[one.rule].is_notice:
            yield one_line(one.message)
        else:
            titles.append(CONDITIONS[one.rule].title)
    if titles:
        more = f", and {len(titles) - MAX_NAMES} more" if len(titles) > MAX_NAMES else ""
        shown = ", ".join(map(in_text, titles[:MAX_NAMES]))
        yield f"Not checked, as what they need was not measured: {shown}{more}."
