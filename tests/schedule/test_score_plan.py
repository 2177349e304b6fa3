"""The cost of a score is estimated, and it uses as many examples as the budget allows."""

import numpy as np
import pytest

from keras_babysit.backends import backend
from keras_babysit.samples.batch_size import BatchSize
from keras_babysit.samples.sample import Sample
from keras_babysit.schedule.pace import Pace
from keras_babysit.schedule.schedule import Schedule
from keras_babysit.schedule.score_plan import PROBES_PER_PASS, ScorePlan

all_or_none = pytest.mark.skipif(
    backend.COMPILES_EACH_SIZE, reason="each size is a compilation: it scores all there"
)


def kept(examples):
    sample = Sample()
    sample.add(0, (np.ones((examples, 4), "float32"), np.ones(examples, "int32"), None))
    return sample


def planned(monkeypatch, *, is_compiled, start=0.0, **passes):
    """Return a plan of a short run, and its schedule; `probe_32=1.3` is a probe that was seen."""
    monkeypatch.setattr(backend, "start_seconds", lambda layers, is_compiled: start)
    schedule, probes = Schedule(clock=lambda: 0.0), Pace()
    schedule.start(100)
    for name, seconds in passes.items():
        probes.note(int(name.removeprefix("probe_")), seconds)
    size = BatchSize(None)
    plan = ScorePlan(schedule, 3, is_compiled=is_compiled, probes=probes, batch_size=size)
    return plan, schedule


@all_or_none
@pytest.mark.parametrize("is_compiled", [True, False])
@pytest.mark.parametrize(("seconds", "examples"), [(0.0, 1000), (0.004, 500), (1.0, 250)])
def test_it_uses_as_many_examples_as_the_budget_allows(seconds, examples, is_compiled, monkeypatch):
    plan, _ = planned(monkeypatch, is_compiled=is_compiled, probe_1=seconds)
    plan.choose(kept(1000), kept(64))
    assert plan.examples == examples


@all_or_none
def test_a_first_score_that_may_be_expensive_is_small_and_measured(
    monkeypatch,
):
    # Of a second for a probe nobody knows what its 32 examples took.
    plan, schedule = planned(monkeypatch, is_compiled=False, start=0.01, probe_32=1.0)
    plan.choose(kept(1000), kept(0))
    assert plan.examples == 250
    assert schedule.affords("score", 100)
    plan.note(250, seconds=0.02)
    plan.choose(kept(1000), kept(0))
    assert plan.examples == 1000


def test_the_score_of_the_end_is_estimated(monkeypatch):
    cheap, schedule = planned(monkeypatch, is_compiled=True, probe_32=0.01)
    cheap.choose(kept(100), kept(100))
    assert schedule.affords("score", 100, is_last=True)
    expensive, schedule = planned(monkeypatch, is_compiled=True, probe_32=32.0)
    expensive.choose(kept(100), kept(100))
    assert not schedule.affords("score", 100, is_last=True)


def test_small_operations_are_shared_by_several_times_the_examples_of_a_probe(monkeypatch):
    small = {"start": 0.1, "probe_32": 0.01}
    plan, _ = planned(monkeypatch, is_compiled=False, **small)
    assert plan.at_a_time(256) == PROBES_PER_PASS * 256
    plan.spare_memory()
    assert plan.at_a_time(256) == 256
    for other in ({"is_compiled": True}, {"is_compiled": False, "probe_32": 10.0}):
        plan, _ = planned(monkeypatch, **(small | other))
        assert plan.at_a_time(256) == 256
