"""What importing the package does not do."""

import subprocess
import sys

import keras_babysit

HEAVY = ("optuna", "matplotlib", "sklearn", "tensorboard")


def test_import_loads_nothing_heavy():
    # Keras and the backends load some of these by themselves where they are installed.
    code = f"""
import sys, keras
before = set(sys.modules)
import keras_babysit
heavy = [name for name in set(sys.modules) - before if name.split(".")[0] in {HEAVY}]
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_the_public_names_exist():
    for name in keras_babysit.__all__:
        assert getattr(keras_babysit, name) is not None
