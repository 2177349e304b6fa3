"""Report a gap between training and validation data, and nothing else."""

import functools

from keras_babysit import rules
from keras_babysit.callbacks.babysitter import Babysitter


class TrainValGap(Babysitter):
    """Reports a gap between training and validation data, and nothing else.

    Args:
        probe: See `Babysitter`.
        gap: See `keras_babysit.rules.overfitting`.
        patience: See `keras_babysit.rules.overfitting`.
        **kwargs: Further arguments of `Babysitter`.

    Example:
        >>> TrainValGap(gap=0.2, verbose=0).findings
        []
    """

    def __init__(self, probe=None, *, gap=0.1, patience=2, **kwargs):
        rule = functools.partial(rules.overfitting, gap=gap, patience=patience)
        super().__init__(probe, rules=[rule], **kwargs)
