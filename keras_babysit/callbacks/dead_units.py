"""Report dead units, and nothing else."""

import functools
from typing import Any

from keras_babysit import rules
from keras_babysit.callbacks.babysitter import Babysitter
from keras_babysit.typing import Probe


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

    def __init__(
        self,
        probe: Probe | None = None,
        *,
        threshold: float = 0.4,
        patience: int = 3,
        **kwargs: Any,
    ) -> None:
        rule = functools.partial(rules.dead_units, threshold=threshold, patience=patience)
        super().__init__(probe, rules=[rule], **kwargs)
