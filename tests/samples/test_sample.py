import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_babysit.samples import batches
from keras_babysit.samples.batches import size
from keras_babysit.samples.sample import Sample


def batch(examples, value):
    return np.full((examples, 2), value, np.float32), np.full(examples, value), None


@given(st.integers(1, 40), st.integers(1, 300), st.integers(8, 64))
def test_it_is_bounded_and_spread_over_the_stream(examples, batches, bound):
    sample = Sample(max_examples=bound)
    asked = 0
    for index in range(batches):
        if sample.wants(index):
            asked += 1
            sample.add(index, batch(examples, index))
    assert 0 < len(sample) <= bound
    kept = sorted({int(value) for part in sample.slices(1) for value in part[1]})
    assert kept[0] == 0 or len(kept) < 2
    if examples * 4 <= bound and batches * examples > bound:
        assert len(sample) > bound - examples  # none is given up before another takes its index
        assert kept[-1] >= batches / 2 - 1
    assert asked <= 2 * bound * (1 + np.log2(batches))


@pytest.mark.parametrize("period", range(2, 17))
@pytest.mark.parametrize("length", [100, 1000, 3000])
def test_a_stream_that_repeats_itself_is_covered(period, length):
    sample, asked = Sample(max_examples=64), 0
    for index in range(length):
        if sample.wants(index):
            assert index == asked  # as `next_index` says
            sample.add(index, batch(1, index % period))
            asked = sample.next_index(index)
    kept = np.bincount(sample.batch(64)[1].astype(int), minlength=period)
    assert len(sample) > 32
    assert np.mean(kept > 0) >= 0.75
    assert kept.max() <= 3 * kept.mean()


def test_memory_is_bounded():
    sample = Sample(max_bytes=100)
    sample.add(0, batch(1000, 1))
    x, y, _ = sample.batch(1000)
    assert x.nbytes + y.nbytes <= 100


def test_slices_have_one_size_and_leave_a_rest_out():
    sample = Sample()
    sample.add(0, batch(10, 1))
    sample.add(1, batch(7, 2))
    assert [size(part) for part in sample.slices(4)] == [4, 4, 4, 4]
    assert [size(part) for part in sample.slices(100)] == [17]
    assert list(Sample().slices(4)) == []


def test_batches_of_other_shapes_are_not_mixed():
    sample = Sample()
    sample.add(0, (np.zeros((3, 5)), None, None))
    sample.add(1, (np.zeros((4, 9)), None, None))
    assert sample.batch(10)[0].shape == (4, 9)


@pytest.mark.parametrize("structure", [dict, list])
def test_nested_inputs_stay_nested(structure):
    x = {"a": np.zeros((3, 2)), "b": np.ones((3, 1))}
    x = x if structure is dict else list(x.values())
    sample = Sample()
    sample.add(0, (x, None, None))
    sample.add(1, (x, None, None))
    assert isinstance(sample.batch(6)[0], structure)


def test_examples_that_repeat_are_known_by_their_content():
    x = np.arange(12.0).reshape(6, 2)
    first, second = (x[:3], x[:3, :1], None), (x[2:], x[2:, :1], None)
    fresh = batches.without(second, batches.rows(first))
    np.testing.assert_array_equal(fresh[0], x[3:])
    assert batches.size(batches.without(first, batches.rows(first))) == 0


def test_a_subsample_is_spread_over_the_whole():
    sample = Sample()
    for index in range(10):
        x = np.full((16, 1), index, "float32")
        sample.add(index, (x, np.zeros(16, "int32"), None))
    x, y, _ = next(sample.subsample(40).slices(1000))
    assert len(x) == len(y) == 40
    assert np.bincount(x[:, 0].astype(int)).tolist() == [4] * 10
    assert sample.subsample(100) is sample
    assert len(sample.subsample(7)) == 8  # one of every 22 of 160


def test_a_subsample_of_classes_that_alternate_has_all_of_them():
    for classes in (2, 3, 5):
        sample = Sample()
        for index in range(20):
            y = np.arange(30 * index, 30 * index + 30) % classes
            sample.add(index, (np.zeros((30, 1), "float32"), y, None))
        for count in (60, 100, 300):
            counts = np.bincount(sample.subsample(count).batch(600)[1], minlength=classes)
            by_chance = np.sqrt(counts.mean() * (1 - 1 / classes))
            assert abs(counts - counts.mean()).max() < 3 * by_chance, (classes, count)
