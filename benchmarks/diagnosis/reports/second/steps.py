"""Reports of the second set: training steps of one's own."""

from typing import Any

import keras
import numpy as np
from keras import ops
from keras.layers import Dense

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training, report

KIND = "own training step"


class WithoutClearing(keras.Model):
    """A model whose own step may add each gradient to those of all steps before."""

    clears = False

    def train_step(self, data: Any) -> dict[str, Any]:
        """Update the weights on one batch."""
        import torch

        x, y = data
        if self.clears:
            self.zero_grad()
        y_pred = self(x, training=True)
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
        loss.backward()
        with torch.no_grad():
            gradients = [v.value.grad for v in self.trainable_variables]
            self.optimizer.apply(gradients, self.trainable_variables)
        return parts.reported(self, loss, y, y_pred)


@report("https://github.com/IDEA-Research/DN-DETR/issues/19", KIND, backends=("torch",))
def gradients_never_cleared(repaired: bool, rng: np.random.Generator) -> Training:
    """A step does not set the gradients to zero, so that those of all earlier steps add up."""
    data = parts.digits(rng)
    inputs = keras.Input((64,))
    hidden = Dense(48, activation="relu")(Dense(48, activation="relu")(inputs))
    model = WithoutClearing(inputs, Dense(10, activation="softmax")(hidden))
    model.clears = repaired
    optimizer = keras.optimizers.SGD(0.1)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=8)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


class PartsOfItself(keras.Model):
    """An encoder and a decoder, of which the step may update the decoder alone."""

    def __init__(self, encoder: Any, decoder: Any, *, updates_all: bool) -> None:
        super().__init__()
        self.encoder, self.decoder, self.updates_all = encoder, decoder, updates_all

    def call(self, x: Any, training: bool = False) -> Any:
        return self.decoder(self.encoder(x, training=training), training=training)

    def train_step(self, data: Any) -> dict[str, Any]:
        """Update the weights on one batch."""
        x, y = data
        seen: dict[str, Any] = {}
        variables = self.decoder.trainable_variables
        if self.updates_all:
            variables = self.trainable_variables

        def loss_of() -> Any:
            seen["y"] = self(x, training=True)
            return self.compute_loss(x=x, y=y, y_pred=seen["y"])

        loss = parts.apply_gradients(self, loss_of, variables, self.optimizer)
        return parts.reported(self, loss, y, seen["y"])


@report(
    "https://github.com/PacktPublishing/Hands-On-Image-Generation-with-TensorFlow-2.0/issues/24",
    KIND,
    backends=parts.OWN_STEP,
)
def encoder_left_out_of_the_update(repaired: bool, rng: np.random.Generator) -> Training:
    """The step applies the gradients of the decoder, and forgets those of the encoder."""
    data = parts.digits(rng)
    encoder = parts.mlp(64, 32, last=4)
    decoder = parts.mlp(4, 32, last=64, activation="sigmoid")
    model = PartsOfItself(encoder, decoder, updates_all=repaired)
    model.compile(keras.optimizers.Adam(3e-3), "mse")
    fit = parts.arguments(parts.Data(data.x, data.x, data.x_val, data.x_val), epochs=15)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.x_val))


@report("https://github.com/engichang1467/Open-Rig3R/issues/35", "precision")
def gradients_too_small_for_half(repaired: bool, rng: np.random.Generator) -> Training:
    """Gradients in half precision are rounded to 0, because the loss is not scaled up."""
    x = rng.normal(size=(1300, 8))
    y = 1e-4 * (np.tanh(x[:, :1]) + x[:, 1:2] * x[:, 2:3])
    data = parts.cut(x, y, 1000)
    model = keras.Sequential([keras.Input((8,))])
    for size in (32, 32):
        model.add(Dense(size, activation="relu", dtype="mixed_float16"))
    model.add(Dense(1, kernel_initializer="zeros", dtype="mixed_float16"))
    optimizer: Any = keras.optimizers.Adam(1e-3, epsilon=1e-12)
    if repaired:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=2.0**18)
    model.compile(optimizer, "mse", auto_scale_loss=False)
    fit = parts.arguments(data, epochs=12)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))


@report("https://github.com/speechbrain/speechbrain/issues/1396", "own layer")
def features_cut_off_the_gradient(repaired: bool, rng: np.random.Generator) -> Training:
    """Features are detached before the next layers, so that what makes them does not learn."""
    x = rng.normal(size=(1400, 12))
    turned = x @ np.linalg.qr(np.random.default_rng(2).normal(size=(12, 12)))[0]
    data = parts.cut(x, turned[:, :1] * turned[:, 1:2] + turned[:, 2:3], 1100)
    inputs = keras.Input((12,))
    features = Dense(10, activation="relu")(Dense(10, activation="tanh")(inputs))
    if not repaired:
        features = ops.stop_gradient(features)
    output = Dense(1)(Dense(16, activation="relu")(features))
    model = keras.Model(inputs, output)
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    fit = parts.arguments(data, epochs=20)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))
