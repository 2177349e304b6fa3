"""The test files of docs/extending.md pass as they stand."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "extending.md"
KINDS = ("rules", "sinks", "layers", "initializers", "backends")
# Of the checks of a backend a few: tests/backends takes all of them.
CHOSEN = "not test_backends or copy or host or versions"


def run_pytest(folder):
    """Run pytest in a folder of its own, on this package, as a user would."""
    environment = os.environ | {"PYTHONPATH": str(PAGE.parents[1])}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rA", "."]
    command += ["-k", CHOSEN]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)


@pytest.mark.any_backend
def test_every_block_is_a_test_file_that_passes(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    for kind, block in zip(KINDS, blocks, strict=True):
        assert f"def test_{kind}(case, check" in block
        (tmp_path / f"test_{kind}.py").write_text(block)
    done = run_pytest(tmp_path)
    assert done.returncode == 0, done.stdout[-3000:]
    for kind in KINDS:
        assert f"PASSED test_{kind}.py::test_{kind}[" in done.stdout
