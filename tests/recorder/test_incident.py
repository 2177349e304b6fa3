"""What is known of a lost run: where the replay starts, and what it goes back to."""

import numpy as np
import pytest

from keras_babysit.recorder.incident import Incident, investigate
from keras_babysit.recorder.replay import BadStep
from keras_babysit.recorder.ring import KeptStep, Ring
from keras_babysit.recorder.snapshot import Snapshot, Snapshots


class TrainsOne:
    """Stands for a replay that trains on one step and then meets something bad."""

    def __init__(self):
        self.rates = []

    def go_on(self, values, epoch, steps):
        self.rates = [None if one.rate is None else float(one.rate) for one in steps]
        return values, 1


def steps(*epochs, rate=None):
    return [KeptStep(n, n, epoch, n, [None], rate) for n, epoch in enumerate(epochs, start=6)]


def bad_step(kept):
    return BadStep(kept, None, None, None, False)


def test_the_epoch_after_a_rescue_is_that_of_the_steps_that_were_made():
    later = steps(0, 1, 1)
    incident = Incident(
        good="good", good_epoch=0, bad=bad_step(later[0]), later=later, replay=TrainsOne()
    )
    assert incident.train_on(lr_factor=1.0, skip_batch=True) == ("good", 1, 1, 2)


@pytest.mark.parametrize(("skip_batch", "count"), [(True, 2), (False, 3)])
def test_it_trains_on_at_the_lower_learning_rate_with_or_without_the_batch(skip_batch, count):
    later, replay = steps(0, 0, 0, rate=np.float32(0.5)), TrainsOne()
    incident = Incident(good="good", bad=bad_step(later[1]), later=later, replay=replay)
    incident.train_on(lr_factor=0.5, skip_batch=skip_batch)
    assert replay.rates == [0.25] * count


def test_without_a_replay_it_goes_on_from_the_good_state_itself():
    incident = Incident(good="good", good_epoch=3, later=steps(3))
    assert incident.train_on(lr_factor=0.5, skip_batch=True) == ("good", 3, 0, 0)


def snapshot(call, *, is_confirmed):
    return Snapshot(call, call, 0, ([], [], []), is_confirmed)


def kept_from(first, until):
    ring = Ring(max_steps=until - first)
    for call in range(first, until):
        ring.add(KeptStep(call, call, 0, call, [np.zeros(1)]))
    return ring


def found_of(box, ring, *snapshots):
    both = Snapshots()
    for one in snapshots:
        both.add(one)
    now = snapshot(9, is_confirmed=True)
    return investigate(None, box, ring, both, now=now, limit=np.inf, known=frozenset())


@pytest.mark.parametrize(
    ("box", "ring", "snapshots", "reason"),
    [
        pytest.param(None, Ring(), [], "To find the cause, set `Babysitter(record=", id="off"),
        pytest.param("box", Ring(), [], "before the first step was over", id="no-state"),
        pytest.param(
            "box",
            Ring(),
            [snapshot(0, is_confirmed=True)],
            "The batches of this run cannot be read",
            id="no-batches",
        ),
        pytest.param(
            "box",
            kept_from(7, 9),
            [snapshot(0, is_confirmed=True), snapshot(4, is_confirmed=False)],
            "The latest snapshot is of step 4; of the 5 calls since only the latest 2 are kept.",
            id="too-long-ago",
        ),
    ],
)
def test_where_no_replay_is_possible_the_reason_is_a_sentence(box, ring, snapshots, reason):
    incident = found_of(box, ring, *snapshots)
    assert reason in incident.why
    assert incident.why[0].isupper()
    assert incident.why.endswith(".")
    assert incident.evidence == {}
    assert incident.replay is None


@pytest.mark.parametrize(
    ("snapshots", "good_step"),
    [
        ([snapshot(0, is_confirmed=False)], 0),
        ([snapshot(2, is_confirmed=False)], None),
        ([snapshot(2, is_confirmed=True), snapshot(5, is_confirmed=False)], 2),
    ],
    ids=["the-start-is-good", "unconfirmed", "confirmed"],
)
def test_the_good_state_is_the_confirmed_one_or_the_start(snapshots, good_step):
    incident = found_of(None, Ring(), *snapshots)
    assert (incident.good is not None) == (good_step is not None)
    assert incident.good_step == (good_step or 0)
