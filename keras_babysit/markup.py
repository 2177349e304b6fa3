"""HTML fragments for notebooks, in colours that fit a light and a dark theme.

Every text is escaped. A fragment has no background of its own: it stands on that of the notebook,
white or one of the dark ones (#111 in JupyterLab, #383838 in Colab, #1f1f1f in VS Code). The
colours have a contrast of at least 4.5:1 there, as a test computes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

LIGHT = {
    "ink": "#1a1e26",
    "mute": "#565e6c",
    "error": "#b3340a",
    "warning": "#7d5300",
    "note": "#0b5f9c",
    "well": "#0b6b4f",
    "code": "#1d4f91",
}
DARK = {
    "ink": "#f1f3f6",
    "mute": "#b9c1cd",
    "error": "#ffa98a",
    "warning": "#f5c860",
    "note": "#8fcbf8",
    "well": "#6fdcb8",
    "code": "#a9cbff",
}
"""Colours of text by the kind of theme."""

DARK_THEMES = (
    'body[data-jp-theme-light="false"]',  # JupyterLab and Notebook 7
    'html[theme="dark"]',  # Colab
    'html[data-theme="dark"]',
    "body.vscode-dark",
    "body.vscode-high-contrast",
    "body.theme-dark",  # Kaggle
)
"""What is above a cell in a dark theme."""

SIGNS = {"error": "\u25c6", "warning": "\u25b2", "note": "\u25cf", "well": "\u2713"}
"""Severities differ in shape as well as in colour."""

SPARK_WIDTH, SPARK_HEIGHT = 240, 36


def fragment(*parts: str) -> str:
    """Return parts as one fragment with its style."""
    return f'<div class="kb-card">{_style()}{"".join(parts)}</div>'


def heading(title: str, severity: str = "", aside: str = "") -> str:
    """Return a heading with the sign of a severity, and a quieter text behind it.

    Example:
        >>> heading("Dead units", "error")
        '<p class="kb-head"><b class="kb-error">◆ error</b> <b>Dead units</b></p>'
    """
    sign = f'<b class="kb-{severity}">{SIGNS[severity]} {severity}</b> ' if severity else ""
    sign = sign.replace(" well<", "<")
    rest = f' <span class="kb-mute">{escape(aside)}</span>' if aside else ""
    return f'<p class="kb-head">{sign}<b>{escape(title)}</b>{rest}</p>'


def paragraph(text: str, *, lead: str = "", is_mute: bool = False) -> str:
    """Return a paragraph, with its first words in bold if they are given as `lead`."""
    start = f"<b>{escape(lead)}</b> " if lead else ""
    return f"<p{' class=kb-mute' if is_mute else ''}>{start}{escape(text)}</p>"


def code(text: str) -> str:
    """Return a block of code; empty without code."""
    return f"<pre>{escape(text)}</pre>" if text.strip() else ""


def link(text: str, address: str) -> str:
    """Return a paragraph that links to an address."""
    there = escape(address, quote=True)
    return f'<p class=kb-mute><a href="{there}" target="_blank">{escape(text)}</a></p>'


def escaped(text: str) -> str:
    """Return a text that may stand inside of a fragment."""
    return escape(text)


def items(texts: Iterable[str]) -> str:
    """Return a list of fragments that are escaped already."""
    return f"<ul>{''.join(f'<li>{text}</li>' for text in texts)}</ul>"


def fold(title: str, *content: str) -> str:
    """Return content that a click unfolds; empty without content."""
    inside = "".join(content)
    return f"<details><summary>{escape(title)}</summary>{inside}</details>" if inside else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of texts."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def sparkline(values: Sequence[float], words: str) -> str:
    """Return a small line chart; values that are not finite leave gaps.

    Args:
        values: The values, at equal distances.
        words: What it shows, for readers who cannot see it.
    """
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < 2:
        return ""
    low, high = min(finite), max(finite)
    is_log = low > 0 and high / low > 30
    bend = math.log10 if is_log else float
    span = bend(high) - bend(low) or 1.0
    path, is_down = "", False
    for number, value in enumerate(values):
        if not math.isfinite(value):
            is_down = False
            continue
        x = 2 + number * (SPARK_WIDTH - 4) / (len(values) - 1)
        y = SPARK_HEIGHT - 3 - (bend(value) - bend(low)) / span * (SPARK_HEIGHT - 6)
        path += f"{'L' if is_down else 'M'}{x:.1f} {y:.1f}"
        is_down = True
    return (
        f'<svg width="{SPARK_WIDTH}" height="{SPARK_HEIGHT}" role="img" '
        f'aria-label="{escape(words, quote=True)}"><path d="{path}" fill="none" '
        'stroke="currentColor" stroke-width="1.5"/></svg>'
    )


def _style() -> str:
    dark = ",".join(f"{theme} .kb-card" for theme in DARK_THEMES)
    return (
        f"<style>.kb-card{{{_variables(LIGHT)}}}{dark}{{{_variables(DARK)}}}"
        ".kb-card{color:var(--kb-ink);font-size:13px;line-height:1.5;max-width:920px}"
        ".kb-card p{margin:2px 0}.kb-card .kb-head{font-size:15px}"
        ".kb-card .kb-mute,.kb-card summary{color:var(--kb-mute)}"
        ".kb-card summary{cursor:pointer}.kb-card ul{margin:2px 0;padding-left:20px}"
        + "".join(f".kb-card .kb-{kind}{{color:var(--kb-{kind})}}" for kind in SIGNS)
        + ".kb-card pre{margin:3px 0 6px;padding:6px 10px;border:1px solid var(--kb-mute);"
        "border-radius:5px;background:none;color:var(--kb-code);overflow-x:auto;white-space:pre}"
        ".kb-card table{border-collapse:collapse;color:inherit;margin:4px 0}"
        # Repeated, so that it precedes the notebook's own rules for tables.
        ".kb-card.kb-card.kb-card th,.kb-card.kb-card.kb-card td{text-align:left;"
        "vertical-align:top;padding:2px 14px 2px 0;background:none;color:inherit;border:0}"
        ".kb-card.kb-card.kb-card th{color:var(--kb-mute);font-weight:400}"
        ".kb-card tr{background:none!important}.kb-card svg{color:var(--kb-note);display:block}"
        "</style>"
    )


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--kb-{kind}:{colour};" for kind, colour in colours.items())
