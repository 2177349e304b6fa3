"""Every block of code in docs/ and README.md runs as it stands.

The Python blocks of a page run one after the other, in one namespace that has what the page speaks
of: a compiled `model`, data, and so on. Numbers that only make a run long are replaced by small
ones, and the address of a cluster by one that is started here. Of the commands for a terminal, our
own run; those of others are listed.
"""

import configparser
import contextlib
import functools
import itertools
import logging
import pathlib
import re
import shlex
import subprocess

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

import keras_babysit as kb
from keras_babysit import config, quantities
from keras_babysit.dashboard import kb_report

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


ON_ONE_MACHINE = {
    '"tcp://scheduler:8786"': "n_workers=2, threads_per_worker=1, dashboard_address=None",
    "postgresql+psycopg://user@host/database": "sqlite:///search.db",
}
"""What the block on a cluster of machines is given instead."""

OF_OTHERS = {"optuna-dashboard", "python", "srun", "tensorboard"}
"""Commands in the pages that are not ours; those of `python` are scripts of the reader."""


def blocks(path, language="python"):
    """Return the blocks of a page in one language."""
    pattern = rf"^```{language}\n(.*?)^```"
    return re.findall(pattern, path.read_text("utf-8"), re.DOTALL | re.MULTILINE)


EVERY = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [path for path in EVERY if path.name not in ELSEWHERE and blocks(path)]
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


def run(blocks, names, path, replaced=SHORTER):
    for block in blocks:
        for written, instead in replaced.items():
            block = block.replace(written, instead)
        exec(compile(block, str(path), "exec"), names)


@pytest.mark.any_backend
@pytest.mark.usefixtures("_as_before")
@pytest.mark.parametrize("path", MARKED, ids=lambda path: str(path.relative_to(ROOT)))
def test_blocks_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = namespace()
    if path.name in SLOW:  # their blocks speak of a run that has ended
        names["model"].fit(names["x"], names["y"], verbose=0, callbacks=[names["sitter"]])
    run(blocks(path), names, path)


def test_what_makes_a_run_short_is_still_in_the_pages():
    text = "".join(block for path in PAGES for block in blocks(path))
    assert [long for long in SHORTER if long not in text] == []


@pytest.mark.slow
@pytest.mark.usefixtures("_as_before")
def test_the_block_on_a_cluster_runs(tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="distributed is not installed")
    monkeypatch.chdir(tmp_path)
    path, names = ROOT / "docs" / "search.md", namespace()
    [block] = blocks(path, "py")
    assert all(address in block for address in ON_ONE_MACHINE)
    run(blocks(path), names, path)
    run([block], names, path, SHORTER | ON_ONE_MACHINE)
    assert len(names["shared"].records_) == 3
    names["shared"].storage.engine.dispose()


# --------------------------------------------------------------------------------- the terminal


def commands():
    """Return the page and the words of each command in the pages."""
    for path in EVERY:
        for block in blocks(path, "console"):
            for line in block.splitlines():
                words = shlex.split(line.removeprefix("$ "), comments=True)
                separators = [-1, *(k for k, word in enumerate(words) if word == "&"), len(words)]
                for start, end in itertools.pairwise(separators):
                    yield str(path.relative_to(ROOT)), words[start + 1 : end]


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("page", "words"),
    [*commands()],
    ids=lambda part: " ".join(part) if isinstance(part, list) else part,
)
def test_a_command_can_be_given(page, words, logs, monkeypatch):
    monkeypatch.chdir(logs)
    match words:
        case ["make", target]:
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.M)
        case ["pip", "install", what]:
            assert set(re.findall(r"\[(.*)\]", what)[0].split(",")) <= extras()
        case ["kb-report", *arguments]:
            assert kb_report.main(arguments) in (0, 1)
        case [command, *_]:
            assert command in OF_OTHERS


def extras():
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    return set(setup["options.extras_require"])


@pytest.fixture(scope="session")
def logs(tmp_path_factory):
    """A folder with the logs, the history and the model of a short run."""
    folder = tmp_path_factory.mktemp("run")
    with contextlib.chdir(folder):
        names = namespace()
        names["sitter"] = kb.Babysitter(
            verbose=0, every=1, log_dir="logs", sinks=[kb.sinks.JsonLines("run.jsonl")]
        )
        names["model"].fit(names["x"], names["y"], verbose=0, callbacks=[names["sitter"]])
    return folder


def test_scripts_and_files_for_other_programs_are_well_formed():
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    for path in EVERY:
        for block in blocks(path, "bash"):
            subprocess.run(["bash", "-n"], input=block, text=True, check=True)
        for block in blocks(path, "yaml"):
            assert yaml.safe_load(block)["kind"] == "Job"


# ---------------------------------------------------------------------- the table of the README


def lines_of_readme():
    """Return the code in the table "to | write" of the README."""
    text = (ROOT / "README.md").read_text("utf-8").split("| to | write |")[1].split("\n\n")[0]
    for cell in re.findall(r"\| ([^|]*) \|$", text, re.M):
        for code in re.findall(r"`([^`]+)`", cell):
            if " " in code or "(" in code:  # not the bare name of a module
                yield f"kb.Babysitter({code})" if re.match(r"(rules|rescue)=", code) else code


@pytest.mark.any_backend
@pytest.mark.usefixtures("_as_before")
@pytest.mark.parametrize("code", [*dict.fromkeys(lines_of_readme())])
def test_a_line_of_the_readme_runs(code, logs, monkeypatch):
    monkeypatch.chdir(logs)
    names = namespace() | {"functools": functools, "build": lambda hp: compiled()}
    if "sitter." in code:
        names["model"].fit(names["x"], names["y"], verbose=0, callbacks=[names["sitter"]])
    for tracker in re.findall(r"sinks\.(MLflow|WandB|Trackio)", code):
        pytest.importorskip(tracker.lower(), reason=f"{tracker} is not installed")
    match shlex.split(code) if "(" not in code else []:
        case ["kb-report", *arguments]:
            assert kb_report.main(arguments) in (0, 1)
        case [command, *_]:
            assert command in OF_OTHERS
        case _:
            exec(compile(code, "README.md", "exec"), names)


@pytest.mark.any_backend
def test_the_readme_says_how_many_conditions_there_are():
    said = re.search(
        r"\*\*What it finds\*\*: (\d+) conditions", (ROOT / "README.md").read_text("utf-8")
    )
    assert int(said[1]) == len(kb.DEFAULT_RULES)
