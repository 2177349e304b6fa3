"""Checks the links of a built site: every file and every anchor must exist, nothing is loaded."""

from __future__ import annotations

from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {key: value or "" for key, value in attrs}
        self.ids |= {known[key] for key in ("id", "name") if key in known}
        if tag == "a" and "href" in known:
            self.links.append(known["href"])
        if tag in ("img", "script", "iframe") and "src" in known:
            self.loaded.append(known["src"])
        if tag == "link" and known.get("rel") in ("stylesheet", "icon", "shortcut icon"):
            self.loaded.append(known.get("href", ""))


@cache
def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def broken(site: Path) -> list[str]:
    """Return one line per link to a missing file or anchor, and per file that another site serves.

    Args:
        site: Folder with the built pages.
    """
    found = []
    for path in sorted(site.rglob("*.html")):
        page = _read(path)
        where = path.relative_to(site)
        found += [
            f"{where} loads {one}"
            for one in page.loaded
            if urlsplit(one).scheme not in ("", "data")
        ]
        local = [one for one in page.links + page.loaded if not urlsplit(one).scheme]
        found += [f"{where}: no {one}" for one in dict.fromkeys(local) if not _exists(path, one)]
    return found


def _exists(path: Path, link: str) -> bool:
    parts = urlsplit(link)
    there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not there.is_file():
        return False
    is_page = there.suffix == ".html" and parts.fragment
    return not is_page or unquote(parts.fragment) in _read(there).ids
