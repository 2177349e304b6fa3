"""Probes: a model and a batch in, measurements out; the model is left unchanged."""

from keras_babysit.probes.building import build, build_optimizer
from keras_babysit.probes.intercept import intercept
from keras_babysit.probes.monitor import Monitor
from keras_babysit.probes.probe import Probe

__all__ = ["Monitor", "Probe", "build", "build_optimizer", "intercept"]
