"""The bundle: whole or not there at all, and one command shows the bad value again."""

import json
import os
import runpy
import shlex
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.errors import KerasBabysitWarning
from keras_babysit.recorder import bundle as bundles
from keras_babysit.recorder import reproduce as script_of_bundles
from tests.callbacks.test_safety import ours
from tests.recorder import faulty
from tests.recorder.faulty import BAD, BATCH, fit, reported

BLOCKED = """
    import runpy, sys

    class Blocked:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] == "keras_babysit":
                raise ImportError("keras_babysit is blocked")

    sys.meta_path.insert(0, Blocked())
    script, *sys.argv[1:] = sys.argv[1:]
    runpy.run_path(script, run_name="__main__")
"""


def reproduce(folder, *arguments, cwd):
    """Run the script of a bundle where keras-babysit is not installed."""
    command = [sys.executable, "-c", textwrap.dedent(BLOCKED), str(folder / "reproduce.py")]
    environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    return subprocess.run(
        [*command, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=cwd,
        env=environment,
        check=False,
    )


@pytest.fixture
def reproduce_here(monkeypatch, capsys):
    """Run the script of a bundle in this process, which has imported Keras already."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(folder, *arguments):
        capsys.readouterr()
        status = runpy.run_path(str(folder / "reproduce.py"))["main"](arguments=arguments)
        return status, capsys.readouterr().out

    return run


def bundle_of(make, folder):
    sitter = kb.Babysitter(record=folder, verbose=0)
    fit(make, sitter)
    (bundle,) = folder.iterdir()
    return bundle, reported(sitter)[0]


@pytest.mark.parametrize(
    "name",
    [
        "overflow",
        pytest.param("no_slope", marks=pytest.mark.slow),
        pytest.param("exploding", marks=pytest.mark.slow),
        pytest.param("infinite_target", marks=pytest.mark.slow),
    ],
)
def test_one_command_shows_the_bad_value_again(name, tmp_path):
    folder, finding = bundle_of(getattr(faulty, name), tmp_path / "record")
    # The layers of this module are not Keras' own; the bundle names the module they are in.
    cwd = os.getcwd()
    ran = reproduce(folder, cwd=cwd)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.startswith(finding.message)
    assert "Reproduced." in ran.stdout
    shown = {
        "overflow": "dense_3 output: shape (16, 8)",
        "no_slope": "first/kernel after the step: 12 of 12 entries are not finite",
        "exploding": "loss of this batch: ",
        "infinite_target": "targets[0]: shape (16, 1)",
    }
    assert shown[name] in ran.stdout
    if name in ("overflow", "infinite_target"):
        assert "in example 4" in ran.stdout


def test_the_batch_and_the_state_are_those_of_the_run(tmp_path):
    folder, _ = bundle_of(faulty.infinite_target, tmp_path)
    _, x, y = faulty.infinite_target()
    arrays = np.load(folder / "batch.npz", allow_pickle=False)
    rows = slice(BAD // BATCH * BATCH, (BAD // BATCH + 1) * BATCH)
    np.testing.assert_array_equal(arrays["x"], x[rows])
    np.testing.assert_array_equal(arrays["y"], y[rows])
    bundle = json.loads((folder / "bundle.json").read_text())
    assert bundle["versions"]["keras"] == keras.version()
    assert bundle["versions"][keras.backend.backend()]
    assert (bundle["batch"], bundle["epoch"], bundle["example"]) == (6, 0, 4)
    model = keras.models.load_model(folder / "model.keras")
    assert int(model.optimizer.iterations) == 6
    assert all(np.isfinite(weights).all() for weights in model.get_weights())
    for path in folder.rglob("*.npz"):
        loaded = np.load(path, allow_pickle=False)
        assert all(loaded[name].dtype.kind != "O" for name in loaded.files)


@pytest.mark.any_backend
def test_another_version_is_named(tmp_path, reproduce_here):
    folder, _ = bundle_of(faulty.infinite_target, tmp_path)
    path = folder / "bundle.json"
    bundle = json.loads(path.read_text())
    bundle["versions"]["keras"] = "3.0.0"
    path.write_text(json.dumps(bundle))
    _, out = reproduce_here(folder)
    assert f"Recorded with keras 3.0.0; here: {keras.version()}." in out


OWN_MODEL = """
    import keras

    class Own(keras.Model):
        def __init__(self, units):
            super().__init__()
            self.hidden = keras.layers.Dense(units)
            self.head = keras.layers.Dense(1)

        def call(self, x):
            return self.head(self.hidden(x))

    def build():
        model = Own(3)
        model.compile("adam", "mse")
        return model
"""


def test_a_model_that_cannot_be_saved_comes_from_the_user(tmp_path, monkeypatch, reproduce_here):
    (tmp_path / "my_model.py").write_text(textwrap.dedent(OWN_MODEL))
    monkeypatch.syspath_prepend(tmp_path)

    def make():
        import my_model

        _, x, y = faulty.infinite_target()
        return my_model.build(), x, y

    folder, _ = bundle_of(make, tmp_path / "record")
    assert not (folder / "model.keras").exists()
    assert "cannot be loaded without your code" in (folder / "README.txt").read_text()
    with pytest.raises(SystemExit, match="--model MODULE:FUNCTION"):
        reproduce_here(folder)
    status, out = reproduce_here(folder, "--model", "my_model:build")
    assert status == 0, out
    assert "targets[0]" in out


def test_the_command_can_be_pasted_from_any_folder(tmp_path, reproduce_here):
    """Also where its path has blanks, and where the model has to come from its owner."""

    def make():
        model, x, y = faulty.without_call()
        model.name = "model" * 60
        return model, x, y

    folder, finding = bundle_of(make, tmp_path / "my record")
    python, script, *rest = shlex.split(finding.remedies[0].code)
    assert (python, script) == ("python", str(folder / "reproduce.py"))
    assert rest == ["--model", "MODULE:FUNCTION"]
    assert "the bundle holds the batch, the weights" in finding.remedies[0].text
    status, out = reproduce_here(folder, "--model", "tests.recorder.faulty:only_without_call")
    assert status == 0, out
    assert "only/kernel after the step: 4 of 4 entries are not finite" in out


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="a step has one optimizer there")
def test_an_optimizer_beside_that_of_compile_is_put_back(tmp_path, reproduce_here):
    make = faulty.adversarial
    folder, _ = bundle_of(make, tmp_path)
    bundle = json.loads((folder / "bundle.json").read_text())
    arrays = np.load(folder / "state.npz", allow_pickle=False)
    model, x, _ = make()
    script_of_bundles.restore(model, folder, bundle, x[:BATCH], None, None)
    beside = [v for one in model.optimizers.values() for v in one.variables]
    assert bundle["state"]["beside"] == len(beside) > 4
    for index, variable in enumerate(beside):
        value = keras.ops.convert_to_numpy(variable.value)
        np.testing.assert_array_equal(value, arrays[f"beside{index}"])
    assert {int(one.iterations) for one in model.optimizers.values()} == {BAD // BATCH}
    status, out = reproduce_here(folder, "--model", "tests.recorder.faulty:only_adversarial")
    assert status == 0, out


@pytest.mark.parametrize("make", ["without_call", "averages"])
def test_what_a_bundle_cannot_hold_is_no_error(make, tmp_path, monkeypatch):
    def nameless(self):
        raise NotImplementedError

    monkeypatch.setattr(keras.Model, "get_config", nameless)
    monkeypatch.setattr(keras.Sequential, "get_config", nameless)
    folder, _ = bundle_of(getattr(faulty, make), tmp_path)
    assert "NotImplementedError: no reason given" in (folder / "README.txt").read_text()


def test_names_of_inputs_do_not_hide_each_other():
    arrays = {}
    tensors = {"a": {"b": np.zeros(1), "b_": np.ones(1)}, "a_b": np.full(1, 2.0)}
    structure = bundles.structure(tensors, "x", arrays)
    again = script_of_bundles.tensors(structure, arrays)
    assert [float(a[0]) for a in keras.tree.flatten(again)] == [0, 1, 2]


@pytest.mark.any_backend
def test_a_full_disk_is_one_warning_and_training_goes_on(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    sitter = kb.Babysitter(record=tmp_path, verbose=0)
    with pytest.warns(KerasBabysitWarning, match="No space left") as caught:
        _, history = fit(faulty.infinite_target, sitter)
    assert ours(caught) == 1
    assert len(history.history["loss"]) == 2
    assert list(tmp_path.iterdir()) == []
    (finding,) = reported(sitter)
    assert not any("reproduce.py" in remedy.code for remedy in finding.remedies)


@pytest.mark.any_backend
def test_a_folder_that_cannot_be_made_is_one_warning_at_the_start(tmp_path):
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    sitter = kb.Babysitter(record=occupied / "record", verbose=0)
    with pytest.warns(KerasBabysitWarning, match="cannot write bundles") as caught:
        _, history = fit(faulty.infinite_target, sitter)
    assert ours(caught) == 1
    assert len(history.history["loss"]) == 2
    assert reported(sitter)


@pytest.mark.any_backend
def test_bundles_do_not_overwrite_each_other(tmp_path):
    for _ in range(2):
        fit(faulty.infinite_target, kb.Babysitter(record=tmp_path, verbose=0))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 2
    assert len({name.split("-step")[1] for name in names}) >= 1
