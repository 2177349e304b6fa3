"""Measured properties of activations.

A profile is computed from the values of any elementwise function, so a new activation needs no
code.
"""

from keras_babysit.activations.activation_profile import ActivationProfile
from keras_babysit.activations.plot import plot
from keras_babysit.activations.profile import profile

__all__ = ["ActivationProfile", "plot", "profile"]
