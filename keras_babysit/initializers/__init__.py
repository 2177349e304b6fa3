"""Initializers: standard ones, one for any activation, and scaling by data (LSUV).

To add one: a file with one class, its export here, and a case in `tests/initializers/cases.py`.
"""

from keras_babysit.initializers.he import He
from keras_babysit.initializers.lsuv import lsuv
from keras_babysit.initializers.small_random import SmallRandom
from keras_babysit.initializers.variance_preserving import VariancePreserving
from keras_babysit.initializers.xavier import Xavier

__all__ = ["He", "SmallRandom", "VariancePreserving", "Xavier", "lsuv"]
