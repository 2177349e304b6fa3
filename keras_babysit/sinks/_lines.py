"""Lines of text for the terminal, shared by `Console` and `Report`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import rich.console
from rich.text import Text

from keras_babysit.findings import Finding, Severity
from keras_babysit.presentation.wording import name, one_line

STYLES = {Severity.NOTE: "cyan", Severity.WARNING: "yellow", Severity.ERROR: "red"}

MIN_WIDTH = 10
"""Columns that are left for the text of a line, however narrow the terminal is."""


MAX_NAMES = 4
"""Layers or conditions of one line that are listed by name."""


def message(findings: Sequence[Finding]) -> str:
    """Return the message of the first finding, and where else the same was found.

    Example:
        >>> found = [Finding("dead_units", Severity.NOTE, one, f"{one} is dead.") for one in "abc"]
        >>> message(found)
        'a is dead. Also in "b", "c".'
    """
    others = list(dict.fromkeys(one.target for one in findings if one.is_open))
    others = [one for one in others if one != findings[0].target]
    text = one_line(findings[0].message)
    if not others:
        return text
    more = f", and {len(others) - MAX_NAMES} more" if len(others) > MAX_NAMES else ""
    names = ", ".join(f'"{name(one, 30)}"' for one in others[:MAX_NAMES])
    return f"{text} Also in {names}{more}."


def in_text(title: str) -> str:
    """Return a title as it stands inside a sentence.

    Example:
        >>> in_text("Dead units"), in_text("NaN in the data")
        ('dead units', 'NaN in the data')
    """
    return title if title[1:2].isupper() or title[2:3].isupper() else title[:1].lower() + title[1:]


def wrapped(
    text: Text, console: rich.console.Console, width: int, *, indent: int, hang: int
) -> Iterator[Text]:
    """Yield `text` in lines of at most `width` columns.

    Args:
        text: One paragraph.
        console: Where it will be printed.
        width: Columns there are.
        indent: Columns before the first line.
        hang: Columns before the lines after it.
    """
    lines = text.wrap(console, max(MIN_WIDTH, width - max(indent, hang)))
    for number, line in enumerate(lines):
        line.rstrip()
        yield Text(" " * (hang if number else indent)).append_text(line) if line else line
