"""The watch for saturated units alone."""

import functools

from keras_babysit import rules
from keras_babysit.callbacks.babysitter import Babysitter


class Saturation(Babysitter):
    """Watches for squashing units that sit at an end of their range, and for nothing else.

    Args:
        probe: See `Babysitter`.
        threshold: See `keras_babysit.rules.saturated_units`.
        patience: See `keras_babysit.rules.saturated_units`.
        **kwargs: Further arguments of `Babysitter`.
    """

    def __init__(self, probe=None, *, threshold=0.5, patience=3, **kwargs):
        rule = functools.partial(rules.saturated_units, threshold=threshold, patience=patience)
        super().__init__(probe, rules=[rule], **kwargs)
