"""Makes notebooks of the scripts in `docs/gallery/`, and executes them."""

from __future__ import annotations

import configparser
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupytext
from nbclient import NotebookClient
from nbformat import NotebookNode, v4
from nbformat import write as write_notebook

from tools.site.paths import DOCS, ROOT

GALLERY = DOCS / "gallery"
SECONDS = 600
"""Time limit of one cell."""

CHATTER = re.compile(
    r"WARNING: All log messages before absl|[IWE]\d{4} \d\d:|\d{4}-\d\d-\d\d \d\d:.*: [IWE] "
)
"""What TensorFlow logs when it is loaded: which processor it found."""

FILES = "files"
"""Folder of the notebooks that are part of the site as files."""

BRANCH = "gh-pages"
"""Branch of the repository that holds the built site, and with it the notebooks."""


def sources() -> list[Path]:
    """Return the scripts of the gallery."""
    return sorted(GALLERY.glob("*.py"))


def notebook(source: Path) -> NotebookNode:
    """Return a script as a notebook, not executed.

    Args:
        source: A script in jupytext's percent format.
    """
    made = jupytext.read(source, fmt="py:percent")
    made.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    badge = colab_badge(source.stem)
    if badge:
        made.cells.insert(1, v4.new_markdown_cell(badge))
    for number, cell in enumerate(made.cells):
        cell["id"] = f"cell-{number}"
    return made


def executed(source: Path, folder: Path) -> NotebookNode:
    """Return a script as a notebook that was executed in a folder.

    Args:
        source: A script in jupytext's percent format.
        folder: Where it runs; what it writes stays there.

    Raises:
        CellExecutionError: If a cell fails.
    """
    made = notebook(source)
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}
    client = NotebookClient(
        made, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env=environment)
    for cell in made.cells:
        if "outputs" in cell:
            cell["outputs"] = [one for one in cell["outputs"] if not is_chatter(one)]
    return made


def is_chatter(output: NotebookNode) -> bool:
    """Return whether an output is nothing but what TensorFlow logs when it is loaded."""
    lines = output.get("text", "").splitlines() if output.get("name") == "stderr" else []
    return bool(lines) and all(CHATTER.match(line) for line in lines)


def write(folder: Path, *, execute: bool = True, jobs: int = 1) -> None:
    """Write all notebooks into a folder, and remove the scripts there.

    Sphinx makes pages of those in `folder`, which link to those in `folder / FILES`.

    Args:
        folder: Folder of the gallery in the staged pages.
        execute: Whether to execute them, each in a folder of its own.
        jobs: Number of notebooks that are executed at the same time, at 1 GB each.
    """

    def make(source: Path) -> None:
        work = folder / "work" / source.stem
        work.mkdir(parents=True, exist_ok=True)
        made = executed(source, work) if execute else notebook(source)
        (folder / FILES).mkdir(exist_ok=True)
        write_notebook(made, folder / FILES / f"{source.stem}.ipynb")
        link = f'<a href="{source.stem}.ipynb" download>Download this notebook</a>'
        made.cells.insert(1, v4.new_markdown_cell(link, id="download"))
        write_notebook(made, folder / f"{source.stem}.ipynb")
        (folder / source.name).unlink(missing_ok=True)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(make, sources()))


def colab_badge(name: str) -> str:
    """Return a badge that opens a notebook in Colab; empty while no address of a repository is set.

    The address is `url` in `[metadata]` of setup.cfg.
    """
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    url = settings.get("metadata", "url", fallback="").rstrip("/")
    if not url.startswith("https://github.com/"):
        return ""
    project = url.removeprefix("https://github.com/")
    there = f"https://colab.research.google.com/github/{project}/blob/{BRANCH}/gallery/{name}.ipynb"
    return f"[Open in Colab]({there}) · there, run `%pip install keras-babysit` first."
