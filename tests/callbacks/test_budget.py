"""What the budget does not allow is left out, and that is reported."""

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.backends import backend
from keras_babysit.schedule import CostEstimate, Schedule

X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("int32")


def fit(*callbacks, **options):
    keras.utils.set_random_seed(3)
    layers = keras.layers
    stack = [layers.Dense(4, "relu", name="hidden"), layers.Dense(2, "softmax", name="last")]
    model = keras.Sequential([keras.Input((4,)), *stack])
    model.compile("adam", "sparse_categorical_crossentropy")
    options = {"batch_size": 16, "epochs": 2, "verbose": 0, "shuffle": False} | options
    history = model.fit(X, Y, callbacks=list(callbacks), validation_data=(X, Y), **options)
    return model.get_weights(), history.history


@pytest.fixture
def slow_start(monkeypatch):
    monkeypatch.setattr(backend, "start_seconds", lambda layers, is_compiled: 60.0)


def test_a_run_that_cannot_afford_a_probe_is_measured_without_its_layers(slow_start):
    sitter = kb.Babysitter(verbose=0)
    bare, watched = fit(), fit(sitter)
    assert all(np.array_equal(a, b) for a, b in zip(bare[0], watched[0], strict=True))
    assert bare[1] == watched[1]
    history = sitter.history
    assert history.facts.broke_off is None
    assert not history.targets("activations/std")
    assert not history.targets("score/loss")
    assert len(history.targets("weights/norm")) == 4
    assert 0 < history.first("updates/ratio", history.targets("weights/norm")[0]) < 1
    _, logs = fit(epochs=1, steps_per_epoch=1)
    assert history.last("loss/start") == pytest.approx(logs["loss"][0], rel=1e-5)
    (note,) = (finding for finding in sitter.findings if finding.rule == "not_watched")
    assert note.severity is kb.Severity.NOTE
    assert note.message == (
        "Layers not measured: the first measurement of this network takes about 24 s, more than "
        "`budget=0.02` allows in this run. Set `every=10` to measure regardless."
    )


