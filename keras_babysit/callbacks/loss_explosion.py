"""Report an exploding loss, and nothing else."""

import functools

from keras_babysit import rules
from keras_babysit.callbacks.babysitter import Babysitter


class LossExplosion(Babysitter):
    """Reports a loss far above its first value, and nothing else.

    Args:
        probe: See `Babysitter`.
        factor: See `keras_babysit.rules.loss_explosion`.
        patience: See `keras_babysit.rules.loss_explosion`.
        **kwargs: Further arguments of `Babysitter`.

    Example:
        >>> LossExplosion(factor=10.0, verbose=0).findings
        []
    """

    def __init__(self, probe=None, *, factor=3.0, patience=2, **kwargs):
        rule = functools.partial(rules.loss_explosion, factor=factor, patience=patience)
        super().__init__(probe, rules=[rule], **kwargs)
