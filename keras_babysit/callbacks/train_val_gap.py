"""The watch for the gap between training and validation data alone."""

import functools

from keras_babysit import rules
from keras_babysit.callbacks.babysitter import Babysitter


class TrainValGap(Babysitter):
    """Watches for the gap between training and validation data, and for nothing else.

    Args:
        probe: See `Babysitter`.
        gap: See `keras_babysit.rules.overfitting`.
        patience: See `keras_babysit.rules.overfitting`.
        **kwargs: Further arguments of `Babysitter`.
    """

    def __init__(self, probe=None, *, gap=0.1, patience=2, **kwargs):
        rule = functools.partial(rules.overfitting, gap=gap, patience=patience)
        super().__init__(probe, rules=[rule], **kwargs)
