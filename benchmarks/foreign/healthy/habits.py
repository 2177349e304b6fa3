"""Healthy programs in the habits of many fields: sequences, few data, twins, reduced precision."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from sklearn import datasets

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training
from benchmarks.foreign.healthy import data
from benchmarks.foreign.healthy.daily import again, classifier
from benchmarks.foreign.healthy.program import healthy
from benchmarks.foreign.own_steps import OwnStep

SPARSE = "sparse_categorical_crossentropy"


@healthy()
def forecast_of_eight_steps(rng: np.random.Generator) -> Training:
    start, pace = rng.uniform(0, 6, (900, 1)), rng.uniform(0.2, 0.5, (900, 1))
    series = np.sin(start + pace * np.arange(32)) + 0.1 * rng.normal(size=(900, 32))
    of = data.split(series[:, :24, None], series[:, 24:])
    model = keras.Sequential([keras.Input((24, 1)), layers.GRU(32), layers.Dense(8)])
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.LogCosh())
    stop = keras.callbacks.EarlyStopping("val_loss", patience=5, restore_best_weights=True)
    fit = parts.arguments(of, epochs=25, callbacks=[stop])
    return Training(model, fit, parts.r_squared(model, of.x_val, of.y_val))


@healthy()
def every_next_value(rng: np.random.Generator) -> Training:
    x, last = data.waves(rng, 600, 32)
    of = data.split(x, np.concatenate([x[:, 1:], last[:, None]], axis=1))
    model = keras.Sequential([keras.Input((32, 1))])
    for rate in (1, 2, 4, 8):
        model.add(layers.Conv1D(16, 2, dilation_rate=rate, padding="causal", activation="gelu"))
    model.add(layers.Dense(1))
    model.compile(keras.optimizers.Adam(3e-3), "mae")
    fit = parts.arguments(of, epochs=15)
    return Training(model, fit, parts.r_squared(model, of.x_val, of.y_val))


@healthy()
def few_wines(rng: np.random.Generator) -> Training:
    x, y = datasets.load_wine(return_X_y=True)
    order = rng.permutation(len(y))
    of = data.split(x[order], y[order])
    scale = layers.Normalization()
    scale.adapt(of.x)
    model = keras.Sequential(
        [
            keras.Input((13,)),
            scale,
            layers.Dense(16, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-3)),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(5e-3), SPARSE, metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_loss", patience=10, restore_best_weights=True)
    fit = parts.arguments(of, epochs=60, batch_size=16, callbacks=[stop])
    return Training(model, fit, parts.accuracy(model, of.x_val, of.y_val))


@healthy()
def ages_of_diabetes(rng: np.random.Generator) -> Training:
    x, y = datasets.load_diabetes(return_X_y=True)
    order = rng.permutation(len(y))
    of = data.split(20 * x[order], ((y - y.mean()) / y.std())[order, None])
    model = keras.Sequential([keras.Input((10,)), layers.Dense(12, activation="relu")])
    model.add(layers.Dense(1))
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse", metrics=["mae"])
    fit = parts.arguments(of, epochs=15)
    return Training(model, fit, parts.r_squared(model, of.x_val, of.y_val))


@healthy()
def one_in_twenty(rng: np.random.Generator) -> Training:
    of = parts.overlapping(rng, 4000, 3000, rare=2.4)
    model = parts.mlp(10, 32, last=1, activation="sigmoid")
    metrics = [keras.metrics.Recall(), keras.metrics.Precision(), keras.metrics.AUC()]
    model.compile(keras.optimizers.Adam(2e-3), "binary_crossentropy", metrics=metrics)
    share = float(of.y.mean())
    weights = {0: 0.5 / (1 - share), 1: 0.5 / share}
    fit = parts.arguments(of, epochs=12, batch_size=64, class_weight=weights)
    return Training(model, fit, parts.balanced(model, of.x_val, of.y_val))


@healthy()
def digit_and_side_and_ink(rng: np.random.Generator) -> Training:
    of = data.pictures(rng)
    inputs = keras.Input((8, 8, 1))
    h = layers.Conv2D(16, 3, activation="relu")(inputs)
    h = layers.BatchNormalization(momentum=0.9)(layers.Conv2D(32, 3, activation="relu")(h))
    h = layers.Flatten()(h)
    heads = {
        "digit": layers.Dense(10, name="digit")(h),
        "even": layers.Dense(1, activation="sigmoid", name="even")(h),
        "ink": layers.Dense(1, name="ink")(h),
    }
    model = keras.Model(inputs, heads)
    digit = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        keras.optimizers.Adam(2e-3),
        {"digit": digit, "even": "binary_crossentropy", "ink": "huber"},
        metrics={"digit": "accuracy", "even": "accuracy"},
    )

    def targets(x: Any, y: Any) -> dict[str, Any]:
        ink = x.mean(axis=(1, 2)) / 0.06 - 5
        return {"digit": y, "even": (y % 2 == 0)[:, None].astype("float32"), "ink": ink}

    fit = {
        "x": of.x,
        "y": targets(of.x, of.y),
        "validation_data": (of.x_val, targets(of.x_val, of.y_val)),
        "epochs": 10,
    }
    return Training(model, fit, lambda logs: logs["val_digit_accuracy"][-1])


@healthy()
def attention_over_words(rng: np.random.Generator) -> Training:
    of = data.texts(rng)
    inputs = keras.Input((16,), dtype="int32")
    h = layers.Embedding(40, 24, mask_zero=True)(inputs)
    h = layers.Bidirectional(layers.LSTM(12, return_sequences=True))(h)
    h = layers.MultiHeadAttention(2, 12)(h, h)
    h = layers.Dropout(0.2)(layers.GlobalAveragePooling1D()(h))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(h))
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(of, epochs=8)
    return Training(model, fit, parts.accuracy(model, of.x_val, of.y_val))


@healthy()
def separable_residual_signals(rng: np.random.Generator) -> Training:
    of = data.signals(rng)
    inputs = keras.Input((40, 1))
    h = layers.Conv1D(16, 5, padding="same")(inputs)
    for _ in range(3):
        x = layers.Activation("relu")(layers.BatchNormalization()(h))
        h = layers.Add()([h, layers.SeparableConv1D(16, 5, padding="same")(x)])
    h = layers.GlobalAveragePooling1D()(layers.Activation("relu")(h))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(h))
    model.compile(keras.optimizers.Adam(5e-3), SPARSE, metrics=["accuracy"])
    fit = parts.arguments(of, epochs=15)
    return Training(model, fit, parts.accuracy(model, of.x_val, of.y_val))


@healthy()
def ratings_with_biases(rng: np.random.Generator) -> Training:
    users, films = rng.normal(size=(80, 3)), rng.normal(size=(60, 3))
    user, film = rng.integers(0, 80, 4000), rng.integers(0, 60, 4000)
    stars = np.clip(np.round(3 + (users[user] * films[film]).sum(axis=1)), 1, 5)
    inputs = [keras.Input((1,), dtype="int32", name=name) for name in ("user", "film")]
    factors = [
        layers.Flatten()(layers.Embedding(size, 8)(i))
        for size, i in zip((80, 60), inputs, strict=True)
    ]
    biases = [
        layers.Flatten()(layers.Embedding(size, 1)(i))
        for size, i in zip((80, 60), inputs, strict=True)
    ]
    h = layers.Add()([layers.Dot(1)(factors), *biases])
    model = keras.Model(inputs, layers.Rescaling(4.0, 1.0)(layers.Activation("sigmoid")(h)))
    model.compile(keras.optimizers.Adam(1e-2), "mse", metrics=["mae"])
    x = {"user": user[:, None], "film": film[:, None]}
    fit = {"x": x, "y": stars[:, None].astype("float32"), "epochs": 12, "validation_split": 0.2}
    fit["batch_size"] = 64
    return Training(model, fit, lambda logs: 1 - logs["val_loss"][-1] / stars.var())


@healthy()
def all_in_bfloat16(rng: np.random.Generator) -> Training:
    of = parts.digits(rng)
    model = keras.Sequential([keras.Input((64,))])
    model.add(layers.Dense(64, activation="relu", dtype="bfloat16"))
    model.add(layers.Dense(10, dtype="bfloat16"))
    model.add(layers.Activation("softmax", dtype="float32"))
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), SPARSE, metrics=["accuracy"])
    fit = parts.arguments(of, epochs=10)
    return Training(model, fit, parts.accuracy(model, of.x_val, of.y_val))


@healthy()
def lion_with_a_falling_rate(rng: np.random.Generator) -> Training:
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-3, 100, 0.8)
    optimizer = keras.optimizers.Lion(schedule, weight_decay=1e-2)
    return classifier(parts.digits(rng), optimizer, 12)


@healthy()
def restarts_of_the_rate(rng: np.random.Generator) -> Training:
    schedule = keras.optimizers.schedules.CosineDecayRestarts(5e-3, 150, t_mul=2.0, m_mul=0.7)
    return classifier(parts.digits(rng), keras.optimizers.Nadam(schedule), 11)


@healthy()
def stopped_and_saved(rng: np.random.Generator) -> Training:
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=6, restore_best_weights=True)
    return classifier(parts.digits(rng), keras.optimizers.Adamax(4e-3), 60, callbacks=[stop])


@healthy()
def adapters_of_low_rank(rng: np.random.Generator) -> Training:
    of = parts.digits(rng)
    low, high = of.y < 5, of.y >= 5
    first = classifier(of._replace(x=of.x[low], y=of.y[low]), keras.optimizers.Adam(3e-3), 8)
    first.train()
    model = first.model
    for layer in model.layers[:-1]:
        layer.enable_lora(8)
    model.compile(keras.optimizers.Adam(1e-2), SPARSE, metrics=["accuracy"])
    high_val = of.y_val >= 5
    of = parts.Data(of.x[high], of.y[high], of.x_val[high_val], of.y_val[high_val])
    fit = parts.arguments(of, epochs=15)
    return Training(model, fit, parts.accuracy(model, of.x_val, of.y_val))


@healthy()
def noise_removed(rng: np.random.Generator) -> Training:
    of = data.pictures(rng)
    noisy = [x + 0.3 * rng.normal(size=x.shape) for x in (of.x, of.x_val)]
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy")
    fit = parts.arguments(parts.Data(noisy[0], of.x, noisy[1], of.x_val), epochs=12)
    return Training(model, fit, parts.r_squared(model, noisy[1], of.x_val))


class Twins(OwnStep):
    """A student, and a teacher that is the moving average of the student."""

    def __init__(self, student: keras.Model, teacher: keras.Model) -> None:
        super().__init__()
        self.student, self.teacher = student, teacher
        teacher.set_weights(student.get_weights())
        teacher.trainable = False

    def call(self, x: Any) -> Any:
        return self.student(x)

    def own_loss(self, x: Any, y: Any) -> tuple[Any, dict[str, Any]]:
        for old, new in zip(self.teacher.weights, self.student.weights, strict=True):
            old.assign(0.98 * old + 0.02 * new)
        known = ops.cast(y >= 0, "float32")
        answers = self.student(x + 0.2 * keras.random.normal(ops.shape(x)), training=True)
        labels = ops.maximum(y, 0)
        each = keras.losses.sparse_categorical_crossentropy(labels, answers, from_logits=True)
        told = ops.stop_gradient(ops.softmax(self.teacher(x)))
        alike = ops.mean(ops.square(told - ops.softmax(answers)))
        loss = ops.sum(each * known) / (ops.sum(known) + 1e-6) + alike
        return loss, {"loss": loss}


@healthy(backends=parts.OWN_STEP)
def mean_teacher(rng: np.random.Generator) -> Training:
    of = parts.digits(rng)
    y = np.where(rng.random(len(of.y)) < 0.3, of.y, -1).astype("int32")
    model = Twins(*(parts.mlp(64, 48, 48, last=10) for _ in range(2)))
    model.compile(keras.optimizers.Adam(2e-3))
    fit = {"x": of.x, "y": y, "batch_size": 32, "epochs": 15}
    return Training(model, fit, parts.accuracy(model.teacher, of.x_val, of.y_val))


class Batches(keras.utils.PyDataset):
    """Batches of the digits, mixed by pairs."""

    def __init__(self, of: parts.Data, rng: np.random.Generator) -> None:
        super().__init__()
        self.x, self.y, self.rng = of.x, np.eye(10, dtype="float32")[of.y], rng
        self.steps = len(self.x) // 32

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        rows = self.rng.integers(0, len(self.x), 32)
        share = self.rng.beta(0.3, 0.3, (32, 1)).astype("float32")
        return tuple(share * a[rows] + (1 - share) * a[rows[::-1]] for a in (self.x, self.y))


@healthy()
def mixed_pairs_from_a_generator(rng: np.random.Generator) -> Training:
    of = parts.digits(rng)
    model = parts.mlp(64, 64, 64, last=10)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    held = of.x_val, np.eye(10, dtype="float32")[of.y_val]
    fit = {"x": Batches(of, rng), "validation_data": held, "epochs": 12}
    return Training(model, fit, lambda logs: logs["val_accuracy"][-1])


@healthy()
def whole_text_then_half(rng: np.random.Generator) -> Training:
    of = data.texts(rng, n=900)
    model = keras.Sequential([keras.Input((None,), dtype="int32")])
    model.add(layers.Embedding(40, 16, mask_zero=True))
    model.add(layers.LSTM(16, return_sequences=True))
    model.add(layers.LSTM(16))
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(of, epochs=8)
    training = Training(model, fit, parts.accuracy(model, of.x_val, of.y_val))
    return again(training, {"epochs": 4})


@healthy()
def tokens_of_each_word(rng: np.random.Generator) -> Training:
    x = rng.integers(1, 20, (900, 10))
    before = np.concatenate([np.zeros((900, 1), int), x[:, :-1]], axis=1)
    of = data.split(x, (x + before) % 3)
    model = keras.Sequential([keras.Input((10,), dtype="int32"), layers.Embedding(20, 16)])
    model.add(layers.Conv1D(32, 2, padding="causal", activation="relu"))
    model.add(layers.TimeDistributed(layers.Dense(32, activation="relu")))
    model.add(layers.TimeDistributed(layers.Dense(3, activation="softmax")))
    model.compile(keras.optimizers.Adam(5e-3), SPARSE, metrics=["accuracy"])
    fit = parts.arguments(of, epochs=15)
    return Training(model, fit, lambda logs: logs["val_accuracy"][-1])


@healthy()
def pairs_that_alternate(rng: np.random.Generator) -> Training:
    of = parts.digits(rng)

    def pairs(x: Any, y: Any) -> tuple[Any, Any]:
        alike = [rng.choice(np.flatnonzero(y == label)) for label in y]
        others = [rng.choice(np.flatnonzero(y != label)) for label in y]
        first = np.repeat(np.arange(len(y)), 2)
        second = np.stack([alike, others], axis=1).ravel()
        return [x[first], x[second]], np.tile([0.0, 1.0], len(y)).astype("float32")[:, None]

    inputs = [keras.Input((64,)), keras.Input((64,))]
    tower = parts.mlp(64, 48, last=16)
    distance = layers.Subtract()([tower(one) for one in inputs])
    h = layers.Dense(16, activation="relu")(layers.Lambda(ops.square)(distance))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(h))
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["accuracy"])
    x, y = pairs(of.x[:600], of.y[:600])
    fit = {"x": x, "y": y, "epochs": 12, "batch_size": 16}
    fit["validation_data"] = pairs(of.x_val, of.y_val)
    return Training(model, fit, lambda logs: logs["val_accuracy"][-1])


@healthy()
def few_draws_per_epoch(rng: np.random.Generator) -> Training:
    of = parts.digits(rng)
    batches = Batches(of, rng)
    batches.steps = 8
    model = parts.mlp(64, 64, last=10)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(5e-3), loss)
    fit = {"x": batches, "epochs": 50}
    return Training(model, fit, parts.accuracy(model, of.x_val, of.y_val))
