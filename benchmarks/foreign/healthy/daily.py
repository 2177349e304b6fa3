"""Healthy programs as people write them every day, on small data."""

from typing import Any

import keras
import numpy as np
from keras import layers

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.attention import WarmUp
from benchmarks.diagnosis.reports.report import Training
from benchmarks.foreign.healthy import data
from benchmarks.foreign.healthy.program import healthy

SPARSE = "sparse_categorical_crossentropy"


def classifier(
    of: parts.Data, optimizer: Any, epochs: int = 12, loss: Any = SPARSE, **options: Any
) -> Training:
    """Return the training of a classifier of the digits."""
    model = parts.mlp(64, 48, 48, last=10, activation="softmax")
    model.compile(optimizer, loss, metrics=["accuracy"])
    fit = parts.arguments(of, epochs=epochs, **options)
    return Training(model, fit, parts.accuracy(model, of.x_val, of.y_val))


def again(training: Training, *further: dict[str, Any]) -> Training:
    """Let a training go on with one `fit` after the other."""

    def loop(callbacks: list[Any]) -> keras.callbacks.History:
        for more in ({}, *further):
            options = training.fit | more | {"callbacks": callbacks, "verbose": 0}
            history = training.model.fit(**options)
        return history

    training.loop = loop
    return training


@healthy()
def two_fits(rng: np.random.Generator) -> Training:
    return again(classifier(parts.digits(rng), "adam", 8), {"epochs": 5})


@healthy()
def goes_on_at_an_epoch(rng: np.random.Generator) -> Training:
    training = classifier(parts.digits(rng), keras.optimizers.SGD(0.05, momentum=0.9), 6)
    return again(training, {"initial_epoch": 6, "epochs": 12})


@healthy()
def one_epoch(rng: np.random.Generator) -> Training:
    return classifier(parts.digits(rng), keras.optimizers.Adam(5e-3), 1, batch_size=16)


@healthy(may=("overfitting",))
def twenty_examples(rng: np.random.Generator) -> Training:
    of = parts.digits(rng)
    return classifier(of._replace(x=of.x[:20], y=of.y[:20]), "adam", 30, batch_size=4)


@healthy()
def warm_up_and_cosine(rng: np.random.Generator) -> Training:
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=400, warmup_target=5e-3, warmup_steps=60
    )
    return classifier(parts.digits(rng), keras.optimizers.AdamW(schedule), 11)


@healthy()
def warm_up_of_a_high_rate(rng: np.random.Generator) -> Training:
    return classifier(parts.digits(rng), keras.optimizers.SGD(WarmUp(0.4, 150)), 10)


@healthy()
def large_batches(rng: np.random.Generator) -> Training:
    return classifier(parts.digits(rng), keras.optimizers.Adam(5e-3), 30, batch_size=512)


@healthy()
def momentum_and_steps_of_the_rate(rng: np.random.Generator) -> Training:
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([200, 350], [0.1, 0.01, 0.001])
    optimizer = keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True)
    return classifier(parts.digits(rng), optimizer, 11)


@healthy()
def rate_falls_at_plateaus(rng: np.random.Generator) -> Training:
    lower = keras.callbacks.ReduceLROnPlateau("val_loss", 0.3, patience=3)
    stop = keras.callbacks.EarlyStopping("val_loss", patience=8, restore_best_weights=True)
    return classifier(parts.digits(rng), keras.optimizers.Adam(5e-3), 40, callbacks=[lower, stop])


@healthy()
def moving_average_of_weights(rng: np.random.Generator) -> Training:
    optimizer = keras.optimizers.Adam(3e-3, use_ema=True, ema_momentum=0.95)
    return classifier(parts.digits(rng), optimizer, 10)


@healthy()
def gradients_of_four_batches(rng: np.random.Generator) -> Training:
    optimizer = keras.optimizers.Adam(5e-3, gradient_accumulation_steps=4)
    return classifier(parts.digits(rng), optimizer, 20, batch_size=16)


@healthy()
def smoothed_labels(rng: np.random.Generator) -> Training:
    of = parts.digits(rng)
    hot = of._replace(
        y=keras.utils.to_categorical(of.y, 10), y_val=keras.utils.to_categorical(of.y_val, 10)
    )
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    training = classifier(hot, keras.optimizers.Adam(3e-3), 12, loss)
    training.score = lambda logs: logs["val_accuracy"][-1]
    return training


