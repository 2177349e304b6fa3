"""Where the documentation is written and built."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BUILD = ROOT / "build"
SOURCE = BUILD / "docs-source"
"""What Sphinx reads: the pages of `docs/` and those that are generated."""

SITE = BUILD / "docs"
"""The site; `index.html` opens without a server."""
