import pytest

from keras_babysit.schedule.cost_estimate import LOOK_SECONDS, CostEstimate, Mode

COMPILED, UNCOMPILED = Mode(is_compiled=True), Mode(is_compiled=False)
FORWARD = Mode(is_compiled=True, takes_gradients=False)


def estimate(**options):
    return CostEstimate(
        10, **({"multiply_adds": 1e6, "compiled_start": 1.0, "uncompiled_start": 0.4} | options)
    )


def test_the_mode_that_shows_most_comes_first():
    assert estimate().modes[:2] == [COMPILED, UNCOMPILED]
    assert [mode.takes_gradients for mode in estimate().modes] == [True, True, False, False]
    assert estimate(compiled_start=None).modes[0] == UNCOMPILED
    assert estimate(uncompiled_start=None).modes == [COMPILED, FORWARD]


def test_starting_is_paid_once():
    assert estimate().start(COMPILED) == 1.0
    assert estimate(is_kept=True).start(COMPILED) == 0.0
    assert estimate(is_kept=True).start(UNCOMPILED) == pytest.approx(0.12)
    assert estimate().start(None) == 0.0


def test_an_uncompiled_probe_pays_for_its_operations_each_time():
    assert estimate().probe(UNCOMPILED, 32) > estimate().probe(COMPILED, 32) + 0.2


def test_a_probe_without_a_backward_pass_is_cheaper():
    assert estimate().start(FORWARD) < estimate().start(COMPILED)
    assert estimate().probe(FORWARD, 256) < estimate().probe(COMPILED, 256)
    assert estimate().probe(None, 256) == LOOK_SECONDS


def test_work_grows_with_the_examples():
    one, two = (estimate().probe(COMPILED, examples) for examples in (128, 256))
    assert one < two < 2 * one
    assert estimate(batch_size=64).step > estimate(batch_size=32).step
    assert estimate().score(FORWARD, 1024) > estimate().score(FORWARD, 128)


def test_an_accelerator_works_faster_but_does_not_start_faster():
    plain, fast = (estimate(is_accelerated=is_fast) for is_fast in (False, True))
    assert fast.step < plain.step
    assert fast.probe(COMPILED, 256) < plain.probe(COMPILED, 256)
    assert fast.start(COMPILED) == plain.start(COMPILED)


def test_small_operations_are_shared_by_several_times_the_examples():
    assert estimate().is_small_pass(256)
    assert not estimate(multiply_adds=1e9).is_small_pass(256)
