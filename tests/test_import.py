"""What importing the package does not do."""

import subprocess
import sys

import pytest

import keras_babysit

HEAVY = ("optuna", "sqlalchemy", "matplotlib", "sklearn", "tensorboard")


# Keras and the backends load some of the heavy packages by themselves where they are installed.
SCRIPT = f"""
import sys, keras
before = set(sys.modules)
import keras_babysit as kb, keras_babysit.sinks
loaded = set(sys.modules) - before
heavy = [name for name in loaded if name.split(".")[0] in {HEAVY}]
assert not heavy, heavy
assert "keras_babysit.search" not in loaded

sys.modules["optuna"] = None  # as where the extra is not installed
try:
    kb.search
except ImportError as error:
    assert 'pip install "keras-babysit[search]"' in str(error), error
else:
    raise AssertionError("a missing extra is no error")

del sys.modules["optuna"]
kb.search.GridSearchCV
assert "optuna" in sys.modules
"""


@pytest.mark.any_backend
def test_import_loads_nothing_heavy_and_the_search_on_first_use():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_public_names_exist():
    for name in keras_babysit.__all__:
        assert getattr(keras_babysit, name) is not None
