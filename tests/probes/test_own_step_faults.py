"""Faults of a training step of one's own are named, and the same step without them is not."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_babysit as kb
from benchmarks.foreign.own_steps import OwnStep
from keras_babysit.findings import Severity

# Keras says so of arrays in double precision on JAX, with and without us.
pytestmark = pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")

X = np.random.default_rng(0).normal(size=(128, 4)).astype("float32")
Y = X[:, :1] * X[:, 1:2]


def findings(model, x=X, y=Y, *, epochs=4, optimizer="adam"):
    """Return the findings above a note of a run that measures every second step, by rule."""
    keras.utils.set_random_seed(0)
    model.compile(optimizer)
    sitter = kb.Babysitter(every=2, verbose=0)
    model.fit(x, y, batch_size=16, epochs=epochs, verbose=0, callbacks=[sitter])
    assert sitter.history.facts.broke_off is None
    named = [one for one in sitter.findings if one.severity > Severity.NOTE]
    return {one.rule: one for one in reversed(named)}


class Regression(OwnStep):
    """A network whose step calls it in some mode."""

    def __init__(self, inner, *, training=True):
        super().__init__()
        self.inner, self.training_mode = inner, training

    def call(self, x, training=False):
        return self.inner(x, training=training)

    def own_loss(self, x, y):
        loss = ops.mean(ops.square(self(x, training=self.training_mode) - y))
        return loss, {"loss": loss}


@pytest.mark.parametrize("is_training", [True, False])
def test_batch_norm_that_a_step_runs_in_inference_mode_is_named(is_training):
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(8), layers.BatchNormalization(name="bn"), layers.Dense(1)]
    )
    found = findings(Regression(inner, training=is_training))
    assert ("batch_norm_not_updating" in found) is not is_training
