"""Formats numbers, names and texts for the terminal, TensorBoard, the report and the dashboard.

Names, messages and evidence are untrusted data: whatever a layer is called, its name takes one line
and contains no control characters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from keras_babysit.findings import Finding, Severity
from keras_babysit.history import Overhead, to_jsonable

MAX_NAMES = 4
"""Layers of one message that are listed by name."""

_ASCII_SIGNS = str.maketrans(
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


def ascii_signs(text: str) -> str:
    """Return `text` with the signs that we use replaced by ASCII; other characters stay.

    Example:
        >>> ascii_signs("0.4 ± 0.1 → 0.3 ≤ é")
        '0.4 +/- 0.1 -> 0.3 <= é'
    """
    return text.translate(_ASCII_SIGNS)


def one_line(text: Any, limit: int = 400) -> str:
    """Return `text` on one line, truncated to `limit` characters.

    Unprintable characters, such as escape sequences, are replaced by their escape codes.
    """
    shown = _printable(text, 10 * limit)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def name(target: str, limit: int = 60) -> str:
    """Return the target of a finding as text; a long path is shortened in the middle."""
    text = _printable(target, 100_000) or "the model"
    if len(text) <= limit:
        return text
    tail = (limit - 1) // 2
    return text[: limit - 1 - tail] + "…" + text[len(text) - tail :]


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
    if (tried := findings[0].tried) is not None:
        text += f" {one_line(tried.text)}"
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


def code_lines(code: str) -> list[str]:
    """Return the lines of a code snippet, with unprintable characters escaped."""
    return [_escaped(line.expandtabs(4).rstrip()) for line in code.strip("\n").split("\n")]


def _printable(text: Any, limit: int) -> str:
    return _escaped(" ".join(str(text)[:limit].split()))


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def number(value: Any) -> str:
    """Return a value with three significant digits; whole numbers keep all digits.

    Example:
        >>> number(0.8125), number(20480), number(0.00012345), number(float("nan"))
        ('0.812', '20,480', '0.000123', 'nan')
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:,.0f}" if value.is_integer() and abs(value) < 1e6 else f"{value:.3g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if abs(value) < 10**12 else f"{value:.3g}"
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        shown = ", ".join(number(entry) for entry in value[:6])
        return f"[{shown}{', …' if len(value) > 6 else ''}]"
    return one_line(value, 60)


def with_margin(value: float, margin: float) -> str:
    """Return a value and its margin, rounded to two significant digits of the margin.

    Example:
        >>> with_margin(2.30291, 0.00101), with_margin(0.4, 0.0)
        ('2.3029 ± 0.0010', '0.4')
    """
    if not margin:
        return number(value)
    decimals = 1 - math.floor(math.log10(margin)) if math.isfinite(margin) else 0
    if not 0 < decimals < 8 or not math.isfinite(value):
        return f"{number(value)} ± {number(margin)}"
    return f"{value:,.{decimals}f} ± {margin:.{decimals}f}"


def evidence(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the evidence of a finding as pairs of name and number."""
    return [(one_line(key, 40), number(value)) for key, value in facts.items()]


def common_evidence(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Return the common evidence of findings of one rule, as ranges where numbers differ."""
    found: dict[str, list[Any]] = {}
    for one in findings:
        for key, value in one.evidence.items():
            found.setdefault(key, []).append(value)
    ranges = []
    for key, values in found.items():
        shown = list(dict.fromkeys(number(value) for value in values))
        numbers = [value for value in values if isinstance(value, int | float)]
        if len(shown) > 1 and len(numbers) == len(values):
            shown = [f"{number(min(numbers))} to {number(max(numbers))}"]
        if len(shown) == 1:
            ranges.append((one_line(key, 40), shown[0]))
    return ranges


def moment(step: int, epoch: int) -> str:
    """Return step and epoch as text; epochs count from 1, as in Keras' progress bar."""
    return f"step {step:,}, epoch {epoch + 1:,}"


def counted(findings: Iterable[Finding]) -> str:
    """Return the number of findings per severity as text, e.g. `"1 error, 2 warnings"`."""
    severities = [one.severity for one in findings]
    counts = [(level, severities.count(level)) for level in sorted(Severity, reverse=True)]
    return ", ".join(
        f"{count} {level.name.lower()}{'s' if count > 1 else ''}"
        for level, count in counts
        if count
    )


def cost(overhead: Overhead | None) -> dict[str, Any] | None:
    """Return the time that monitoring took as a JSON object; None if unknown."""
    if overhead is None:
        return None
    record: dict[str, Any] = to_jsonable(asdict(overhead) | {"fraction": overhead.fraction})
    return record
