"""Monitors Keras 3 training and reports what is wrong, where, why, and what to do about it.

- `Babysitter` monitors a run: `model.fit(..., callbacks=[Babysitter()])`.
- `watch` monitors a training loop of one's own.
- `check` and `lr_range_test` test a model and its data before training.
- `explain` prints what a finding means, how it is measured, and what to do about it.
- `search` tunes hyperparameters. It requires the extra `[search]` and is imported on first use.
- `try_remedies` tries what findings advise, each remedy against the same training without it. It
  requires the extra `[remedies]` and is imported on first use.
"""

import importlib
from typing import Any

import keras_babysit.supported  # noqa: F401 - first: raises if Keras is too old for the others
from keras_babysit import (
    activations,
    callbacks,
    checks,
    config,
    initializers,
    layers,
    rules,
    sinks,
)
from keras_babysit.callbacks import Babysitter, watch
from keras_babysit.callbacks.trying import plug_in_trials
from keras_babysit.checks import check, lr_range_test
from keras_babysit.explanations import explain
from keras_babysit.findings import Finding, Remedy, Severity, Verdict
from keras_babysit.history import History, Measurement
from keras_babysit.quantities import Quantity, register_quantity
from keras_babysit.recorder import Rescue
from keras_babysit.rules import DEFAULT_RULES
from keras_babysit.sinks import Report
from keras_babysit.version import __version__

__all__ = [
    "DEFAULT_RULES",
    "Babysitter",
    "Finding",
    "History",
    "Measurement",
    "Quantity",
    "Remedy",
    "Report",
    "Rescue",
    "Severity",
    "Verdict",
    "__version__",
    "activations",
    "callbacks",
    "check",
    "checks",
    "config",
    "explain",
    "initializers",
    "layers",
    "lr_range_test",
    "register_quantity",
    "rules",
    "sinks",
    "watch",
]

plug_in_trials(lambda: importlib.import_module("keras_babysit.remedies").try_remedies)


def __getattr__(name: str) -> Any:
    if name in ("remedies", "search"):
        return importlib.import_module(f"keras_babysit.{name}")
    if name == "try_remedies":
        return importlib.import_module("keras_babysit.remedies").try_remedies
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
