"""Watches a Keras 3 training and says what is wrong, where, why and what to do.

    import keras_babysit as kb

    model.fit(x, y, validation_data=(x_val, y_val), callbacks=[kb.Babysitter()])
"""

from keras_babysit import activations, callbacks, initializers, layers, rules, sinks
from keras_babysit.advice import Advice, Remedy, Severity
from keras_babysit.callbacks import Babysitter
from keras_babysit.history import History, Measurement
from keras_babysit.rules import DEFAULT_RULES
from keras_babysit.sinks import Report
from keras_babysit.version import __version__

__all__ = [
    "DEFAULT_RULES",
    "Advice",
    "Babysitter",
    "History",
    "Measurement",
    "Remedy",
    "Report",
    "Severity",
    "__version__",
    "activations",
    "callbacks",
    "initializers",
    "layers",
    "rules",
    "sinks",
]
