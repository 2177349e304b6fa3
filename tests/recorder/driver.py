"""A flight recorder that is driven by a callback alone, without a watched run around it."""

import keras
import pytest

from keras_babysit.backends import backend
from keras_babysit.history import History
from keras_babysit.probes.building import build, build_optimizer
from keras_babysit.recorder import FlightRecorder
from keras_babysit.recorder.health import RunHealth
from keras_babysit.schedule import Schedule

FIRST_SNAPSHOT_ONLY = 1e-9
"""A budget that pays for nothing: the first snapshot is taken whatever it costs."""


class Clock:
    """Shows the time that it is given."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Drive(keras.callbacks.Callback):
    """Drives a recorder through `fit`.

    `batch` is one to build the model for; without it only its optimizer is built.

    Attributes:
        recorder: The `FlightRecorder`, from the start of `fit` on.
        skipped: What it called `on_findings` with.
        warnings: What it called `warn` with.
    """

    def __init__(
        self, folder=None, *, rescue=None, schedule=None, health=None, batch=None, **options
    ):
        super().__init__()
        self.batch = batch
        self.schedule = schedule or Schedule(1)
        self.options = {"folder": folder, "rescue": rescue, "history": History()} | options
        self.health = RunHealth() if health is None else health
        self.skipped = []

    def on_train_begin(self, logs=None):
        self.schedule.start()
        options = {"on_findings": self.skipped.append, "warn": fail, "health": self.health}
        self.recorder = FlightRecorder(
            self.model, schedule=self.schedule, **(options | self.options)
        )
        self.recorder.start()
        self.step = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.recorder.begin_epoch(epoch, self.step)

    def on_train_batch_begin(self, batch, logs=None):
        if self.step == 0:
            self.build()
        self.recorder.expect(self.step, self.epoch, batch)

    def build(self):
        """Build what TensorFlow builds in its first step, as a watched run does."""
        if self.batch is None:
            build_optimizer(self.model)
        elif keras.backend.backend() == "tensorflow":
            build(self.model, self.batch)

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1

    def on_epoch_end(self, epoch, logs=None):
        self.recorder.end_epoch()

    def on_train_end(self, logs=None):
        self.recorder.stop()


def arguments_of(model):
    """Return the arguments of a train function, as far as they hold the state."""
    if keras.backend.backend() != "jax":
        return None
    groups = backend.state(model, None)
    count = len(model.non_trainable_variables)
    return ((groups[0], groups[1][:count], groups[2], groups[1][count:]), None)


def fail(sentence, error):
    """Let a test fail for a warning that it does not expect."""
    pytest.fail(f"{sentence}: {error!r}")
