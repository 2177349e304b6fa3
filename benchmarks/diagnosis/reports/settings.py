"""Reports: callbacks, schedules and optimizers whose settings end the learning early."""

from typing import Any

import keras
import numpy as np

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.attention import WarmUp
from benchmarks.diagnosis.reports.report import Training, report

KIND = "settings of the run"


@report("https://github.com/keras-team/keras/issues/10924", KIND)
def plateau_callback_lowers_the_rate(repaired: bool, rng: np.random.Generator) -> Training:
    """A callback of patience 2 lowers the learning rate before anything was learnt."""
    x = rng.choice([-1.0, 1.0], size=(2600, 10))
    y = (x[:, :4].prod(axis=1) > 0).astype(float)[:, None]
    data = parts.cut(x, y, 2000)
    model = parts.mlp(10, 48, 32, last=1, activation="sigmoid")
    model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy", metrics=["accuracy"])
    callback = keras.callbacks.ReduceLROnPlateau(
        monitor="val_accuracy" if not repaired else "val_loss",
        factor=0.2 if not repaired else 0.5,
        patience=1 if not repaired else 25,
        min_delta=0.02 if not repaired else 1e-4,
    )
    fit = parts.arguments(data, epochs=35, batch_size=64, callbacks=[callback])
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


@report("https://github.com/keras-team/keras/issues/15138", KIND)
def early_stopping_in_the_wrong_direction(repaired: bool, rng: np.random.Generator) -> Training:
    """Early stopping waits for the lowest AUC, stops at once and restores the worst epoch."""
    x = rng.normal(size=(2400, 12))
    truth = x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + 0.3 * rng.normal(size=2400)
    data = parts.cut(x, (truth > 0.8)[:, None].astype(float), 1800)
    model = parts.mlp(12, 48, 48, last=1, activation="sigmoid")
    auc = keras.metrics.AUC(name="auc")
    model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy", metrics=[auc])
    stopping = keras.callbacks.EarlyStopping(
        monitor="val_auc",
        mode="max" if repaired else "min",
        patience=3,
        restore_best_weights=True,
    )
    fit = parts.arguments(data, epochs=25, callbacks=[stopping])
    return Training(model, fit, parts.balanced(model, data.x_val, data.y_val))


@report("https://github.com/keras-team/keras/issues/16393", KIND)
def stopped_by_the_default_patience(repaired: bool, rng: np.random.Generator) -> Training:
    """Early stopping has no patience by default, and the first epoch without progress ends it."""
    data = parts.friedman(rng, 1000, 960)  # a small validation set, so that its loss is noisy
    test = parts.friedman(rng, 900, 100)
    model = parts.mlp(10, 32, 32, last=1)
    model.compile(keras.optimizers.SGD(0.02), "mse")
    stopping = keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=15 if repaired else 0, min_delta=0 if repaired else 0.02
    )
    fit = parts.arguments(data, epochs=30, callbacks=[stopping])
    return Training(model, fit, parts.r_squared(model, test.x_val, test.y_val))


@report("https://github.com/tensorflow/tensorflow/issues/52529", KIND)
def decay_counted_in_steps(repaired: bool, rng: np.random.Generator) -> Training:
    """The rate is to fall every 10 epochs, and the schedule counts 10 steps."""
    data = parts.friedman(rng, 1500, 1200)
    decay = keras.optimizers.schedules.ExponentialDecay(
        1e-3, decay_steps=10 * 38 if repaired else 10, decay_rate=0.5, staircase=True
    )
    model = parts.mlp(10, 32, 32, last=1)
    model.compile(keras.optimizers.Adam(decay), "mse")
    fit = parts.arguments(data, epochs=25)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))


@report("https://github.com/tensorflow/tensorflow/issues/53284", KIND)
def cosine_schedule_ends_early(repaired: bool, rng: np.random.Generator) -> Training:
    """A cosine schedule gets a wrong number of steps and is at 0 after the first epoch."""
    data = parts.digits(rng)
    steps = 41 * 12 if repaired else 41
    schedule = keras.optimizers.schedules.CosineDecay(0.02, steps)
    model = parts.mlp(64, 48, last=10, activation="softmax")
    optimizer = keras.optimizers.SGD(schedule)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=12)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


@report("https://github.com/keras-team/keras/issues/2975", KIND)
def clipped_at_every_step(repaired: bool, rng: np.random.Generator) -> Training:
    """Gradients are clipped to a norm far below their own, so that the clipping sets each step."""
    data = parts.digits(rng)
    clip = {} if repaired else {"global_clipnorm": 0.01}
    model = parts.mlp(64, 48, 48, last=10, activation="softmax")
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True, **clip)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=12)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


@report("https://github.com/keras-team/keras/issues/2378", KIND)
def compiled_again_before_every_epoch(repaired: bool, rng: np.random.Generator) -> Training:
    """The model is compiled before each epoch, so that its optimizer always starts to warm up."""
    data = parts.digits(rng)
    model = parts.mlp(64, 48, last=10, activation="softmax")

    def compiled() -> None:
        optimizer = keras.optimizers.SGD(WarmUp(0.2, 400))
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])

    compiled()
    fit = parts.arguments(data, epochs=10)

    def loop(callbacks: list[Any]) -> keras.callbacks.History:
        for epoch in range(10):
            if not repaired:
                compiled()
            each = fit | {"initial_epoch": epoch, "epochs": epoch + 1, "callbacks": callbacks}
            history = model.fit(**each, verbose=0)
        return history

    score = parts.accuracy(model, data.x_val, data.y_val)
    return Training(model, fit, score, loop)
