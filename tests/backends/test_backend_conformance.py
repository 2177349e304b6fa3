"""The backend in use against the shipped suite, and what is not supported."""

import subprocess
import sys

import keras
import pytest

from keras_babysit.backends import backend
from keras_babysit.backends.selected import SUPPORTED, load
from keras_babysit.errors import KerasBabysitError, UnsupportedBackendError
from keras_babysit.testing.backends import parametrize_checks


@parametrize_checks({keras.backend.backend(): backend})
def test_backend(case, check):
    check(case)


def test_a_backend_without_a_module_is_refused():
    message = "must be 'jax', 'tensorflow' or 'torch'. Received: 'openvino'. Set the environment"
    with pytest.raises(UnsupportedBackendError, match=message) as raised:
        load("openvino")
    assert isinstance(raised.value, KerasBabysitError)
    assert keras.backend.backend() in SUPPORTED


def test_the_package_says_so_when_it_is_imported():
    pytest.importorskip("jax", reason="the numpy backend of Keras needs it")
    code = "import os; os.environ['KERAS_BACKEND'] = 'numpy'; import keras_babysit"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "UnsupportedBackendError" in done.stderr.splitlines()[-1]
    assert "Received: 'numpy'" in done.stderr
