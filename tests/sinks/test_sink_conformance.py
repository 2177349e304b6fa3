import subprocess
import sys

import pytest

from keras_babysit import sinks
from tests.conformance.sinks import CHECKS, ROWS


def test_table_covers_every_public_sink():
    public = [getattr(sinks, name) for name in sinks.__all__]
    names = {kind.__name__ for kind in public if issubclass(kind, sinks.Sink)}
    assert {name.partition("-")[0] for name in ROWS} == names


def test_public_names_are_sorted():
    assert sinks.__all__ == sorted(sinks.__all__)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("row", ROWS)
def test_sink(row, check, tmp_path):
    CHECKS[check](ROWS[row], tmp_path)


def test_import_loads_no_tensorboard():
    code = """
import sys
import keras_babysit.sinks
assert not [name for name in sys.modules if name.split(".")[0] == "tensorboard"]
"""
    subprocess.run([sys.executable, "-c", code], check=True)
