"""What is wrong is found in each kind of loop."""

import runpy

import keras
import pytest

from tests.examples.paths import EXAMPLES

SCRIPTS = {"loop_gradient_tape": "tensorflow", "loop_jax": "jax", "loop_torch": "torch"}


@pytest.mark.parametrize("name", [*SCRIPTS, "loop_train_on_batch"])
def test_the_verdict_says_what_is_wrong(name, tmp_path, capsys):
    backend = keras.backend.backend()
    if SCRIPTS.get(name, backend) != backend:
        pytest.skip(f"needs {SCRIPTS[name]}")
    main = runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"]
    sitter = main(["--out", str(tmp_path)])
    assert sitter.verdict.headline.startswith(("No gradient", "Dead units"))
    assert sitter.verdict.severity.name == "ERROR"
    assert sitter.verdict.headline.split(",")[0] in capsys.readouterr().out
    assert list(tmp_path.rglob("*tfevents*"))
