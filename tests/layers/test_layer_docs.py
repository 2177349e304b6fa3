"""The examples in docstrings run unchanged; tests/docs runs those of the pages."""

import doctest
import importlib
import pkgutil

import keras
import numpy as np
import pytest
from keras import ops

import keras_babysit.activations
import keras_babysit.initializers
import keras_babysit.layers

PACKAGES = (keras_babysit.activations, keras_babysit.initializers, keras_babysit.layers)
MODULES = [
    f"{package.__name__}.{module.name}"
    for package in PACKAGES
    for module in pkgutil.iter_modules(package.__path__)
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    module = importlib.import_module(name)
    known = {"keras": keras, "np": np, "ops": ops}
    assert doctest.testmod(module, extraglobs=known).failed == 0