@healthy()
def clipped_gradients(rng: np.random.Generator) -> Training:
    return classifier(parts.digits(rng), keras.optimizers.Adam(3e-3, clipnorm=1.0), 12)


def reduced(policy: str, rng: np.random.Generator) -> Training:
    of = parts.digits(rng)
    model = keras.Sequential([keras.Input((64,))])
    for units in (48, 48):
        model.add(layers.Dense(units, activation="relu", dtype=policy))
    model.add(layers.Dense(10, activation="softmax", dtype="float32"))
    model.compile(keras.optimizers.Adam(3e-3), SPARSE, metrics=["accuracy"])
    fit = parts.arguments(of, epochs=10)
    return Training(model, fit, parts.accuracy(model, of.x_val, of.y_val))


@healthy()
def mixed_bfloat16(rng: np.random.Generator) -> Training:
    return reduced("mixed_bfloat16", rng)


@healthy()
def mixed_float16(rng: np.random.Generator) -> Training:
    return reduced("mixed_float16", rng)


@healthy()
def regression_of_two_values(rng: np.random.Generator) -> Training:
    x = rng.normal(size=(1200, 8)).astype("float32")
    price = (3 + x[:, 0] + 0.5 * x[:, 1] * x[:, 2])[:, None].astype("float32")
    sold = (x[:, 3] + 0.5 * rng.normal(size=1200) > 0)[:, None].astype("float32")
    inputs = keras.Input((8,))
    h = layers.Dense(32, activation="relu")(layers.Dense(32, activation="relu")(inputs))
    heads = {
        "price": layers.Dense(1, name="price")(h),
        "sold": layers.Dense(1, activation="sigmoid", name="sold")(h),
    }
    model = keras.Model(inputs, heads)
    model.compile(
        keras.optimizers.Adam(3e-3),
        {"price": "mse", "sold": "binary_crossentropy"},
        loss_weights={"price": 0.5, "sold": 1.0},
        metrics={"sold": ["accuracy"]},
    )
    fit = {
        "x": x,
        "y": {"price": price, "sold": sold},
        "epochs": 15,
        "validation_split": 0.2,
    }
    return Training(model, fit, lambda logs: logs["val_sold_accuracy"][-1])


@healthy()
def rare_labels(rng: np.random.Generator) -> Training:
    x = rng.normal(size=(2000, 10))
    w = np.random.default_rng(1).normal(size=(10, 6))
    y = (2 * x @ w / 3 + 0.3 * rng.normal(size=(2000, 6)) > 2.5).astype(float)
    of = parts.cut(x, y, 1600)
    model = parts.mlp(10, 48, last=6, activation="sigmoid")
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["binary_accuracy"])
    fit = parts.arguments(of, epochs=20)
    return Training(model, fit, parts.balanced(model, of.x_val, of.y_val))


@healthy()
def balanced_focal_loss(rng: np.random.Generator) -> Training:
    of = parts.overlapping(rng, 2500, 2000, rare=2.0)
    model = parts.mlp(10, 32, last=1, activation="sigmoid")
    loss = keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=0.9)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    fit = parts.arguments(of, epochs=12)
    return Training(model, fit, parts.balanced(model, of.x_val, of.y_val))


@healthy()
def huber_regression(rng: np.random.Generator) -> Training:
    of = parts.friedman(rng, 1300, 1000)
    model = parts.mlp(10, 32, 32, last=1)
    model.compile(keras.optimizers.RMSprop(3e-3), "huber", metrics=["mae"])
    fit = parts.arguments(of, epochs=15)
    return Training(model, fit, parts.r_squared(model, of.x_val, of.y_val))


@healthy()
def prices_in_thousands(rng: np.random.Generator) -> Training:
    of = parts.friedman(rng, 1300, 1000)
    of = of._replace(y=200 + 50 * of.y, y_val=200 + 50 * of.y_val)
    model = keras.Sequential([parts.mlp(10, 48, 48, last=1), layers.Rescaling(50.0, 200.0)])
    model.compile(keras.optimizers.Adam(3e-3), "mae")
    fit = parts.arguments(of, epochs=15)
    return Training(model, fit, parts.r_squared(model, of.x_val, of.y_val))


