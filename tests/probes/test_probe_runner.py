import pytest

from keras_babysit.backends import backend
from keras_babysit.probes.depth import Depth, Reach
from keras_babysit.probes.probe import Probe
from keras_babysit.probes.probe_runner import ProbeRunner
from keras_babysit.schedule import Mode, Plan
from keras_babysit.schedule.cost_estimate import FORWARD_FRACTION
from tests.probes.parts import X, Y, choice_for, network, reference, started

BATCH = (X[:64], Y[:64], None)


def runner_of(model, depth, schedule=None, notices=None, **options):
    schedule = schedule or started()
    choice, batch_size = choice_for(model, reference(), schedule)
    notice = (notices if notices is not None else []).append
    state = backend.state(model, None)
    return ProbeRunner(
        model, state, BATCH, depth, choice, batch_size, schedule, notice=notice, **options
    )


def run(runner, model):
    return runner.run(backend.state(model, None), BATCH, BATCH)


def test_it_measures_layers_loss_and_gradients():
    model, notices = network(), []
    readings, batch = run(runner_of(model, Depth(Reach.UNCOMPILED), notices=notices), model)
    assert batch is BATCH
    assert {("activations/std", "hidden"), ("loss/batch", ""), ("gradients/norm", "last/bias")} <= {
        *readings
    }
    assert notices == []


def fails_with(monkeypatch, fails):
    """Let probes fail as long as `fails` says so of one; return the list of those that ran."""
    call, tried = Probe.__call__, []

    def limited(self, *args, **options):
        tried.append(self)
        if fails(self):
            raise NotImplementedError
        return call(self, *args, **options)

    monkeypatch.setattr(Probe, "__call__", limited)
    return tried


FAILURES = {
    "gradients": (lambda probe: probe.has_loss, 2, "Loss and gradients not measured: "),
    "the-call": (lambda probe: probe.has_call, 5, "Loss, gradients, layers and outputs not "),
}


@pytest.mark.parametrize("name", FAILURES)
def test_where_it_fails_less_is_measured_until_it_works(name, monkeypatch):
    fails, fallbacks, beginning = FAILURES[name]
    tried = fails_with(monkeypatch, fails)
    model, depth, notices = network(), Depth(Reach.UNCOMPILED), []
    runner = runner_of(model, depth, notices=notices)
    readings, _ = run(runner, model)
    assert len(tried) == fallbacks + 1
    assert repr(depth).endswith(f"fallbacks={fallbacks})")
    assert ("weights/norm", "hidden/kernel") in readings
    (notice,) = notices
    assert notice.startswith(beginning)
    assert notice.endswith("the probe raised NotImplementedError.")


def test_where_nothing_works_the_error_is_raised(monkeypatch):
    tried = fails_with(monkeypatch, lambda probe: True)
    model = network()
    with pytest.raises(NotImplementedError):
        run(runner_of(model, Depth(Reach.UNCOMPILED)), model)
    assert len(tried) == 6


def test_once_it_has_run_a_failure_is_raised_at_once(monkeypatch):
    model, depth = network(), Depth(Reach.UNCOMPILED)
    runner = runner_of(model, depth)
    run(runner, model)
    fails_with(monkeypatch, lambda probe: True)
    with pytest.raises(NotImplementedError):
        run(runner, model)
    assert repr(depth).endswith("fallbacks=0)")


@pytest.mark.parametrize(
    ("seconds", "reach"), [(0.1, Reach.UNCOMPILED), (30.0, Reach.NOT_MEASURED)]
)
def test_layers_are_measured_if_that_is_planned(seconds, reach, monkeypatch):
    monkeypatch.setattr(backend, "COMPILES_EACH_SIZE", False)
    monkeypatch.setattr(backend, "start_seconds", lambda layers, is_compiled: seconds)
    model, depth = network(), Depth(can_compile=False)
    runner = runner_of(model, depth)
    assert depth.reach is Reach.NOT_MEASURED
    runner.follow_plan()
    assert depth.reach is reach
    forward_only = FORWARD_FRACTION * seconds
    assert runner.first_seconds == pytest.approx(forward_only, abs=0.1)


@pytest.mark.parametrize("reach", [Reach.UNCOMPILED, Reach.NOT_MEASURED])
def test_it_goes_deeper_once_the_run_turns_out_to_be_long(reach, monkeypatch):
    monkeypatch.setattr(backend, "start_seconds", lambda layers, is_compiled: 30.0)
    model, depth, schedule = network(), Depth(reach), started()
    runner = runner_of(model, depth, schedule)
    first = runner.probe
    runner.follow_plan()
    assert depth.reach is reach
    schedule.expect(10_000_000, 10)
    runner.follow_plan()
    assert depth.reach is Reach.COMPILED
    assert runner.probe is not first


def test_a_number_of_steps_starts_as_deep_as_the_depth_says(monkeypatch):
    monkeypatch.setattr(backend, "start_seconds", lambda layers, is_compiled: 30.0)
    depth = Depth(Reach.UNCOMPILED)
    runner_of(network(), depth, started(every=3)).follow_plan()
    assert depth.reach is Reach.UNCOMPILED


def test_without_gradients_it_measures_forward_only():
    model, schedule = network(), started()
    runner = runner_of(model, Depth(Reach.UNCOMPILED), schedule)
    schedule.plan = Plan(mode=Mode(is_compiled=False, takes_gradients=False))
    readings, _ = run(runner, model)
    assert ("loss/batch", "") in readings
    assert not [target for quantity, target in readings if quantity == "gradients/norm"]


@pytest.mark.skipif(backend.COMPILES_EACH_SIZE, reason="all is compiled there")
def test_a_single_probe_does_not_earn_a_compilation_back(monkeypatch):
    monkeypatch.setattr(backend, "start_seconds", lambda layers, is_compiled: 0.0)
    for is_single in (True, False):
        depth = Depth()
        runner_of(network(), depth, is_single=is_single).follow_plan()
        assert depth.is_compiled is not is_single


@pytest.mark.parametrize("has_gone_well", [True, False])
def test_a_batch_of_the_wrong_size_is_tried_again_with_that_of_the_step(has_gone_well, monkeypatch):
    call, sizes = Probe.__call__, []

    def fixed(self, state, batch, **options):
        sizes.append(len(batch[0]))
        if sizes[-1] != 16:
            raise ValueError("takes batches of 16")
        return call(self, state, batch, **options)

    monkeypatch.setattr(Probe, "__call__", fixed)
    model, whole = network(), (X[:16], Y[:16], None)
    runner = runner_of(model, Depth(Reach.UNCOMPILED))
    state = backend.state(model, None)
    if has_gone_well:
        runner.run(state, whole, whole)
    _, batch = runner.run(state, BATCH, whole)
    assert batch is whole
    assert sizes[-2:] == [64, 16]
