"""Probes: model and batch in, measurements out, without a trace in the model."""

from keras_babysit.probes._backend import backend
from keras_babysit.probes._variables import optimizers
from keras_babysit.probes.building import build, build_optimizer
from keras_babysit.probes.given import Given, read_given
from keras_babysit.probes.intercept import intercept
from keras_babysit.probes.kept import Kept
from keras_babysit.probes.monitor import Monitor
from keras_babysit.probes.probe import Probe
from keras_babysit.probes.schedule import Schedule

__all__ = [
    "Given",
    "Kept",
    "Monitor",
    "Probe",
    "Schedule",
    "backend",
    "build",
    "build_optimizer",
    "intercept",
    "optimizers",
    "read_given",
]
