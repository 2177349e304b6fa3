"""Sinks are called in order, are waited for, and are left behind where they hang."""

import contextlib
import threading
from concurrent.futures import Future

import keras
import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.callbacks import delivery
from keras_babysit.callbacks.delivery import Delivery
from keras_babysit.errors import KerasBabysitWarning

layers = keras.layers
X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")


class Notes(kb.sinks.Sink):
    """Notes what it is called with, and by which thread."""

    def __init__(self):
        self.heard, self.threads = [], set()

    def _note(self, name, *arguments):
        self.heard.append((name, *arguments))
        self.threads.add(threading.current_thread())

    def on_start(self, history):
        self._note("start")

    def on_measurements(self, measurements):
        self._note("measurements", measurements)

    def on_end(self, report):
        self._note("end")

    def close(self):
        self._note("close")


class Hangs(Notes):
    """Waits in one method until the test lets it go.

    Attributes:
        hanging: Is set once it waits.
    """

    hanging = threading.Event()

    def __init__(self, method):
        super().__init__()
        self._go_on, self._is_gone = threading.Event(), threading.Event()
        setattr(self, method, self._hang)

    def _hang(self, *arguments):
        self.hanging.set()
        self._go_on.wait()
        self._is_gone.set()

    def let_go(self):
        assert not self._is_gone.is_set()
        self._go_on.set()
        self._is_gone.wait()


class Patient(Future):
    """Starts to count the seconds of a call when the sink hangs, however long others take."""

    def result(self, timeout=None):
        while not (self.done() or Hangs.hanging.wait(0.001)):
            pass
        return super().result(timeout)


@pytest.fixture
def impatient(monkeypatch):
    """Wait a short time for a sink that hangs."""
    monkeypatch.setattr(Hangs, "hanging", threading.Event())
    monkeypatch.setattr(delivery, "Future", Patient)
    monkeypatch.setattr(delivery, "WAIT_SECONDS", 0.05)


def fit(*sinks):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    sitter = kb.Babysitter(verbose=0, sinks=sinks)
    return model.fit(X, X[:, :1], batch_size=8, verbose=0, callbacks=[sitter])


def test_one_thread_makes_all_calls_in_their_order_and_is_gone():
    sink = Notes()
    deliver = Delivery(sink)
    deliver("on_start", None)
    for number in range(200):
        deliver("on_measurements", number)
        assert sink.heard[-1] == ("measurements", number)  # it was waited for
    deliver.leave()
    assert [name for name, *_ in sink.heard] == ["start", *["measurements"] * 200, "close"]
    (thread,) = sink.threads
    assert thread is not threading.current_thread()
    assert not thread.is_alive()


def test_a_sink_that_must_be_is_called_by_the_thread_of_fit():
    sink = Notes()
    sink.has_own_thread = False
    fit(sink)
    assert sink.threads == {threading.current_thread()}
    assert [name for name, *_ in sink.heard][-2:] == ["end", "close"]


def test_what_a_sink_raises_arrives():
    class Full(Notes):
        def on_measurements(self, measurements):
            raise error

    for error in (OSError("disk full"), TimeoutError("of its own")):
        deliver = Delivery(Full())
        with pytest.raises(type(error), match=str(error)):
            deliver("on_measurements", [])
        deliver.leave()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("method", ["on_measurements", "on_end"])
def test_one_that_hangs_is_one_warning_and_the_others_get_all(method):
    hangs, other = Hangs(method), Notes()
    other.has_own_thread = False
    with pytest.warns(KerasBabysitWarning, match=r"Hangs is off.*must return within 0\.05") as seen:
        history = fit(hangs, other)
    assert sum(issubclass(one.category, KerasBabysitWarning) for one in seen) == 1
    assert len(history.history["loss"]) == 1
    assert [name for name, *_ in other.heard][-2:] == ["end", "close"]
    hangs.let_go()


@pytest.mark.usefixtures("impatient")
def test_one_that_hangs_at_the_start_is_said_before_training():
    hangs = Hangs("on_start")
    with pytest.raises(TimeoutError, match=r"`Hangs.on_start` must return within 0\.05 seconds"):
        fit(hangs)
    hangs.let_go()


def test_one_that_hangs_at_the_very_end_is_left(monkeypatch):
    monkeypatch.setattr(delivery, "PARTING_SECONDS", 0.05)
    hangs = Hangs("close")
    fit(hangs)
    hangs.let_go()


def test_the_thread_of_a_run_that_nobody_ended_goes_with_it():
    sink = Notes()
    deliver = Delivery(sink)
    with contextlib.suppress(RuntimeError):
        deliver("on_start", None)
    (thread,) = sink.threads
    del deliver
    thread.join(120)
    assert not thread.is_alive()
