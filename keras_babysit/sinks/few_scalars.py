"""The few scalars of a run that TensorBoard's own tab shows, however large the network is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from keras_babysit.history import Measurement
from keras_babysit.presentation.drawing import HEAT_MAPS

MAX_TAGS = 30
"""Tags of scalars by default. A network of 50 layers has more than a thousand series."""

OF_THE_RUN = ("loss/batch", "loss/start", "optimizer/learning_rate")
"""Quantities of the whole model that are always among them."""

OF_LAYERS = tuple(kind.name for kind in HEAT_MAPS)
"""Quantities of layers of which the largest value and the median are among them."""

SIDES = ("train", "validation")


class FewScalar(NamedTuple):
    """One number: the run that it belongs to, `""` for the main one, its series, and its value."""

    run: str
    quantity: str
    part: str
    value: float


class FewScalars:
    """Chooses the scalars of a run, at most `MAX_TAGS` different tags.

    - Loss and learning rate.
    - Every score and every metric that Keras logs. Those of training and validation have one tag in
      two runs, so that TensorBoard draws them over each other.
    - The largest value and the median over the layers that were measured at a step, of the
      quantities that the Babysit tab offers first.

    Example:
        >>> few = FewScalars()
        >>> [one] = few.of([Measurement(20, 0, "logs/val_accuracy", "", 0.5)])
        >>> one.run, one.quantity
        ('validation', 'logs/accuracy')
    """

    def __init__(self) -> None:
        self._metrics: set[str] = set()

    def of(self, probe: Sequence[Measurement]) -> Iterator[FewScalar]:
        """Yield the scalars of the measurements of one step."""
        for m in probe:
            if np.ndim(m.value) == 0 and (found := self._of_model(m)) is not None:
                yield found
        for quantity in OF_LAYERS:
            values = [float(m.value) for m in probe if m.quantity == quantity]
            if values:
                # NaN takes precedence in both.
                yield FewScalar("", quantity, "largest", float(np.max(values)))
                yield FewScalar("", quantity, "median", float(np.median(values)))

    def _of_model(self, m: Measurement) -> FewScalar | None:
        quantity, value = m.quantity, float(m.value)
        if quantity in OF_THE_RUN and not m.target:
            return FewScalar("", quantity, "", value)
        if quantity.startswith("score/") and m.target in SIDES and not quantity.endswith("_stderr"):
            return self._metric(m.target, quantity, value)
        if quantity.startswith("logs/val_"):
            return self._metric("validation", quantity.replace("val_", "", 1), value)
        if quantity.startswith("logs/"):
            return self._metric("train", quantity, value)
        return None

    def _metric(self, run: str, quantity: str, value: float) -> FewScalar | None:
        if quantity not in self._metrics:
            if len(self._metrics) >= MAX_TAGS - len(OF_THE_RUN) - 2 * len(OF_LAYERS):
                return None
            self._metrics.add(quantity)
        return FewScalar(run, quantity, "", value)
