"""Every example in a docstring runs."""

import doctest
import importlib
import pkgutil

import keras
import numpy as np
import pytest

import keras_babysit

OTHER_BACKENDS = {"tensorflow", "jax", "torch"} - {keras.backend.backend()}
MODULES = [
    module.name
    for module in pkgutil.walk_packages(keras_babysit.__path__, "keras_babysit.")
    if module.name.split(".")[-1] not in OTHER_BACKENDS
]


ON_EACH_BACKEND = {
    *("activations", "backends", "baselines", "callbacks", "checks", "initializers", "layers"),
    *("probes", "recorder", "samples"),
}
"""Packages that compute with the backend; the others compute without, or train as any user does."""


REQUIRED = {f"keras_babysit.sinks.{name}": name for name in ("mlflow", "trackio", "wandb")}
"""What a module's example requires, and only some environments have."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name, marks=[pytest.mark.any_backend] * (name.split(".")[1] not in ON_EACH_BACKEND)
        )
        for name in MODULES
    ],
)
def test_examples_run(name):
    if name in REQUIRED:
        pytest.importorskip(REQUIRED[name], reason=f"{REQUIRED[name]} is not installed")
    module = importlib.import_module(name)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    names = {"keras": keras, "np": np, "kb": keras_babysit, "keras_babysit": keras_babysit}
    assert doctest.testmod(module, extraglobs=names, optionflags=flags).failed == 0
