"""Where there is more to read about a condition: a page of the documentation, or `kb.explain`."""

from __future__ import annotations

from keras_babysit.config import page_url
from keras_babysit.findings import CONDITIONS


def page_of(name: str) -> str:
    """Return the address of the page on a condition; empty if `doc_url` is not set, or without one.

    Example:
        >>> page_of("a_rule_of_mine")
        ''
    """
    return page_url(name) if CONDITIONS[name].has_page else ""


def explain_code(name: str) -> str:
    """Return the code that explains a condition; empty if there is nothing to print.

    Example:
        >>> import keras_babysit.rules
        >>> explain_code("dead_units"), explain_code("a_rule_of_mine")
        ('kb.explain("dead_units")', '')
    """
    return f'kb.explain("{name}")' if CONDITIONS[name].about else ""


def more(name: str) -> str:
    """Return where there is more to read about a condition, in one short line; may be empty."""
    return page_of(name) or explain_code(name)
