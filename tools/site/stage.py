"""Copies the pages of `docs/` for Sphinx, and adapts links that hold in the repository only."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from keras_babysit import markup
from keras_babysit.findings import CONDITIONS
from tools.site.paths import DOCS, ROOT

LEFT_OUT = ("rules.md", "messages.md")
"""Pages for readers of the repository; the site has a page per finding instead."""

RENAMED = {"search": "hyperparameter-search"}
"""Pages whose name Sphinx takes for itself."""

FROM_ROOT = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Files of the repository that are pages of the site."""


def write(folder: Path) -> None:
    """Write what Sphinx reads into a folder, except for the generated pages."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DOCS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in LEFT_OUT:
        (folder / name).unlink()
    for name, other in RENAMED.items():
        (folder / f"{name}.md").rename(folder / f"{other}.md")
    for name, page in FROM_ROOT.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        (folder / page).write_text(text.replace("](docs/", "]("), encoding="utf-8")
    for page in folder.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        there = "../" * (len(page.relative_to(folder).parts) - 1)
        page.write_text(adapted(text, there), encoding="utf-8")
    (folder / "_static" / "card.css").write_text(card_style(), encoding="utf-8")
    (folder / "examples").mkdir()
    scripts = sorted((ROOT / "examples").glob("*.py"))
    for script in scripts:
        (folder / "examples" / f"{script.stem}.md").write_text(_example(script), encoding="utf-8")
    (folder / "examples" / "index.md").write_text(_examples(scripts), encoding="utf-8")


def adapted(text: str, there: str = "") -> str:
    """Return a page whose links hold on the site.

    Args:
        text: The page as it is in `docs/`.
        there: How to get from its folder to that of the start page, such as `"../"`.

    Example:
        >>> adapted("[rules](rules.md), [dead](rules.md#dead-units)")
        '[rules](findings/index.md), [dead](findings/dead_units.md)'
    """
    for one in CONDITIONS:
        anchor = re.sub(r"[^\w -]", "", one.title.lower()).replace(" ", "-")
        text = text.replace(f"rules.md#{anchor})", f"findings/{one.name}.md)")
    for name in LEFT_OUT:
        text = text.replace(f"({there}{name})", f"({there}findings/index.md)")
    for name, other in RENAMED.items():
        # A page in a folder may have a neighbour of that name.
        text = text.replace(f"({there}{name}.md", f"({there}{other}.md")
        if not there:
            text = re.sub(rf"^{name}$", other, text, flags=re.MULTILINE)  # in a list of pages
    text = text.replace("(../CONTRIBUTING.md)", "(contributing.md)")
    pattern = r"(?<![\[/\w])`(?:python )?(examples/(\w+)\.py)`"
    return re.sub(pattern, rf"[`\1`]({there}examples/\2.md)", text)


def _example(script: Path) -> str:
    code = script.read_text(encoding="utf-8")
    return (
        f"# `{script.name}`\n\n{_summary(script)} `python examples/{script.name}` runs it.\n\n"
        f"```python\n{code}```\n"
    )


def _examples(scripts: list[Path]) -> str:
    """Return the page that lists the scripts."""
    rows = "".join(f"| [`{one.name}`]({one.stem}.md) | {_summary(one)} |\n" for one in scripts)
    pages = "\n".join(one.stem for one in scripts)
    return (
        "# Scripts\n\nIn `examples/` of a clone, each to be run as it is.\n\n"
        f"| script | shows |\n|---|---|\n{rows}\n"
        f"```{{toctree}}\n:hidden:\n\n{pages}\n```\n"
    )


def _summary(script: Path) -> str:
    text = script.read_text(encoding="utf-8").split('"""')[1]
    return text.strip().split("\n\n")[0].replace("\n", " ")


def card_style() -> str:
    """Return the colours of cards for the site's light and dark theme."""
    dark = _variables(markup.DARK)
    return (
        f'body[data-theme="dark"] .kb-card{{{dark}}}'
        '@media(prefers-color-scheme:dark){body:not([data-theme="light"]) .kb-card'
        f"{{{dark}}}}}\n"
    )


def _variables(colours: dict[str, str]) -> str:
    # Twice as specific as the colours that a card brings along.
    return "".join(f"--kb-{kind}:{colour}!important;" for kind, colour in colours.items())
