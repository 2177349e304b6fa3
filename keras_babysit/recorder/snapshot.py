"""Snapshots: the state of a run on the host, to replay from and to go back to."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from keras_babysit.backends import backend
from keras_babysit.backends.protocol import Values


@dataclass(frozen=True)
class Position:
    """Where a run is, between two calls of Keras' train function.

    Args:
        call: Calls so far; one makes several steps with `steps_per_execution`.
        step: Optimizer steps done.
        epoch: Epoch, counted from 0.
    """

    call: int = 0
    step: int = 0
    epoch: int = 0


@dataclass(frozen=True)
class Snapshot:
    """Everything that the next training step starts from.

    Args:
        call: Calls of Keras' train function so far.
        step: Optimizer steps done.
        epoch: Epoch, counted from 0.
        values: Arrays of the variables as `backend.state` groups them: the weights, all else
            (moving averages, Keras' seeds, metrics), and the optimizer.
        is_confirmed: Whether a loss was measured from here on and was good. Weights that are
            finite may still be ruined.
    """

    call: int
    step: int
    epoch: int
    values: Values
    is_confirmed: bool = False

    @classmethod
    def at(
        cls,
        position: Position,
        values: Values,
        *,
        is_confirmed: bool,
    ) -> Snapshot:
        """Return a snapshot of `values` at a `Position`."""
        return cls(position.call, position.step, position.epoch, values, is_confirmed)

    @property
    def layout(self) -> tuple[int, int, int]:
        """How many variables there were in each group."""
        trainable, other, optimizer = self.values
        return len(trainable), len(other), len(optimizer)


class Snapshots:
    """Keeps two of them: the latest that is confirmed, and the latest of all.

    Example:
        >>> kept = Snapshots()
        >>> kept.add(Snapshot(0, 0, 0, ([], [], []), is_confirmed=True))
        >>> kept.add(Snapshot(8, 8, 0, ([], [], [])))
        >>> kept.good.step, kept.latest.step
        (0, 8)
        >>> kept.confirm()
        >>> kept.good.step
        8
    """

    def __init__(self) -> None:
        self.good: Snapshot | None = None
        self.latest: Snapshot | None = None

    def add(self, snapshot: Snapshot) -> None:
        """Keep one more; the latest one goes unless it is the last that is confirmed."""
        self.latest = snapshot
        if snapshot.is_confirmed:
            self.good = snapshot

    def confirm(self) -> None:
        """Note that the losses since the latest one were good."""
        if self.latest is not None and not self.latest.is_confirmed:
            self.good = self.latest = replace(self.latest, is_confirmed=True)

    def clear(self) -> None:
        """Forget both."""
        self.good = self.latest = None


def on_host(
    values: Values,
) -> Values:
    """Return copies of the values of the variables as arrays."""
    trainable, other, optimizer = (
        [np.array(backend.to_numpy(value)) for value in group] for group in values
    )
    return trainable, other, optimizer
