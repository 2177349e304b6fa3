"""Reports: a training step of one's own that leaves something out."""

from typing import Any

import keras
import numpy as np
from keras import ops
from keras.layers import BatchNormalization, Conv2D, Dense, Flatten, ReLU

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.own_loss import waves
from benchmarks.diagnosis.reports.report import Training, report

KIND = "own training step"


class WithoutFlag(keras.Model):
    """A model whose own training step may forget that it trains."""

    tells = False

    def train_step(self, data: Any) -> dict[str, Any]:
        """Update the weights on one batch."""
        x, y = data
        seen: dict[str, Any] = {}

        def loss_of() -> Any:
            seen["y"] = self(x, training=True) if self.tells else self(x, training=False)
            return self.compute_loss(x=x, y=y, y_pred=seen["y"])

        loss = parts.apply_gradients(self, loss_of, self.trainable_variables, self.optimizer)
        return parts.reported(self, loss, y, seen["y"])


@report("https://github.com/tensorflow/tensorflow/issues/31184", KIND, backends=parts.OWN_STEP)
def step_without_training_flag(repaired: bool, rng: np.random.Generator) -> Training:
    """A training step calls the model without `training=True`: no batch norm sees a batch."""
    data = parts.digits(rng, image=True)
    inputs = x = keras.Input((8, 8, 1))
    for _ in range(10):
        x = ReLU()(BatchNormalization(momentum=0.9)(Conv2D(8, 3, padding="same")(x)))
    model = WithoutFlag(inputs, Dense(10, activation="softmax")(Flatten()(x)))
    model.tells = repaired
    optimizer = keras.optimizers.SGD(0.02)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=4)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


class Broadcasts(keras.Model):
    """A network whose own step may compare each output with each target."""

    def __init__(self, *, aligned: bool) -> None:
        super().__init__()
        self.aligned = aligned
        self.first, self.second = Dense(32, activation="relu"), Dense(32, activation="relu")
        self.last = Dense(1)
        self.tracker = keras.metrics.Mean(name="loss")

    def call(self, x: Any, training: bool = False) -> Any:
        return self.last(self.second(self.first(x)))

    @property
    def metrics(self) -> list[keras.Metric]:
        """The metric of the loss alone."""
        return [self.tracker]

    def squared(self, y: Any, y_pred: Any) -> Any:
        return ops.mean(ops.square((y[:, None] if self.aligned else y) - y_pred))

    def train_step(self, data: Any) -> dict[str, Any]:
        """Update the weights on one batch."""
        x, y = data
        loss = parts.apply_gradients(
            self,
            lambda: self.squared(y, self(x, training=True)),
            self.trainable_variables,
            self.optimizer,
        )
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}

    def test_step(self, data: Any) -> dict[str, Any]:
        """Measure the loss on one batch."""
        x, y = data
        self.tracker.update_state(self.squared(y, self(x)))
        return {"loss": self.tracker.result()}


@report("https://github.com/tensorflow/tensorflow/issues/28901", KIND, backends=parts.OWN_STEP)
def loss_broadcasts_in_own_step(repaired: bool, rng: np.random.Generator) -> Training:
    """A training step subtracts outputs of shape (n, 1) from targets of shape (n,)."""
    x, y = waves(rng)
    model = Broadcasts(aligned=repaired)
    model.compile(optimizer=keras.optimizers.Adam(3e-3))
    data = parts.cut(x, y, 1200)
    fit = parts.arguments(data, epochs=15)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))


class WithoutPenalties(keras.Model):
    """A model whose own training step may leave out the penalties of its layers."""

    adds = False

    def train_step(self, data: Any) -> dict[str, Any]:
        """Update the weights on one batch."""
        x, y = data
        seen: dict[str, Any] = {}

        def loss_of() -> Any:
            seen["y"] = self(x, training=True)
            loss = ops.mean(ops.square(y - seen["y"]))
            return loss + sum(self.losses) if self.adds else loss

        loss = parts.apply_gradients(self, loss_of, self.trainable_variables, self.optimizer)
        return parts.reported(self, loss, y, seen["y"])


@report("https://github.com/tensorflow/tensorflow/issues/33556", KIND, backends=parts.OWN_STEP)
def penalties_left_out_of_own_step(repaired: bool, rng: np.random.Generator) -> Training:
    """The layers have penalties, and the training step does not add them to the loss."""
    x = rng.normal(size=(560, 40))
    y = (x[:, 0] - x[:, 1] + 0.7 * rng.normal(size=560))[:, None]
    data = parts.cut(x, y, 160)
    penalty = keras.regularizers.L2(0.03)
    inputs = hidden = keras.Input((40,))
    for _ in range(2):
        hidden = Dense(64, activation="relu", kernel_regularizer=penalty)(hidden)
    model = WithoutPenalties(inputs, Dense(1, kernel_regularizer=penalty)(hidden))
    model.adds = repaired
    model.compile(keras.optimizers.Adam(3e-3), "mse")
    fit = parts.arguments(data, epochs=60, batch_size=16)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))
