"""Report dead units, and nothing else."""

import functools

from keras_babysit import rules
from keras_babysit.callbacks.babysitter import Babysitter


class DeadUnits(Babysitter):
    """Reports layers whose units are dead for every example, and nothing else.

    Args:
        probe: See `Babysitter`.
        threshold: See `keras_babysit.rules.dead_units`.
        patience: See `keras_babysit.rules.dead_units`.
        **kwargs: Further arguments of `Babysitter`.

    Example:
        >>> DeadUnits(threshold=0.6, verbose=0).findings
        []
    """

    def __init__(self, probe=None, *, threshold=0.4, patience=3, **kwargs):
        rule = functools.partial(rules.dead_units, threshold=threshold, patience=patience)
        super().__init__(probe, rules=[rule], **kwargs)
