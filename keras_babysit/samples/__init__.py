"""Samples of the data of a run, kept on the host."""

from keras_babysit.samples.reference_sample import ReferenceSample
from keras_babysit.samples.user_probe_data import UserProbeData, read_user_probe_data

__all__ = ["ReferenceSample", "UserProbeData", "read_user_probe_data"]