@healthy()
def folds_with_fresh_models(rng: np.random.Generator) -> Training:
    of = parts.cancer(rng)
    model = parts.mlp(30, 16, last=1, activation="sigmoid")
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["accuracy"])
    start = model.get_weights()
    fit = parts.arguments(of, epochs=8)

    def loop(callbacks: list[Any]) -> keras.callbacks.History:
        for fold in range(3):
            held = np.arange(400) % 3 == fold
            model.set_weights(start)
            optimizer = keras.optimizers.Adam(3e-3)
            model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
            rows = {"x": of.x[~held], "y": of.y[~held]}
            rows["validation_data"] = (of.x[held], of.y[held])
            history = model.fit(**fit | rows | {"callbacks": callbacks, "verbose": 0})
        return history

    return Training(model, fit, parts.accuracy(model, of.x_val, of.y_val), loop)


@healthy()
def frozen_then_unfrozen(rng: np.random.Generator) -> Training:
    of = parts.digits(rng)
    base = parts.mlp(64, 48, last=32, activation="relu")
    first = keras.Sequential([base, layers.Dense(10, activation="softmax")])
    first.compile(keras.optimizers.Adam(5e-3), SPARSE)
    low = of.y < 5
    first.fit(of.x[low], of.y[low], epochs=10, verbose=0)
    base.trainable = False
    model = keras.Sequential([base, layers.Dense(10, activation="softmax")])
    model.compile(keras.optimizers.Adam(5e-3), SPARSE, metrics=["accuracy"])
    fit = parts.arguments(of, epochs=8)

    def loop(callbacks: list[Any]) -> keras.callbacks.History:
        model.fit(**fit | {"callbacks": callbacks, "verbose": 0})
        base.trainable = True
        model.compile(keras.optimizers.Adam(3e-4), SPARSE, metrics=["accuracy"])
        return model.fit(**fit | {"callbacks": callbacks, "verbose": 0})

    return Training(model, fit, parts.accuracy(model, of.x_val, of.y_val), loop)


@healthy()
def masked_sequences(rng: np.random.Generator) -> Training:
    of = data.texts(rng, n=700)
    inputs = keras.Input((None,), dtype="int32")
    h = layers.GRU(16)(layers.Embedding(40, 16, mask_zero=True)(inputs))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(h))
    model.compile(keras.optimizers.Adam(5e-3), "binary_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(of, epochs=8)
    return Training(model, fit, parts.accuracy(model, of.x_val, of.y_val))


@healthy()
def noisy_measurements(rng: np.random.Generator) -> Training:
    x = rng.normal(size=(1500, 6))
    y = x[:, :1] + 2.0 * rng.normal(size=(1500, 1))  # a fifth can be explained
    of = parts.cut(x, y / y.std(), 1200)
    model = parts.mlp(6, 8, last=1)
    model.compile(keras.optimizers.Adam(2e-3), "mse")
    fit = parts.arguments(of, epochs=12)
    return Training(model, fit, parts.r_squared(model, of.x_val, of.y_val))


@healthy()
def weights_by_age(rng: np.random.Generator) -> Training:
    of = parts.digits(rng)
    weights = np.linspace(0.2, 1.0, len(of.y))
    return classifier(of, keras.optimizers.Adam(3e-3), 10, sample_weight=weights)


@healthy()
def sorted_validation_data(rng: np.random.Generator) -> Training:
    of = parts.digits(rng)
    order = np.argsort(of.y_val, kind="stable")
    of = of._replace(x_val=of.x_val[order], y_val=of.y_val[order])
    return classifier(of, keras.optimizers.Adam(3e-3), 12)


@healthy()
def augmented_pictures(rng: np.random.Generator) -> Training:
    of = data.pictures(rng)
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.RandomTranslation(0.1, 0.1)])
    model.add(layers.GaussianNoise(0.1))
    for filters in (16, 32):
        model.add(layers.Conv2D(filters, 3, activation="relu"))
        model.add(layers.GroupNormalization(4))
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(keras.optimizers.Adam(5e-3), SPARSE, metrics=["accuracy"])
    fit = parts.arguments(of, epochs=10)
    return Training(model, fit, parts.accuracy(model, of.x_val, of.y_val))
