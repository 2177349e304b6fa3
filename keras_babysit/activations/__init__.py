"""Measured properties of activations."""

from keras_babysit.activations.activation_profile import ActivationProfile
from keras_babysit.activations.plot import plot
from keras_babysit.activations.profile import profile

__all__ = ["ActivationProfile", "plot", "profile"]
