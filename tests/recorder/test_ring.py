"""The ring keeps to its bounds of number and memory."""

import numpy as np
import pytest

from keras_babysit.recorder.ring import MAX_RING_BYTES, MAX_STEPS, KeptStep, Ring


def kept(call, n_bytes=1):
    array = np.broadcast_to(np.zeros(1, "int8"), (n_bytes,))  # takes no memory
    return KeptStep(call, call, 0, call, [array])


@pytest.mark.parametrize(
    ("count", "n_bytes", "calls"),
    [
        pytest.param(600, 1, range(88, 600), id="number"),
        pytest.param(10, MAX_RING_BYTES // 4, range(6, 10), id="memory-just-fits"),
        pytest.param(10, MAX_RING_BYTES // 4 + 1, range(7, 10), id="memory-just-does-not-fit"),
        pytest.param(3, 2 * MAX_RING_BYTES, [2], id="one-is-too-large"),
    ],
)
def test_it_keeps_to_its_bounds(count, n_bytes, calls):
    ring = Ring()
    for call in range(count):
        ring.add(kept(call, n_bytes))
        taken = sum(one.batches[0].nbytes for one in ring.since(0))
        assert taken <= max(MAX_RING_BYTES, n_bytes)
    assert [one.call for one in ring.since(0)] == list(calls)
    assert (ring.first, ring.until, len(ring)) == (calls[0], count, len(calls))


def test_the_bounds_are_those_of_the_documentation():
    assert (MAX_STEPS, MAX_RING_BYTES) == (512, 256 * 2**20)


@pytest.mark.parametrize(("n_bytes", "capacity"), [(None, 8), (1, 8), (300, 3), (2000, 1)], ids=str)
def test_its_capacity_is_that_for_calls_like_the_latest(n_bytes, capacity):
    ring = Ring(max_steps=8, max_bytes=1000)
    if n_bytes is not None:
        ring.add(kept(0, n_bytes))
    assert ring.capacity == capacity


def test_a_dropped_step_leaves_its_memory_to_others():
    ring = Ring(max_bytes=2)
    for call in range(2):
        ring.add(kept(call))
    ring.drop_latest()
    ring.add(kept(1))
    assert [one.call for one in ring.since(0)] == [0, 1]


def test_a_step_that_went_well_outlives_a_rescue():
    ring = Ring()
    ring.add(kept(5))
    good = kept(4)
    ring.clear(good=good)
    assert (len(ring), ring.first, ring.until) == (0, None, 0)
    assert ring.before(9) is good
    ring.add(kept(8))
    assert ring.before(9).call == 8
