"""Every Python block of docs/ runs as it stands.

The blocks of a page run one after the other, in one namespace that has what the page speaks of: a
compiled `model`, data, and so on. Numbers that only make a run long are replaced by small ones.
"""

import logging
import pathlib
import re

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

import keras_babysit as kb
from keras_babysit import config, quantities

ROOT = pathlib.Path(__file__).parents[2]
ELSEWHERE = {
    "messages.md": "tests/rules/test_remedies_run.py runs the code of remedies",
    "extending.md": "tests/testing/test_extending_docs.py runs each block as a test file",
}
SLOW = {"remedies.md", "does-not-learn.md", "validation-worse.md"}
"""Pages whose blocks train for minutes."""

SHORTER = {
    "max_trials=36": "max_trials=3",
    "max_trials=12": "max_trials=3",
    "rounds=3": "rounds=1",
    "cv=3": "cv=2",
    "epochs=20": "epochs=1",
    "epochs=6": "epochs=1",
    'budget="5min"': 'budget="2s"',
}


def blocks(path):
    """Return the Python blocks of a page."""
    found = re.findall(r"^```python\n(.*?)^```", path.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [block for block in found if "%load_ext" not in block]


PAGES = [
    path
    for path in sorted((ROOT / "docs").rglob("*.md"))
    if path.name not in ELSEWHERE and blocks(path)
]
MARKED = [
    pytest.param(path, marks=[pytest.mark.slow] if path.name in SLOW else []) for path in PAGES
]


def compiled():
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(16, activation="relu", name="dense"),
            keras.layers.Dense(10, name="digits"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, metrics=["accuracy"])
    return model


def namespace():
    """Return what the blocks take for granted."""
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    model = compiled()
    return {
        "keras": keras,
        "np": np,
        "kb": kb,
        "model": model,
        "optimizer": model.optimizer,
        "x": x[:160],
        "y": y[:160],
        "x_val": x[160:240],
        "y_val": y[160:240],
        "batches": [(x[:32], y[:32]), (x[32:64], y[32:64])],
        "train_step": model.train_on_batch,
        "sitter": kb.Babysitter(verbose=0),
        "step": 0,
        "epoch": 0,
    }


@pytest.fixture
def _as_before(monkeypatch):
    """Forget the settings and quantities that a page has set."""
    monkeypatch.setattr(config, "_SETTINGS", dict(config._SETTINGS))
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.root.level)
    known = dict(quantities._defined)
    yield
    quantities._defined.clear()
    quantities._defined.update(known)
    quantities._in_a_family.cache_clear()


@pytest.mark.usefixtures("_as_before")
@pytest.mark.parametrize("path", MARKED, ids=lambda path: str(path.relative_to(ROOT)))
def test_blocks_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = namespace()
    if path.name in SLOW:  # their blocks speak of a run that has ended
        names["model"].fit(names["x"], names["y"], verbose=0, callbacks=[names["sitter"]])
    for block in blocks(path):
        for long, short in SHORTER.items():
            block = block.replace(long, short)
        exec(compile(block, str(path), "exec"), names)


def test_what_makes_a_run_short_is_still_in_the_pages():
    text = "".join(block for path in PAGES for block in blocks(path))
    assert [long for long in SHORTER if long not in text] == []
