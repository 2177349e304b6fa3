"""Lines of text for the terminal, shared by `Console` and `Report`."""

from __future__ import annotations

from collections.abc import Iterator

import rich.console
from rich.text import Text

from keras_babysit.findings import Severity

STYLES = {Severity.NOTE: "cyan", Severity.WARNING: "yellow", Severity.ERROR: "red"}

MIN_WIDTH = 10
"""Columns that are left for the text of a line, however narrow the terminal is."""


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