@pytest.mark.any_backend
def test_a_number_of_steps_or_a_larger_budget_measures_layers_at_once(slow_start):
    for options in ({"every": 4}, {"budget": 1.0}):
        sitter = kb.Babysitter(verbose=0, **options)
        fit(sitter)
        assert sitter.history.targets("activations/std")
        assert not [finding for finding in sitter.findings if finding.rule == "not_watched"]


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_a_run_that_turns_out_to_be_long_joins_what_the_host_measured(slow_start, monkeypatch):
    # The length of a generator is known after its first epoch.
    monkeypatch.setattr(CostEstimate, "step", 3000.0)
    batches = ((X[:16], Y[:16]) for _ in range(12))
    sitter = kb.Babysitter(verbose=0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(batches, shuffle=False, verbose=0, epochs=3, callbacks=[sitter])
    history = sitter.history
    assert history.facts.broke_off is None
    assert history.facts.layers
    first = history.targets("activations/std")[0]
    assert history.series("activations/std", first).steps[0] > 0
    assert history.series("weights/norm", history.targets("weights/norm")[0]).steps[0] == 0
    assert not [finding for finding in sitter.findings if finding.rule == "not_watched"]


class Clocked(kb.sinks.Sink):
    """Takes seconds of a made-up clock for everything that it hears."""

    def __init__(self, clock, seconds=1.0):
        self.clock, self.seconds = clock, seconds

    def on_start(self, history):
        self.clock.now += self.seconds

    on_measurements = on_events = on_end = on_start


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """The clock of every schedule, which stands still but for what a test adds."""
    clock = Clock()
    monkeypatch.setitem(Schedule.__init__.__kwdefaults__, "clock", clock)
    return clock


@pytest.mark.any_backend
def test_the_account_holds_what_sinks_take_whenever_they_are_told(clock):
    sitter = kb.Babysitter(every=1000, verbose=0, sinks=[Clocked(clock)])
    fit(sitter)
    assert clock.now >= 6
    assert sitter.overhead.seconds == clock.now


def measured(sitter):
    """Return the steps of each series of a run."""
    steps = {}
    for one in sitter.history:
        steps.setdefault((one.quantity, one.target), []).append(one.step)
    return steps


@pytest.mark.any_backend
def test_what_is_measured_does_not_depend_on_the_clock(clock):
    idle, busy = kb.Babysitter(verbose=0), kb.Babysitter(verbose=0, sinks=[Clocked(clock, 0.3)])
    fit(idle, epochs=6)
    fit(busy, epochs=6)
    assert busy.overhead.seconds > 3 > idle.overhead.seconds
    assert measured(busy) == measured(idle)
    assert len(measured(idle)["loss/batch", ""]) >= 6
    assert [(f.rule, f.target, f.step) for f in busy.findings] == [
        (f.rule, f.target, f.step) for f in idle.findings
    ]


def test_measurements_that_take_far_too_long_end_and_that_is_said(clock, monkeypatch):
    from keras_babysit.probes.probe import Probe

    call = Probe.__call__

    def slow(self, *args, **options):
        clock.now += 50.0
        return call(self, *args, **options)

    monkeypatch.setattr(Probe, "__call__", slow)
    sitter = kb.Babysitter(verbose=0)
    fit(sitter, epochs=6)
    assert measured(sitter)["loss/batch", ""] == [0, 1]
    (note,) = (finding for finding in sitter.findings if finding.target == "later steps")
    assert note.rule == "not_watched"
    assert note.message == (
        "Not measured from step 2 on: measurements took much longer than estimated. Set "
        "`every=10` to measure regardless."
    )


@pytest.mark.any_backend
def test_fifteen_short_runs_share_the_allowance():
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    planned, probes = [], []
    for _ in range(15):
        sitter = kb.Babysitter(verbose=0)
        model.fit(X, Y, batch_size=16, verbose=0, callbacks=[sitter])
        planned.append(sitter.session.schedule.plan.seconds)
        probes.append(sitter.overhead.probes)
    assert sum(planned) <= 3.0
    assert planned[-1] <= planned[1] <= planned[0]
    assert min(probes) >= 2


@pytest.mark.skipif(
    keras.backend.backend() == "tensorflow", reason="tf.data fetches ahead, in a thread of its own"
)
def test_what_the_data_take_to_come_is_not_ours(clock):
    sitter = kb.Babysitter(verbose=0)

    class SlowData(keras.utils.PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            clock.now += 100.0
            return X[:16], Y[:16]

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(SlowData(), verbose=0, epochs=2, callbacks=[sitter])
    assert clock.now >= 800.0
    assert len(sitter.session.reference.train) == 64  # they were kept, so they were asked for
    assert sitter.overhead.seconds == 0.0


@pytest.mark.parametrize("batch_size", [64, 16])
def test_a_step_that_comes_right_after_a_measured_end_shows_its_update(batch_size):
    sitter = kb.Babysitter(verbose=0, every=64 // batch_size)
    fit(sitter, epochs=3, batch_size=batch_size)
    history = sitter.history
    name = history.targets("weights/norm")[0]
    by_epoch = np.arange(4) * 64 // batch_size
    assert history.series("weights/norm", name).steps.tolist() == by_epoch.tolist()
    assert history.series("updates/ratio", name).steps.tolist() == by_epoch[:3].tolist()
    assert sitter.overhead.probes == 4


def planned_steps(monkeypatch, x, **options):
    """Return how many steps the schedule expects of a run, as told at the start of each epoch."""
    planned, expect = [], Schedule.expect

    def listening(self, steps, epochs=None):
        planned.append(steps)
        expect(self, steps, epochs)

    monkeypatch.setattr(Schedule, "expect", listening)
    sitter = kb.Babysitter(verbose=0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, verbose=0, callbacks=[sitter], **options)
    assert planned.pop(0) is None  # before the first epoch
    return planned


def test_a_run_that_is_resumed_is_as_long_as_what_is_left_of_it(monkeypatch):
    options = {"epochs": 10, "initial_epoch": 7, "batch_size": 16}
    assert planned_steps(monkeypatch, X, y=Y, **options) == [12, 12, 12]


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # Keras, of any such data
def test_how_long_a_run_of_unknown_data_is_shows_after_an_epoch(monkeypatch):
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices((X, Y)).filter(lambda x, y: True).batch(16)
    assert planned_steps(monkeypatch, data, shuffle=False, epochs=3) == [None, 12, 12]


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_a_step_that_is_announced_after_the_last_batch_is_none():
    batches = ((X[start : start + 16], Y[start : start + 16]) for start in range(0, 64, 16))
    sitter = kb.Babysitter(every=1, verbose=0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax", name="dense")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(batches, shuffle=False, verbose=0, callbacks=[sitter])
    history = sitter.history
    assert history.series("logs/loss").steps.tolist() == [4]
    weights = history.targets("weights/norm")[0]
    assert history.series("weights/norm", weights).steps.tolist() == [0, 1, 2, 3, 4]
    assert history.series("updates/ratio", weights).steps.tolist() == [0, 1, 2, 3]
    assert sitter.overhead.probes == 5


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_data_of_unknown_length_that_cannot_be_seen_are_measured_on_given_examples(monkeypatch):
    monkeypatch.setattr(backend, "borrow", lambda arguments, *args, **kwargs: ([], arguments))
    batches = ((X[start : start + 16], Y[start : start + 16]) for start in range(0, 64, 16))
    sitter = kb.Babysitter(every=1, verbose=0, probe=(X, Y))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(batches, shuffle=False, verbose=0, callbacks=[sitter])
    weights = sitter.history.targets("weights/norm")[0]
    assert set(sitter.history.series("weights/norm", weights).steps) == {0, 1, 2, 3, 4}


def test_data_that_cannot_be_seen_are_reported_as_not_measured(monkeypatch):
    monkeypatch.setattr(backend, "borrow", lambda arguments, *args, **kwargs: ([], arguments))
    sitter = kb.Babysitter(verbose=0)
    fit(sitter)
    assert sitter.history.facts.broke_off is None, sitter.history.facts
    (note,) = sitter.findings
    assert note.rule == "not_watched"
    assert "Set `probe=(x, y)`" in note.message
