"""Draws the pictures of the examples into docs/images: `make pictures`.

Each picture carries a checksum of the code that draws it, without comments and docstrings, so that
a test finds a stale one without drawing it.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import io
import runpy
import sys
import tempfile
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
KEY = "drawn-by"

DRAWN_BY = {
    "lesson": (
        "linear_stack.png",
        "one_signed_gradients.png",
        "batch_normalization.png",
        "grid_and_random.png",
        "fits.png",
        "validation_curve.png",
    ),
    "initialization": (
        "initialization_depth.png",
        "initialization_tanh.png",
        "initialization_relu.png",
        "initialization_maxout.png",
    ),
    "preprocessing": ("preprocessing.png", "whitened_digits.png"),
    "learning_rates": ("learning_rates.png", "lr_range_test.png"),
    "activations": ("activations.png",),
    "sanity_checks": ("initial_signal.png",),
    "search": ("search.png",),
    "remedies": ("remedies.png",),
}
"""Pictures by the example that draws them."""

TABLES = {"initialization": ROOT / "docs" / "initializers.md"}
"""Pages that show the table that an example prints, so that it is that of the pictures."""

ARGUMENTS = {
    "initialization": ("--folder",),
    "search": ("--workers", "1", "--out"),
    "remedies": ("--out",),
}
"""Arguments of an example before the folder of its pictures; `--save` by default."""


def checksum(source: str) -> str:
    """Return a checksum of Python code that comments, docstrings and layout do not change.

    Example:
        >>> checksum("x = 1  # one") == checksum("x  =  1"), checksum("x = 1") == checksum("x = 2")
        (True, False)
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                del body[0]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:16]


def drawn_by(picture: Path) -> str:
    """Return the example that a picture was drawn by and the checksum of its code, or `""`."""
    with Image.open(picture) as image:
        return str(image.info.get(KEY, ""))


def expected(example: str) -> str:
    """Return what the pictures of an example must carry."""
    code = (ROOT / "examples" / f"{example}.py").read_text(encoding="utf-8")
    return f"examples/{example}.py {checksum(code)}"


def draw(example: str) -> None:
    """Run an example, and write its pictures with their checksum."""
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(printed):
        sys.argv = [f"{example}.py", *ARGUMENTS.get(example, ("--save",)), folder]
        runpy.run_path(str(ROOT / "examples" / f"{example}.py"), run_name="__main__")
        for name in DRAWN_BY[example]:
            image = Image.open(Path(folder) / name).convert("RGB").quantize(128)
            info = PngInfo()
            info.add_text(KEY, expected(example))
            image.save(IMAGES / name, optimize=True, pnginfo=info)
    if example in TABLES:
        rows = [line for line in printed.getvalue().splitlines() if line.startswith("|")]
        insert(TABLES[example], example, "\n".join(rows))


def insert(page: Path, mark: str, text: str) -> None:
    """Write a table between its marks in a page."""
    begin, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
    before, rest = page.read_text(encoding="utf-8").split(begin)
    page.write_text(f"{before}{begin}{text}\n{end}{rest.split(end)[1]}", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("examples", nargs="*", help=f"of {', '.join(DRAWN_BY)}; all by default")
    for one in parser.parse_args().examples or DRAWN_BY:
        draw(one)
