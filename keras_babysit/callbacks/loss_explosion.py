"""Report an exploding loss, and nothing else."""

import functools
from typing import Any

from keras_babysit import rules
from keras_babysit.callbacks.babysitter import Babysitter
from keras_babysit.typing import Probe


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

    def __init__(
        self, probe: Probe | None = None, *, factor: float = 3.0, patience: int = 2, **kwargs: Any
    ) -> None:
        rule = functools.partial(rules.loss_explosion, factor=factor, patience=patience)
        super().__init__(probe, rules=[rule], **kwargs)
