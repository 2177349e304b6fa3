"""The files of the package agree with each other."""

import re
from pathlib import Path

import keras_babysit as kb

ROOT = Path(__file__).parents[1]


def test_every_file_that_states_the_version_states_the_same():
    citation = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.M)
    recipe = re.search(r'set version = "(.+)"', (ROOT / "conda/meta.yaml").read_text())
    assert {citation[1], recipe[1]} == {kb.__version__}


def test_the_conda_recipe_has_the_requirements_of_the_package():
    setup = (ROOT / "setup.cfg").read_text()
    required = setup.split("install_requires =")[1].split("\n\n")[0].split()
    recipe = (ROOT / "conda/meta.yaml").read_text()
    run = recipe.split("  run:\n")[1].split("    #")[0]
    listed = {line.strip(" -").replace(" ", "") for line in run.splitlines() if line.strip()}
    assert listed == {"python>=3.11", *required}


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "keras_babysit" / "py.typed").exists()
