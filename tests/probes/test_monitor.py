import numpy as np
import pytest

from keras_babysit.backends import backend
from keras_babysit.history import History
from keras_babysit.probes import Monitor
from keras_babysit.probes.depth import Depth, Reach
from tests.probes.parts import X, Y, network, reference, started

BATCH = (X[:64], Y[:64], None)


class Watched:
    """A monitor, the history that it fills, and its notices."""

    def __init__(self, model=None, *, schedule=None, depth=None, train=0, planned=None):
        self.model, self.history, self.notices = model or network(), History(), []
        self.reference = reference(train, history=self.history)
        self.monitor = Monitor(
            self.model,
            self.history,
            schedule or started(),
            planned={"epochs": 2, "steps": 5} if planned is None else planned,
            notice=lambda *notice: self.notices.append(notice),
            reference=self.reference,
            depth=depth,
        )


@pytest.mark.parametrize("reach", [Reach.UNCOMPILED, Reach.NOT_MEASURED])
def test_it_measures_as_deep_as_it_is_told_to(reach, monkeypatch):
    monkeypatch.setattr(backend, "start_seconds", lambda layers, is_compiled: 60.0)
    watched = Watched(depth=Depth(reach))
    assert not watched.monitor.has_measured
    assert watched.monitor.why_not_measured() == {}
    found = watched.monitor.measure(0, 0, None, BATCH)
    assert watched.monitor.reach is reach
    assert watched.monitor.has_measured
    quantities = {one.quantity for one in found}
    assert {"weights/norm", "optimizer/learning_rate", "inputs/mean"} <= quantities
    has_layers = reach is Reach.UNCOMPILED
    assert ({"activations/std", "loss/start", "gradients/norm"} <= quantities) == has_layers
    why = watched.monitor.why_not_measured().get("", "")
    assert (why == "") == has_layers
    assert has_layers or why.startswith("Layers not measured: the first measurement of this")


def test_what_it_returns_is_what_the_history_holds():
    watched, heard = Watched(depth=Depth(Reach.UNCOMPILED)), []
    watched.history.listen(heard.append)
    found = watched.monitor.measure(0, 0, None, BATCH)
    assert heard == [found]  # in one call
    assert {(one.quantity, one.target) for one in watched.history} == {
        (one.quantity, one.target) for one in found
    }


def test_without_a_batch_nothing_is_measured():
    watched = Watched()
    assert watched.monitor.measure(0, 0, None, None) == []
    assert len(watched.history) == 0
    assert watched.monitor.measure_update(None, None, 0, 0, 1) == []


def test_without_a_batch_the_reference_sample_is_measured():
    watched = Watched(depth=Depth(Reach.UNCOMPILED), train=100)
    assert watched.monitor.can_use_reference
    watched.monitor.measure(5, 0, None, None)
    count = watched.history.facts.batch_size
    # Where each size is compiled, no more examples than a small batch has.
    assert count == (32 if backend.COMPILES_EACH_SIZE else 100)
    hidden = np.maximum(X[:count] @ np.asarray(watched.model.get_weights()[0]), 0)
    assert watched.history.last("activations/mean", "hidden") == pytest.approx(
        hidden.mean(), rel=1e-4
    )


def test_a_model_of_small_batches_is_measured_by_the_host_and_that_is_said():
    watched = Watched(network(batch_size=4), depth=Depth(Reach.UNCOMPILED))
    watched.monitor.measure(0, 0, None, (X[:4], Y[:4], None))
    assert watched.monitor.reach is Reach.NOT_MEASURED
    assert "only batches of 4 examples" in watched.monitor.why_not_measured()[""]


def test_a_score_needs_a_probe_before_it():
    watched = Watched(depth=Depth(Reach.UNCOMPILED), train=800)
    assert watched.monitor.score(0, 0) == []
    watched.monitor.measure(0, 0, None, BATCH)
    found = {(one.quantity, one.target): one.value for one in watched.monitor.score(5, 0)}
    assert found["score/loss", "train"] > 0
    assert watched.history.last("score/loss", "train") == found["score/loss", "train"]
    assert watched.history.facts.data.examples == 800


def test_a_probe_that_was_compiled_later_goes_on_from_what_was_known(monkeypatch):
    monkeypatch.setattr(backend, "start_seconds", lambda layers, is_compiled: 60.0)
    schedule = started()
    watched = Watched(schedule=schedule, depth=Depth(Reach.UNCOMPILED))
    first = watched.monitor.measure(0, 0, None, BATCH)
    schedule.expect(10_000_000, 10)
    again = watched.monitor.measure(100, 0, None, BATCH)
    assert watched.monitor.reach is Reach.COMPILED
    assert watched.history.facts.is_compiled is True
    seen = [{(m.quantity, m.target): m.value for m in found} for found in (first, again)]
    for key in set(seen[0]) - {("loss/start", "")}:
        np.testing.assert_allclose(seen[1][key], seen[0][key], rtol=1e-4, atol=1e-6)
