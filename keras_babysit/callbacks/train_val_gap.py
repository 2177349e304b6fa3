"""Report a gap between training and validation data, and nothing else."""

import functools
from typing import Any

from keras_babysit import rules
from keras_babysit.callbacks.babysitter import Babysitter
from keras_babysit.typing import Probe


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

    def __init__(
        self, probe: Probe | None = None, *, gap: float = 0.1, patience: int = 2, **kwargs: Any
    ) -> None:
        rule = functools.partial(rules.overfitting, gap=gap, patience=patience)
        super().__init__(probe, rules=[rule], **kwargs)
