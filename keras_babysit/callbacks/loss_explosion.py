"""The watch for an exploding loss alone."""

import functools

from keras_babysit import rules
from keras_babysit.callbacks.babysitter import Babysitter


class LossExplosion(Babysitter):
    """Watches for a loss far above where it started, and for nothing else.

    Args:
        probe: See `Babysitter`.
        factor: See `keras_babysit.rules.loss_explosion`.
        patience: See `keras_babysit.rules.loss_explosion`.
        **kwargs: Further arguments of `Babysitter`.
    """

    def __init__(self, probe=None, *, factor=3.0, patience=2, **kwargs):
        rule = functools.partial(rules.loss_explosion, factor=factor, patience=patience)
        super().__init__(probe, rules=[rule], **kwargs)
