"""Keeps snapshots of a run within a budget, and checks whether its state is still good."""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING, Any

from keras_babysit.backends import backend, optimizers
from keras_babysit.backends.protocol import Arguments
from keras_babysit.history import History
from keras_babysit.recorder.snapshot import Snapshot, Snapshots, on_host
from keras_babysit.recorder.vitals import LossMeter, nonfinite_variables
from keras_babysit.rules.loss_explosion import PERSISTENCE, explosion_limit
from keras_babysit.schedule import Schedule
from keras_babysit.schedule.schedule import SHORT_RUN_SECONDS

if TYPE_CHECKING:
    from keras_babysit.recorder.ring import Ring
    from keras_babysit.recorder.snapshot import Position

SNAPSHOT_FRACTION = 0.2
"""Fraction of the budget that snapshots may take: what probes, scores and examples leave."""


class StateCheck(enum.Enum):
    """What a snapshot shows."""

    GOOD = "good"
    """All is finite, and the losses since the snapshot before are not too high."""

    FINITE = "finite"
    """All is finite, but the losses since the snapshot before are too high."""

    LOST = "lost"
    """A loss, a weight, a moving average or the optimizer ceased to be finite."""


class StateKeeper:
    """Takes snapshots where they are due and affordable, and checks what they show.

    Args:
        model: The model in `fit`.
        ring: The `Ring` of kept batches: snapshots come before half of it is newer.
        history: The `History` of the run, for its loss before the first step.
        schedule: Its started `Schedule`.

    Attributes:
        snapshots: The `Snapshots` that are kept.
        known: What was never finite, as `nonfinite_variables` returns it.
        spent: Seconds that snapshots took.
    """

    def __init__(self, model: Any, ring: Ring, *, history: History, schedule: Schedule) -> None:
        self.snapshots = Snapshots()
        self.known: frozenset[Any] = frozenset()
        self.spent = 0.0
        self._model = model
        self._ring = ring
        self._history = history
        self._schedule = schedule
        self._meter = LossMeter(model)
        self._mark: tuple[float, float] | None = None  # the loss so far at the latest snapshot
        self._measured: bool | None = (
            None  # whether the state before the next step was good, if measured
        )
        self._cost = 0.0  # of the latest snapshot, in seconds

    def begin_epoch(self) -> None:
        """Note that Keras starts to add up the loss anew."""
        self._mark = (0.0, 0.0) if self._mark is not None else None

    def measured(self, is_good: bool) -> None:
        """Note that the state before the next step was measured: it is worth a snapshot.

        Args:
            is_good: Whether its loss was good.
        """
        self._measured = is_good

    def check_if_due(self, position: Position, arguments: Arguments) -> StateCheck | None:
        """Take a snapshot before a step if one is due.

        Args:
            position: The `Position` of the run.
            arguments: Those of the train function.

        Returns:
            A `StateCheck`, None if no snapshot was due.
        """
        measured, self._measured = self._measured, None
        if not self._is_due(position, is_asked=measured is not None):
            return None
        return self._check(position, arguments, is_confirmed=bool(measured))

    def check_at_epoch_end(self, position: Position, epoch_start: int) -> StateCheck | None:
        """Read the loss of an epoch whose steps are over, and take a snapshot if affordable.

        Args:
            position: The `Position` of the run.
            epoch_start: Optimizer steps done before the epoch.

        Returns:
            A `StateCheck`, None if the loss is good and nothing else was read.
        """
        totals = self._meter.totals(backend.state(self._model, None))
        is_long = position.step - epoch_start >= PERSISTENCE
        loss = self._meter.mean((0.0, 0.0), totals)
        is_far_off = loss is not None and is_long and loss > self.limit
        if is_far_off or not _all_finite(totals):
            return StateCheck.LOST
        return self._check(position, None, is_confirmed=False) if self._is_affordable else None

    def note_initial(self, position: Position, arguments: Arguments | None) -> None:
        """Note what is not finite before the first step, where no snapshot tells."""
        if position.call == 0 and not self._is_built:
            values = backend.state(self._model, arguments)
            self.known = nonfinite_variables(self._model, values)

    def take(
        self, position: Position, arguments: Arguments | None, *, is_confirmed: bool
    ) -> Snapshot:
        """Return a snapshot of the run as it is now; it is not kept.

        What was kept before an optimizer was built is forgotten: it cannot be restored any more.
        """
        values = on_host(backend.state(self._model, arguments))
        snapshot = Snapshot.at(position, values, is_confirmed=is_confirmed)
        latest = self.snapshots.latest
        if latest is not None and latest.layout != snapshot.layout:
            self._ring.clear()
            self.snapshots.clear()
        return snapshot

    def start_from(self, snapshot: Snapshot) -> None:
        """Keep this snapshot alone: the run goes on from there."""
        self.snapshots.clear()
        self.snapshots.add(snapshot)
        self._mark = self._meter.totals(snapshot.values)

    @property
    def limit(self) -> float:
        """Loss above which a step counts as exploded; infinity where the first is not known."""
        limit = explosion_limit(self._history)
        return math.inf if limit is None else limit

    def _is_due(self, position: Position, *, is_asked: bool) -> bool:
        latest = self.snapshots.latest
        if latest is None:
            # One that is not built by then is never used, as that which a GAN does not name.
            return position.call > 0 or self._is_built
        spacing = max(1, self._ring.capacity // 2)
        return (is_asked or position.call - latest.call >= spacing) and self._is_affordable

    @property
    def _is_built(self) -> bool:
        return all(one.built for one in optimizers(self._model))

    @property
    def _is_affordable(self) -> bool:
        schedule = self._schedule
        if schedule.every != "auto":
            return True
        allowance = SNAPSHOT_FRACTION * schedule.budget * max(schedule.elapsed, SHORT_RUN_SECONDS)
        return self.spent + self._cost <= allowance

    def _check(
        self, position: Position, arguments: Arguments | None, *, is_confirmed: bool
    ) -> StateCheck:
        backend.wait(backend.state(self._model, arguments)[0])  # what is pending is not our cost
        start = self._schedule.clock()
        snapshot = self.take(position, arguments, is_confirmed=is_confirmed)
        if position.call == 0:
            self.known = nonfinite_variables(self._model, snapshot.values)
        totals = self._meter.totals(snapshot.values)
        found = self._judge(snapshot, totals)
        if found is not StateCheck.LOST:
            if found is StateCheck.GOOD:
                self.snapshots.confirm()
            self.snapshots.add(snapshot)
            self._mark = totals
        self._cost = self._schedule.clock() - start
        self.spent += self._cost
        self._schedule.charge("other", self._cost)
        return found

    def _judge(self, snapshot: Snapshot, totals: tuple[float, float] | None) -> StateCheck:
        ruined = nonfinite_variables(self._model, snapshot.values) - self.known
        if ruined or not _all_finite(totals):
            return StateCheck.LOST
        loss = self._meter.mean(self._mark, totals)
        return StateCheck.GOOD if loss is None or loss <= self.limit else StateCheck.FINITE


def _all_finite(totals: tuple[float, float] | None) -> bool:
    return totals is None or all(map(math.isfinite, totals))
