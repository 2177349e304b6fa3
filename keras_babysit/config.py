"""Settings of the package that hold for a whole process.

`doc_url`: address of the built documentation, to which findings link. Its initial value is that of
the environment variable `KERAS_BABYSIT_DOC_URL`.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from keras_babysit.errors import KerasBabysitWarning

ENVIRONMENT = "KERAS_BABYSIT_DOC_URL"
"""Environment variable with the address of the documentation."""

SCHEMES = ("https://", "http://", "file://")
"""What an address begins with."""


def doc_url() -> str:
    """Return the address of the documentation without a `/` at its end; empty if none is set."""
    return _SETTINGS["doc_url"]


def set_doc_url(url: str | None) -> None:
    """Set the address of the documentation that panels, cards and reports link to.

    Args:
        url: Address of the folder that holds `index.html`, such as `"https://docs.example.org"`
            or `Path("build/docs").resolve().as_uri()`; None for none. Without an address, findings
            name `kb.explain` instead.

    Raises:
        ValueError: If it does not begin with `https://`, `http://` or `file://`.

    Example:
        >>> set_doc_url("https://docs.example.org/")
        >>> doc_url(), page_url("dead_units")
        ('https://docs.example.org', 'https://docs.example.org/findings/dead_units.html')
        >>> set_doc_url(None)
        >>> page_url("dead_units")
        ''
    """
    _SETTINGS["doc_url"] = _checked(url or "", "Argument `url`")


def page_url(name: str) -> str:
    """Return the address of the page on a condition of this package; empty without `doc_url`."""
    return f"{doc_url()}/findings/{name}.html" if doc_url() else ""


def local_docs() -> Path | None:
    """Return the folder into which `make docs` has built the documentation; None without one."""
    folder = Path(__file__).parents[1] / "build" / "docs"
    return folder if (folder / "index.html").is_file() else None


def _checked(url: str, what: str) -> str:
    if url and not url.startswith(SCHEMES):
        raise ValueError(
            f"{what} must begin with {', '.join(SCHEMES[:-1])} or {SCHEMES[-1]}. Received: {url!r}"
        )
    return url.rstrip("/")


def _from_environment() -> str:
    try:
        return _checked(os.environ.get(ENVIRONMENT, ""), f"The variable {ENVIRONMENT}")
    except ValueError as error:
        warnings.warn(f"{error} It is not used.", KerasBabysitWarning, stacklevel=2)
        return ""


_SETTINGS = {"doc_url": _from_environment()}
