"""No picture of docs/images is older than the example that draws it."""

import pathlib
import re

import pytest

from tools.pictures import DRAWN_BY, IMAGES, checksum, drawn_by, expected

DOCS = IMAGES.parent
SCREENSHOTS = {"report.png", "dashboard.png"}
"""Pictures that `make screenshots` takes of the pages in a browser."""

DRAWN = [(example, name) for example, names in DRAWN_BY.items() for name in names]


@pytest.mark.parametrize(("example", "name"), DRAWN)
def test_a_picture_is_that_of_its_example(example, name):
    assert drawn_by(IMAGES / name) == expected(example), f"run `make pictures`: {name} is stale"


def test_every_picture_is_drawn_by_a_command():
    assert {path.name for path in IMAGES.iterdir()} == {name for _, name in DRAWN} | SCREENSHOTS


def test_a_checksum_is_that_of_the_code():
    code = '"""What it does."""\nx = 1  # one\n'
    assert checksum(code) == checksum("x = 1\n") != checksum("x = 2\n")


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda path: path.name)
def test_pictures_of_pages_exist(page):
    for link in re.findall(r"\]\(((?:\.\./)?images/[^)]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / pathlib.Path(link)).resolve().is_file(), link
