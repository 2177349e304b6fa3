"""What follows from the readings of a probe: fractions of units, learning rate, first loss."""

import math
from collections.abc import Hashable
from typing import Any

import numpy as np

from keras_babysit.backends.protocol import Values
from keras_babysit.probes.gate_window import GateWindow
from keras_babysit.probes.optimizer_state import learning_rate, loss_scale
from keras_babysit.samples.batch_size import MIN_PROBE_EXAMPLES

MIN_FLAT_FRACTION = 0.5
"""A squashing unit counts as saturated if it is flat for more than this fraction of the
examples."""


class FirstLoss:
    """Estimates the loss before the first step: the median over the first batches.

    The loss of a single example may be low by chance. Small batches are joined, although the
    weights move in between. If they explode there, the later batches count for no more than a
    constant prediction has on the first.

    Args:
        batch_size: Examples of a batch, at least 1.
        enough: Examples that are enough for the estimate.
        since: Optimizer steps done when the loss became what it is: 0 unless the model was compiled
            again.

    Example:
        >>> first_loss = FirstLoss(batch_size=4)
        >>> [first_loss.update(step, loss) for step, loss in enumerate([2.0, 4.0, 9.0])]
        [2.0, 3.0, None]
    """

    def __init__(
        self, batch_size: int, *, enough: int = MIN_PROBE_EXAMPLES, since: int = 0
    ) -> None:
        self._since = since
        self._batch_size = batch_size
        self._enough = enough
        self._losses: list[float] = []
        self._most = math.inf

    def update(
        self, step: int, loss: Any, constant: float | np.ndarray | None = None
    ) -> float | None:
        """Take in the loss of a probe; return the new estimate, None if it stays as it is.

        Args:
            step: Optimizer steps done; the loss at step `since` always counts.
            loss: The loss of one batch.
            constant: That of a constant prediction on the same batch, None if it is not known.
        """
        is_incomplete = 0 < len(self._losses) * self._batch_size < self._enough
        if step != self._since and not is_incomplete:
            return None
        self._losses.append(float(loss))
        if constant is not None and len(self._losses) == 1 < self._batch_size:
            self._most = max(float(loss), float(constant))
        return min(float(np.median(self._losses)), self._most)


class DerivedReadings:
    """Derives quantities from the readings of the probes of one run.

    Args:
        needed: Examples without a gradient that it takes to call a unit dead, at least 1.
        batch_size: Examples of a batch, at least 1.
        since: Optimizer steps done when the loss became what it is.
    """

    def __init__(self, *, needed: int, batch_size: int, since: int = 0) -> None:
        self._windows = {
            "activations/gate_max": ("activations/dead_fraction", GateWindow(needed)),
            "activations/piece_share": ("activations/dead_piece_fraction", GateWindow(needed)),
        }
        self._first_loss = FirstLoss(batch_size, since=since)

    @property
    def needed(self) -> int:
        """Examples without a gradient that it takes to call a unit dead."""
        return self._gates.examples

    @property
    def seen(self) -> int | None:
        """Examples of the recent probes in which each unit was looked at; None without units."""
        counts = [self._gates.seen(target) for target in self._gates.targets()]
        return min(counts, default=None)

    def need(self, examples: int) -> None:
        """Let fewer examples be enough: a run had no more than these."""
        for _, window in self._windows.values():
            window.examples = min(window.examples, examples)

    @property
    def _gates(self) -> GateWindow:
        return self._windows["activations/gate_max"][1]

    def add_gates(
        self, readings: dict[tuple[str, str], Any], examples: int, key: Hashable | None = None
    ) -> None:
        """Take in the widest gates of a pass over so many examples; see `GateWindow.add`."""
        for (quantity, target), gates in readings.items():
            if quantity in self._windows:
                self._windows[quantity][1].add(target, examples, gates, key)

    def dead_fractions(self) -> dict[tuple[str, str], float]:
        """Return the fractions of dead units and pieces, where enough examples were seen."""
        fractions = {}
        for quantity, window in self._windows.values():
            for target in window.targets():
                fraction = window.dead_fraction(target)
                if fraction is not None:
                    fractions[quantity, target] = fraction
        return fractions

    def derive(
        self, readings: dict[tuple[str, str], Any], optimizer: Any, state: Values, step: int
    ) -> dict[tuple[str, str], float]:
        """Return what follows from the readings of one probe, by quantity and target.

        Args:
            readings: The readings by quantity and target.
            optimizer: The optimizer of the model, or None.
            state: Values of the variables as `backend.state` returns them.
            step: Optimizer steps done.
        """
        values = optimizer_readings(optimizer, state)
        if ("loss/batch", "") in readings:
            constant = readings.get(("loss/constant", ""))
            start = self._first_loss.update(step, readings["loss/batch", ""], constant)
            if start is not None:
                values["loss/start", ""] = start
        return values | self.dead_fractions() | saturated_fractions(readings)


def optimizer_readings(optimizer: Any, state: Values) -> dict[tuple[str, str], float]:
    """Return the learning rate, and the loss scale where there is one, by quantity and target."""
    values = {}
    rate = learning_rate(optimizer, state)
    if rate is not None:
        values["optimizer/learning_rate", ""] = rate
    scale = loss_scale(optimizer, state)
    if scale != 1:
        values["optimizer/loss_scale", ""] = scale
    return values


def saturated_fractions(readings: dict[tuple[str, str], Any]) -> dict[tuple[str, str], float]:
    """Return the fraction of saturated units of each squashing layer, by quantity and target.

    Example:
        >>> low, high = np.array([0.9, 0.1, 0.3]), np.array([0.0, 0.1, 0.3])
        >>> readings = {
        ...     ("activations/saturated_low", "dense"): low,
        ...     ("activations/saturated_high", "dense"): high,
        ... }
        >>> round(saturated_fractions(readings)["activations/saturated_fraction", "dense"], 3)
        0.667
    """
    fractions = {}
    for quantity, target in readings:
        if quantity == "activations/saturated_low":
            low = readings["activations/saturated_low", target]
            high = readings["activations/saturated_high", target]
            fraction = float(np.mean(low + high > MIN_FLAT_FRACTION))
            fractions["activations/saturated_fraction", target] = fraction
    return fractions
