"""The notebooks of the gallery."""

import re

import keras
import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed")

import nbformat
from nbformat import NotebookNode

from tools.site import notebooks

SOURCES = {path.stem: path for path in notebooks.sources()}
ON_TENSORFLOW = {"gan"}
"""Notebooks whose training step is written for TensorFlow."""


@pytest.mark.parametrize("name", SOURCES)
def test_a_notebook_has_a_title_and_shows_how_to_load_real_data(name):
    made = notebooks.notebook(SOURCES[name])
    text = "\n".join(cell.source for cell in made.cells)
    assert made.cells[0].cell_type == "markdown"
    assert made.cells[0].source.startswith("# ")
    assert "import keras_babysit as kb" in text
    assert re.search(r"keras\.(datasets|applications|utils)\.\w+", text)


def test_the_gallery_lists_every_notebook():
    page = (notebooks.GALLERY / "index.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\((\w+)\.ipynb\)", page)) == set(SOURCES)


def test_the_badge_follows_from_the_address_in_setup_cfg(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    assert notebooks.colab_badge("nan") == ""
    (tmp_path / "setup.cfg").write_text("[metadata]\nurl = https://github.com/someone/something/\n")
    there = "github/someone/something/blob/gh-pages/gallery/nan.ipynb"
    assert there in notebooks.colab_badge("nan")


def test_each_page_links_to_its_notebook_which_is_a_file_of_the_site(tmp_path):
    notebooks.write(tmp_path, execute=False)
    for name in SOURCES:
        link = f'<a href="{name}.ipynb" download>'
        page = nbformat.read(tmp_path / f"{name}.ipynb", as_version=4)
        file = nbformat.read(tmp_path / notebooks.FILES / f"{name}.ipynb", as_version=4)
        nbformat.validate(page)
        assert [link in cell.source for cell in page.cells[:2]] == [False, True]
        assert not any(link in cell.source for cell in file.cells)


def stderr(text):
    return NotebookNode(output_type="stream", name="stderr", text=text)


def test_what_tensorflow_logs_when_it_is_loaded_is_left_out_and_nothing_else():
    start = "WARNING: All log messages before absl::InitializeLog() is called are ...\n"
    found = "I0000 00:00:1796048917.330014    9109 port.cc:153] oneDNN custom operations are on.\n"
    assert notebooks.is_chatter(stderr(start + found))
    assert not notebooks.is_chatter(stderr(start + "KerasBabysitWarning: the sink is off\n"))
    assert not notebooks.is_chatter(stderr("") | {"name": "stdout", "text": found})


def executed(name, folder, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", keras.backend.backend())
    made = notebooks.executed(SOURCES[name], folder)
    return [
        output.get("text") or output.get("data", {}).get("text/html", "")
        for cell in made.cells
        for output in cell.get("outputs", ())
    ]


def test_the_quickstart_runs(tmp_path, monkeypatch):
    shown = "".join(executed("quickstart", tmp_path, monkeypatch))
    assert "dead_units" in shown
    assert "Do this first:" in shown
    before, after = re.findall(r"(?:before|after )\s+([\d.]+)", shown)[-2:]
    assert float(after) > 0.8 > float(before)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(SOURCES) - {"quickstart"}))
def test_a_notebook_runs(name, tmp_path, monkeypatch):
    if name in ON_TENSORFLOW and keras.backend.backend() != "tensorflow":
        pytest.skip("its training step is written for TensorFlow")
    assert executed(name, tmp_path, monkeypatch)
