"""The examples in docstrings and docs/*.md run unchanged."""

import doctest
import importlib
import pathlib
import pkgutil
import re

import keras
import numpy as np
import pytest
from keras import ops

import keras_babysit.activations
import keras_babysit.initializers
import keras_babysit.layers

PACKAGES = (keras_babysit.activations, keras_babysit.initializers, keras_babysit.layers)
MODULES = [
    f"{package.__name__}.{module.name}"
    for package in PACKAGES
    for module in pkgutil.iter_modules(package.__path__)
]
DOCS = pathlib.Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    module = importlib.import_module(name)
    known = {"keras": keras, "np": np, "ops": ops}
    assert doctest.testmod(module, extraglobs=known).failed == 0


@pytest.mark.parametrize("page", ["initializers.md", "layers.md"])
def test_documentation_examples(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), flags=re.DOTALL)
    assert blocks
    exec("\n".join(blocks), {})


@pytest.mark.parametrize("page", ["initializers.md", "layers.md"])
def test_documentation_pictures_exist(page):
    pictures = re.findall(r"\]\((images/[^)]+)\)", (DOCS / page).read_text())
    assert pictures
    assert all((DOCS / picture).is_file() for picture in pictures)
