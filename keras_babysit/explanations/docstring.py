"""The parts of a docstring."""

from __future__ import annotations

import inspect
import re

HEADINGS = ("Args", "Returns", "Raises", "Example", "Reference")


def parts(text: str) -> tuple[str, dict[str, str]]:
    r"""Return what a docstring says before its first part, and the parts by their heading.

    Example:
        >>> parts("Report a thing.\n\nReference:\n    A paper.")
        ('Report a thing.', {'Reference': 'A paper.'})
    """
    pieces = re.split(rf"^({'|'.join(HEADINGS)}):\n", text, flags=re.MULTILINE)
    headings, bodies = pieces[1::2], pieces[2::2]
    return pieces[0].strip(), dict(zip(headings, map(inspect.cleandoc, bodies), strict=True))


def thresholds(args: str) -> list[tuple[str, str]]:
    """Return the arguments of a rule and what they mean, without the history."""
    items = re.split(r"^(\w+): ", args, flags=re.MULTILINE)[1:]
    named = zip(items[::2], items[1::2], strict=True)
    return [(name, prose(text)) for name, text in named if name not in ("history", "case")]


def prose(text: str) -> str:
    """Return a text in one line."""
    return " ".join(text.split())
