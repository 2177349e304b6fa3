"""A lost run, investigated: what went bad first, and which state is good."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_babysit.backends import backend
from keras_babysit.backends.protocol import Values
from keras_babysit.recorder.fault import Fault
from keras_babysit.recorder.locate import Locator
from keras_babysit.recorder.replay import BadStep, Replay, singles
from keras_babysit.recorder.ring import KeptStep
from keras_babysit.recorder.vitals import with_fresh_metrics

if TYPE_CHECKING:
    from keras_babysit.recorder.ring import Ring
    from keras_babysit.recorder.snapshot import Snapshot, Snapshots


@dataclass
class Incident:
    """What is known of a lost run.

    Args:
        good: Values to go back to, None if no good state is known.
        good_step: Steps done then.
        good_epoch: Epoch then.
        bad: The first bad step, None where it is not known.
        fault: What was bad in it, None likewise.
        reason: Why it is not known.
        later: Kept steps from the good state on, one batch each.
        replay: The `Replay` that found it, None where nothing could be trained again.
        is_well: Whether the replay went well and arrived where the run is: nothing is lost.
    """

    good: Values | None = None
    good_step: int = 0
    good_epoch: int = 0
    bad: BadStep | None = None
    fault: Fault | None = None
    reason: str = ""
    later: list[KeptStep] = field(default_factory=list)
    replay: Replay | None = None
    is_well: bool = False

    @property
    def why(self) -> str:
        """What went bad, or why that is not known, in a sentence."""
        return self.reason if self.fault is None else self.fault.message

    @property
    def evidence(self) -> dict[str, Any]:
        """What the replay says of itself, by name; empty where nothing was trained again."""
        if self.replay is None:
            return {}
        facts: dict[str, Any] = {"replayed_calls": self.replay.steps}
        if self.replay.is_identical is not None:
            facts["replay_is_identical"] = self.replay.is_identical
        return facts

    def train_on(self, *, lr_factor: float, skip_batch: bool) -> tuple[Values, int, int, int]:
        """Train on from the good state as far as that goes well.

        Args:
            lr_factor: Factor of the learning rates that the steps had, in (0, 1].
            skip_batch: Whether to leave out the bad step.

        Returns:
            The values then, their epoch, how many steps that were, and how many there are.

        Raises:
            ValueError: If no good state is known.
        """
        if self.good is None:
            raise ValueError("`train_on` needs a good state. Received: an incident without one.")
        steps = self.later
        if skip_batch and self.bad is not None:
            steps = [one for one in steps if one.step != self.bad.kept.step]
        if self.replay is None:
            return self.good, self.good_epoch, 0, 0
        slower = [replace(one, rate=_scaled(one.rate, lr_factor)) for one in steps]
        values, done = self.replay.go_on(self.good, self.good_epoch, slower)
        epoch = steps[done - 1].epoch if done else self.good_epoch
        return values, epoch, done, len(steps)


def investigate(
    model: Any,
    box: Any,
    ring: Ring,
    snapshots: Snapshots,
    *,
    now: Snapshot,
    limit: float,
    known: frozenset[Any],
) -> Incident:
    """Return the `Incident` of a run that is lost.

    It replays the kept batches from the last good state until something goes bad, and looks into
    that step.

    Args:
        model: The model in `fit`.
        box: An entered `backend.Sandbox`, None where no batches are kept.
        ring: The `Ring` of kept batches.
        snapshots: The `Snapshots`.
        now: A `Snapshot` of where the run is.
        limit: Loss above which a step counts as exploded.
        known: See `Replay`.
    """
    incident = Incident()
    good = snapshots.good
    if good is None and snapshots.latest is not None and snapshots.latest.call == 0:
        good = snapshots.latest  # where it began: no step can have ruined it
    if good is not None:
        incident.good, incident.good_step, incident.good_epoch = good.values, good.step, good.epoch
    start, incident.reason = _start(box, ring, snapshots, now)
    if start is None:
        return incident
    incident.replay = replay = Replay(model, box, limit=limit, known=known)
    kept = ring.since(start.call)
    latest = snapshots.latest
    landmark = latest if latest is not None and latest.call > start.call else None
    incident.bad = replay.first_bad(start, kept, landmark, ring.before(start.call))
    if incident.bad is None:
        incident.is_well = replay.is_like(box.values(), now)
        incident.reason = _nothing_found(replay, start, landmark)
        incident.later = singles(ring.since(start.call)) if start is good else []
        return incident
    incident.fault = Locator(model, incident.bad, known).locate(start.values)
    if start is good:
        incident.later = singles(kept)
    _prefer_later(incident, incident.bad, replay, kept)
    return incident


def _start(
    box: Any, ring: Ring, snapshots: Snapshots, now: Snapshot
) -> tuple[Snapshot, str] | tuple[None, str]:
    """Return the snapshot to start from; None and the reason if there is none."""
    if box is None:
        return None, 'To find the cause, set `Babysitter(record="folder")`: it keeps the batches.'
    if snapshots.good is not None and snapshots.good.call == now.call:
        return snapshots.good, ""  # no step was made since
    if snapshots.latest is None:
        return None, "No state was kept: it happened before the first step was over."
    if ring.first is None:
        return None, "The batches of this run cannot be read, as under `tf.distribute`."
    for start in (snapshots.good, snapshots.latest):
        if start is not None and ring.first <= start.call:
            return start, ""
    return None, (
        f"The latest snapshot is of step {snapshots.latest.step}; of the "
        f"{ring.until - snapshots.latest.call} calls since only the latest {len(ring)} are kept."
    )


def _nothing_found(replay: Replay, start: Snapshot, landmark: Snapshot | None) -> str:
    if replay.is_identical is False and landmark is not None:
        return (
            f"The replay from step {start.step} differs from the run at step {landmark.step}: "
            "something that is random or changes is neither a weight nor a seed of Keras."
        )
    return (
        f"All kept batches, replayed from step {start.step}, go well: no training step caused it, "
        "but something else that changes the model, such as a callback."
    )


def _prefer_later(incident: Incident, bad: BadStep, replay: Replay, kept: list[KeptStep]) -> None:
    """Take the state right before the bad step for the good one, if it does well.

    It is tried on the batch before, which went well then: the state may be ruined, too.
    """
    if bad.exploded_at is not None:
        return
    before = [one for one in singles(kept) if one.step < bad.kept.step]
    if not before or not replay.is_good(bad.before, before[-1]):
        return
    incident.good, incident.good_step, incident.good_epoch = (
        bad.before,
        bad.kept.step,
        bad.kept.epoch,
    )
    incident.later = [one for one in singles(kept) if one.step >= bad.kept.step]


def in_epoch(
    model: Any,
    values: Values,
    then: int,
    now: int,
) -> Values:
    """Return `values` of epoch `then` as they are in epoch `now`: the metrics start anew."""
    return values if then == now else with_fresh_metrics(model, values)


def _scaled(rate: Any, factor: float) -> Any:
    return None if rate is None else np.asarray(backend.to_numpy(rate)) * np.float32(factor)
