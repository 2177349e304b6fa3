"""An explanation as lines of text for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from keras_babysit.config import local_docs, page_url
from keras_babysit.explanations.explanation import Explanation
from keras_babysit.findings import CONDITIONS

SAID = {"no difference": "unchanged", "harms": "harmed"}
"""Effects of a remedy on a program, where they are called otherwise in a sentence."""

MAX_MESSAGES, MAX_REMEDIES, MAX_NAMES = 3, 6, 8


def text(shown: Explanation, width: int = 80) -> str:
    """Return an explanation as text.

    Args:
        shown: The explanation.
        width: Columns of a line; code is not wrapped.
    """
    return "\n".join(_lines(shown, width))


def _lines(shown: Explanation, width: int) -> Iterator[str]:
    yield shown.title
    yield f"{shown.name}, usually {_article(shown.severity)}"
    yield ""
    yield from _wrapped(shown.summary, width)
    for paragraph in filter(None, shown.about.split("\n\n")):
        yield ""
        if paragraph.startswith("- "):
            yield from _items(paragraph.removeprefix("- ").split("\n- "), width)
        else:
            yield from _wrapped(paragraph, width)
    yield from _part("For example", _messages(shown, width))
    yield from _part("What to do", _remedies(shown, width))
    yield from _part("Measured", _efficacy(shown, width))
    yield from _part("Thresholds", _items([f"{k}: {v}" for k, v in shown.thresholds], width))
    yield from _part("Silent", _items(shown.silent, width))
    yield from _part("Needs", _items(shown.needs, width))
    yield from _part("May follow from", _names(shown.causes, width))
    yield from _part("May lead to", _names(shown.effects, width))
    yield from _part("Source", _wrapped(shown.reference, width, "  ") if shown.reference else [])
    yield from _part("To silence it", [f"  {shown.silence}"] if shown.silence else [])
    page = _page(shown.name)
    yield from _part("Page", [f"  {page}"] if page else [])


def _article(severity: str) -> str:
    return f"an {severity}" if severity == "ERROR" else f"a {severity}"


def _part(heading: str, lines: Iterator[str] | list[str]) -> Iterator[str]:
    content = list(lines)
    if content:
        yield ""
        yield f"{heading}:"
        yield from content


def _messages(shown: Explanation, width: int) -> Iterator[str]:
    for one in shown.messages[:MAX_MESSAGES]:
        yield from _wrapped(one, width, "  ")


def _remedies(shown: Explanation, width: int) -> Iterator[str]:
    for number, (sentence, code) in enumerate(shown.remedies[:MAX_REMEDIES], 1):
        yield from _wrapped(f"{number}. {sentence}", width, "  ", "     ")
        yield from (f"     {line}" for line in code.splitlines())


def _efficacy(shown: Explanation, width: int) -> list[str]:
    if not shown.efficacy:
        return []
    count = sum(number for _, number in shown.efficacy)
    effects = ", ".join(f"{number} {SAID.get(effect, effect)}" for effect, number in shown.efficacy)
    programs = f"{count} faulty program{'s' * (count > 1)}"
    return _wrapped(f"The first remedy, carried out on {programs}: {effects}.", width, "  ")


def _items(texts: tuple[str, ...] | list[str], width: int) -> Iterator[str]:
    for one in texts:
        yield from _wrapped(f"- {one}", width, "  ", "    ")


def _names(names: tuple[str, ...], width: int) -> list[str]:
    titles = [CONDITIONS[name].title for name in names[:MAX_NAMES]]
    more = f", and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return _wrapped(", ".join(titles) + more, width, "  ") if titles else []


def _page(name: str) -> str:
    if not CONDITIONS[name].has_page:
        return ""
    folder = local_docs()
    local = (folder / "findings" / f"{name}.html").as_uri() if folder else ""
    return page_url(name) or local


def _wrapped(text: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    return textwrap.wrap(
        " ".join(text.split()),
        width,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
