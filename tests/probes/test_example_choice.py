import numpy as np
import pytest

from keras_babysit.backends import backend
from keras_babysit.probes.example_choice import MAX_PROBE_EXAMPLES
from keras_babysit.samples import batches
from tests.probes.parts import X, Y, choice_for, network, planned, reference, started

NOTHING_KEPT = 0


def chosen(step, kept, schedule=None, *, batch_size=None):
    """Return how many examples are measured of a step's and of the kept ones."""
    model = network(batch_size)
    choice, _ = choice_for(model, reference(kept), schedule)
    batch = (X[:step], Y[:step], None) if step else None
    batch = choice.choose(batch)
    return None if batch is None else batches.size(batch)


@pytest.fixture(params=[False, True], ids=["any-size", "each-size-compiled"])
def compiles_each_size(request, monkeypatch):
    monkeypatch.setattr(backend, "COMPILES_EACH_SIZE", request.param)
    return request.param


@pytest.mark.parametrize(
    ("step", "kept", "expected"),
    [
        pytest.param(64, NOTHING_KEPT, 64, id="the-batch-of-the-step"),
        pytest.param(600, NOTHING_KEPT, MAX_PROBE_EXAMPLES, id="no-more-than-the-bound"),
        pytest.param(8, NOTHING_KEPT, 8, id="a-small-batch-if-there-is-no-more"),
        pytest.param(0, NOTHING_KEPT, None, id="nothing"),
    ],
)
def test_what_is_measured_of_a_step(step, kept, expected, compiles_each_size):
    assert chosen(step, kept) == expected


def test_a_small_batch_gives_way_to_the_reference_sample(compiles_each_size):
    assert chosen(8, 1000) == (32 if compiles_each_size else MAX_PROBE_EXAMPLES)


@pytest.mark.parametrize(("examples", "expected"), [(256, 200), (64, 64), (1, 32)])
def test_as_many_kept_examples_as_planned_but_enough(examples, expected, monkeypatch):
    monkeypatch.setattr(backend, "COMPILES_EACH_SIZE", False)
    assert chosen(0, 200, planned(examples=examples)) == expected


def test_of_a_step_no_more_than_planned(compiles_each_size):
    schedule = planned(step_examples=64)
    assert chosen(600, NOTHING_KEPT, schedule) == 64
    choice, _ = choice_for(network(), reference(NOTHING_KEPT), schedule)
    assert batches.size(choice.cut((X[:200], Y[:200], None))) == 64
    choice, _ = choice_for(network(200), reference(NOTHING_KEPT), schedule)
    assert batches.size(choice.cut((X[:200], Y[:200], None))) == 200  # it takes no other


@pytest.mark.parametrize("kept", [1, 5, 31])
def test_where_each_size_is_compiled_there_are_few_of_them(kept, monkeypatch):
    monkeypatch.setattr(backend, "COMPILES_EACH_SIZE", True)
    assert chosen(0, kept) in (1, 2, 4, 8, 16)


@pytest.mark.parametrize(
    ("step", "kept", "expected"), [(16, 0, 16), (5, 40, 16), (0, 40, 16), (5, 9, None)]
)
def test_a_model_of_one_batch_size_gets_that_or_nothing(step, kept, expected):
    assert chosen(step, kept, batch_size=16) == expected


def test_without_memory_a_quarter_is_measured_and_that_is_said_once():
    choice, _ = choice_for(network(), reference())
    choice.choose((X[:300], Y[:300], None))
    assert not choice.can_shrink(ValueError("something else"))
    assert choice.can_shrink(MemoryError())
    assert choice.shrink(256).startswith("Measurements use 64 examples instead of 256:")
    assert batches.size(choice.choose((X[:300], Y[:300], None))) == 64
    assert not choice.can_shrink(MemoryError())


def test_less_memory_never_takes_more_than_a_step():
    choice, _ = choice_for(network(), reference())
    choice.choose((X[:40], Y[:40], None))
    choice.shrink(256)
    assert choice.max_examples == 40


def test_both_samples_are_scored_in_passes_of_one_size_where_that_is_compiled(monkeypatch):
    monkeypatch.setattr(backend, "COMPILES_EACH_SIZE", True)
    sample = reference(train=1000, validation=300)
    choice, _ = choice_for(network(), sample)
    counts = {choice.count_scored(part, 512) for part in (sample.train, sample.validation)}
    assert counts == {32}  # the largest power of two up to 300 / 8


def test_where_any_size_costs_the_same_it_is_what_the_plan_says(monkeypatch):
    monkeypatch.setattr(backend, "COMPILES_EACH_SIZE", False)
    sample = reference(train=1000)
    choice, batch_size = choice_for(network(), sample)
    assert choice.count_scored(sample.train, 512) == 512
    batch_size.note(16)
    assert batch_size.settle(32)
    assert choice.count_scored(sample.train, 512) == 16


def test_what_is_measured_are_the_rows_that_were_given():
    choice, _ = choice_for(network(), reference(), started(every=3))
    x, y, _ = choice.choose((X[:600], Y[:600], None))
    np.testing.assert_array_equal(x, X[:MAX_PROBE_EXAMPLES])
    np.testing.assert_array_equal(y, Y[:MAX_PROBE_EXAMPLES])
