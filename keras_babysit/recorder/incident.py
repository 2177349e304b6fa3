"""A lost run, looked into: what went bad first, and which state is good."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from keras_babysit.backends import backend
from keras_babysit.recorder.fault import Fault
from keras_babysit.recorder.locate import Locator
from keras_babysit.recorder.replay import BadStep, Replay, singles
from keras_babysit.recorder.ring import KeptStep
from keras_babysit.recorder.vitals import with_fresh_metrics


@dataclass
class Case:
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
        is_well: Whether training alone led to where the run is, and went well: nothing is lost.
    """

    good: Any = None
    good_step: int = 0
    good_epoch: int = 0
    bad: BadStep | None = None
    fault: Fault | None = None
    reason: str = ""
    later: list[KeptStep] = field(default_factory=list)
    replay: Replay | None = None
    is_well: bool = False

    @property
    def why(self):
        """What went bad, in a sentence."""
        return self.reason if self.fault is None else self.fault.message

    @property
    def evidence(self):
        """What the replay tells of itself, by name."""
        if self.replay is None:
            return {}
        told = {"replayed_calls": self.replay.steps}
        if self.replay.is_identical is not None:
            told["replay_is_identical"] = self.replay.is_identical
        return told

    def mend(self, *, lr_factor, skip_batch):
        """Train on from the good state as far as that goes well.

        Returns:
            The values then, their epoch, how many steps that were, and how many there are.
        """
        steps = self.later
        if skip_batch and self.bad is not None:
            steps = [one for one in steps if one.step != self.bad.kept.step]
        if self.replay is None:
            return self.good, self.good_epoch, 0, 0
        suggest_lower_rate = [replace(one, rate=_times(one.rate, lr_factor)) for one in steps]
        values, done = self.replay.go_on(self.good, self.good_epoch, suggest_lower_rate)
        epoch = steps[done - 1].epoch if done else self.good_epoch
        return values, epoch, done, len(steps)


def investigate(model, box, ring, snapshots, *, now, limit, known):
    """Return the `Case` of a run that is lost.

    Args:
        model: The model in `fit`.
        box: An entered `backend.Sandbox`, None where no batches are kept.
        ring: The `Ring` of kept batches.
        snapshots: The `Snapshots`.
        now: A `Snapshot` of where the run is.
        limit: Loss above which a step counts as exploded.
        known: See `Replay`.
    """
    case = Case()
    good = snapshots.good
    if good is None and snapshots.latest is not None and snapshots.latest.call == 0:
        good = snapshots.latest  # where it began: no step can have ruined it
    if good is not None:
        case.good, case.good_step, case.good_epoch = good.values, good.step, good.epoch
    start, case.reason = _start(box, ring, snapshots, now)
    if start is None:
        return case
    case.replay = replay = Replay(model, box, limit=limit, known=known)
    kept = ring.since(start.call)
    landmark = snapshots.latest if snapshots.latest.call > start.call else None
    case.bad = replay.first_bad(start, kept, landmark, ring.before(start.call))
    if case.bad is None:
        case.is_well = replay.is_like(box.values(), now)
        case.reason = _nothing_found(replay, start, landmark)
        case.later = singles(ring.since(start.call)) if start is good else []
        return case
    case.fault = Locator(model, case.bad, known).locate(start.values)
    if start is good:
        case.later = singles(kept)
    _prefer_later(case, kept)
    return case


def _start(box, ring, snapshots, now):
    """Return the snapshot to start from; None and the reason if there is none."""
    if box is None:
        return None, 'only Babysitter(record="folder") keeps the batches to find out what it was.'
    if snapshots.good is not None and snapshots.good.call == now.call:
        return snapshots.good, ""  # no step was made since
    if snapshots.latest is None:
        return None, "it was so before the first step was over."
    if ring.first is None:
        return None, "the batches of this run cannot be looked at."
    for start in (snapshots.good, snapshots.latest):
        if start is not None and ring.first <= start.call:
            return start, ""
    return None, (
        f"the last state that was kept is that of step {snapshots.latest.step}, and of the "
        f"{ring.until - snapshots.latest.call} calls since only the latest {len(ring)} are kept."
    )


def _nothing_found(replay, start, landmark):
    if replay.is_identical is False:
        return (
            f"the kept batches, trained on again from step {start.step}, part from the run before "
            f"step {landmark.step}: something that is random or changed is neither a weight nor a "
            "seed of Keras."
        )
    return (
        f"the kept batches, trained on again from step {start.step}, all go well: what changed the "
        "run is no training step."
    )


def _prefer_later(case, kept):
    """Take the state right before the bad step for the good one, if it does well.

    It is tried on the batch before, which went well then: the state may be ruined, too.
    """
    bad = case.bad
    if bad.exploded_at is not None:
        return
    before = [one for one in singles(kept) if one.step < bad.kept.step]
    if not before or not case.replay.is_good(bad.before, before[-1]):
        return
    case.good, case.good_step, case.good_epoch = bad.before, bad.kept.step, bad.kept.epoch
    case.later = [one for one in singles(kept) if one.step >= bad.kept.step]


def placed_rate(values, place, rate):
    """Return `values` with another learning rate."""
    trainable, other, optimizer = values
    return trainable, other, [*optimizer[:place], rate, *optimizer[place + 1 :]]


def in_epoch(model, values, then, now):
    """Return `values` of epoch `then` as they are in epoch `now`: the metrics start anew."""
    return values if then == now else with_fresh_metrics(model, values)


def _times(rate, factor):
    return None if rate is None else np.asarray(backend.to_numpy(rate)) * np.float32(factor)
