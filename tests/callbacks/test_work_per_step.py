"""What watching does at steps that it does not look at, counted in calls, for a clock is noisy."""

import gc
import sys

import keras
import numpy as np

import keras_babysit as kb
from keras_babysit.backends import backend

STEPS = 60
QUIET = 6
"""Most Python and C calls before a step at which nothing is due; the counter's own end is counted
with them."""


class Counted(kb.Babysitter):
    """Counts the calls that its hook makes before each step."""

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.calls, self.is_function_ours = [], []

    def on_train_batch_begin(self, batch, logs=None):
        counted = 0

        def count(frame, event, argument):
            nonlocal counted
            counted += event in ("call", "c_call")

        before = self.model.train_function
        gc.disable()  # a collection may come at any call, and JAX is called back at each
        sys.setprofile(count)
        super().on_train_batch_begin(batch, logs)
        sys.setprofile(None)
        gc.enable()
        self.calls.append(counted)
        self.is_function_ours.append(self.model.train_function is not before)


def fit(depth, **options):
    hidden = [keras.layers.Dense(4, "relu") for _ in range(depth)]
    model = keras.Sequential([keras.Input((3,)), *hidden, keras.layers.Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = np.ones((64 * STEPS, 3), "float32"), np.arange(64 * STEPS) % 2
    sitter = Counted(verbose=0, **options)
    model.fit(x, y, batch_size=64, epochs=2, verbose=0, callbacks=[sitter])
    assert sitter.history.facts.broke_off is None
    return sitter


def test_a_quiet_step_takes_a_few_calls_whatever_the_number_of_layers():
    shallow, deep = (fit(depth, every=25) for depth in (1, 24))
    assert shallow.calls[STEPS:] == deep.calls[STEPS:]  # in the first epoch batches are kept
    looked_at = {0, 15, 40}  # the first one of an epoch, and steps 75 and 100
    asked = looked_at | {step + 1 for step in looked_at}
    for step, calls in enumerate(deep.calls[STEPS:]):
        assert calls <= QUIET or step in asked
        assert deep.is_function_ours[STEPS + step] == (step in looked_at)


def test_no_step_waits_for_the_device_but_those_that_are_measured(monkeypatch):
    waits, wait = [], backend.wait
    monkeypatch.setattr(backend, "wait", lambda values: (waits.append(1), wait(values)))
    sitter = fit(1, every=25)
    steps = sitter.history.series("updates/ratio", sitter.history.targets("updates/ratio")[0]).steps
    assert steps.tolist() == [0, 25, 50, 75, 100]
    assert len(waits) == 2 * len(steps)


def test_keras_goes_on_to_dispatch_steps_without_waiting_for_their_results():
    keras_own = keras.callbacks.Callback
    for name in kb.callbacks.__all__:
        sitter = getattr(kb.callbacks, name)
        assert sitter.on_train_batch_end is keras_own.on_train_batch_end
        assert sitter.on_test_batch_end is keras_own.on_test_batch_end
        assert sitter.on_batch_end is keras_own.on_batch_end
