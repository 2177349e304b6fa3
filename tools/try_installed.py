"""Uses the installed package outside a clone: one monitored run, its log, the commands."""

import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

import keras_babysit as kb


def main() -> None:
    """Train a network whose units are dead, and read what was found from its log."""
    assert (Path(kb.__file__).parent / "py.typed").exists(), "the package is not typed"
    x = np.random.default_rng(0).normal(size=(256, 8)).astype("float32")
    y = (x[:, 0] > 0).astype("int64")
    dead = keras.layers.Dense(16, "relu", bias_initializer=keras.initializers.Constant(-50.0))
    model = keras.Sequential([keras.Input((8,)), dead, keras.layers.Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    with tempfile.TemporaryDirectory() as folder:
        sitter = kb.Babysitter(every=2, log_dir=folder)
        model.fit(x, y, epochs=3, verbose=0, callbacks=[sitter])
        assert "dead_units" in [one.rule for one in sitter.findings]
        assert "<html" in sitter.report().to_html()
        command = [Path(sys.executable).parent / "kb-report", folder, "--fail-on", "dead_units"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 1, done.stderr
    print("The installed package works.")


if __name__ == "__main__":
    main()
