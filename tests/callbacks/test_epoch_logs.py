"""What Keras reports as 0, because no step updates its mean of the loss, is not recorded."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_babysit as kb
from benchmarks.foreign.own_steps import BACKEND, OwnStep
from keras_babysit.presentation.verdict_view import view

RNG = np.random.default_rng(0)
X, X_VAL = (RNG.normal(size=(size, 4)).astype("float32") for size in (256, 64))
Y, Y_VAL = X[:, :1] ** 2, X_VAL[:, :1] ** 2


class Silent(OwnStep):
    """Its steps return their loss, and leave the metrics of Keras alone."""

    def __init__(self):
        super().__init__()
        self.hidden, self.last = layers.Dense(8, "relu"), layers.Dense(1)

    def call(self, x):
        return self.last(self.hidden(x))

    def own_loss(self, x, y):
        loss = keras.ops.mean(keras.ops.square(self(x) - y))
        return loss, {"loss": loss}

    def test_step(self, *arguments):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(arguments[-1])
        if BACKEND != "jax":
            return self.own_loss(x, y)[1]
        trainable, others, tracked = arguments[0]
        _, (reported, others) = self.stateless_loss(trainable, others, x, y)
        return reported, (trainable, others, tracked)


class Tracking(Silent):
    """Its training step updates a mean of its own, as the notice says."""

    def __init__(self):
        super().__init__()
        self.mean = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.mean]

    def train_step(self, *arguments):
        result = super().train_step(*arguments)
        if BACKEND != "jax":
            self.mean.update_state(result["loss"])
            return {"loss": self.mean.result()}
        reported, (*state, tracked) = result
        tracked = self.mean.stateless_update_state(tracked, reported["loss"])
        return {"loss": self.mean.stateless_result(tracked)}, (*state, tracked)


class WithTestOfKeras(Silent):
    """Its validation loss is that of Keras."""

    test_step = keras.Model.test_step


def fit(kind, *, batch_size=32, epochs=4, **options):
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    model = kind()
    model(X[:1])
    model.compile("adam", "mse" if kind is WithTestOfKeras else None)
    sitter = kb.Babysitter(verbose=0)
    options |= {"batch_size": batch_size, "epochs": epochs, "verbose": 0}
    found = model.fit(X, Y, callbacks=[sitter], **options)
    assert sitter.history.facts.broke_off is None
    return found.history, sitter


def notes(sitter):
    return [one.message for one in sitter.findings if one.target == "logs"]


@pytest.mark.parametrize("options", [{}, {"validation_data": (X_VAL, Y_VAL)}])
@pytest.mark.parametrize("batch_size", [32, len(X)])
def test_a_mean_that_no_step_updates_is_not_recorded(options, batch_size):
    logged, sitter = fit(Silent, batch_size=batch_size, **options)
    assert not any(logged["loss"])  # so Keras reports it
    assert not any(name.startswith("logs/") for name in sitter.history.quantities())
    assert sitter.history.last("losses/loss") > 0
    (note,) = notes(sitter)
    assert ('"val_loss"' in note) == bool(options)
    shown = view(sitter.verdict).not_checked
    assert not [line for line in shown if "overfitting" in line and "validation_data" in line] or (
        not options
    )


def test_the_notice_goes_once_a_mean_is_updated():
    logged, sitter = fit(Tracking)
    assert min(logged["loss"]) > 0
    np.testing.assert_array_equal(sitter.history.series("logs/loss").values, logged["loss"])
    assert not notes(sitter)


def test_a_validation_loss_that_keras_counts_is_recorded():
    logged, sitter = fit(WithTestOfKeras, validation_data=(X_VAL, Y_VAL))
    assert not any(logged["loss"])
    assert "logs/loss" not in sitter.history.quantities()
    recorded = sitter.history.series("logs/val_loss").values
    np.testing.assert_array_equal(recorded, logged["val_loss"])


def test_a_loss_that_is_0_is_recorded():
    def nothing(y_true, y_pred):
        return 0 * keras.ops.mean(y_pred, axis=-1)

    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("sgd", nothing)
    sitter = kb.Babysitter(verbose=0)
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[sitter])
    assert sitter.history.series("logs/loss").values.tolist() == [0.0, 0.0]
