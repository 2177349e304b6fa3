"""Reports: a validation score that is too good, because the validation data was seen before."""

from typing import Any

import keras
import numpy as np
from keras.layers import Dense

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training, report

KIND = "leakage"


@report("https://github.com/deepchem/deepchem/issues/926", KIND, pretrains=True)
def fold_without_a_fresh_model(repaired: bool, rng: np.random.Generator) -> Training:
    """Cross-validation goes on with the same model: each fold was training data of the last one."""
    x = rng.normal(size=(1400, 10))
    flipped = rng.random(1400) < 0.2
    data = parts.cut(x, ((x[:, 0] + x[:, 1] > 0) ^ flipped)[:, None].astype(float), 400)

    def fresh() -> keras.Model:
        model = parts.mlp(10, 64, 64, last=1, activation="sigmoid")
        model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["accuracy"])
        return model

    folds = np.arange(400) % 2
    model = fresh()
    if not repaired:
        rest = folds == 0  # the first fold validates on the second half and trains on this one
        model.fit(data.x[rest], data.y[rest], epochs=80, batch_size=16, verbose=0)
    held_out = folds == 0
    fold = parts.Data(data.x[~held_out], data.y[~held_out], data.x[held_out], data.y[held_out])
    fit = parts.arguments(fold, epochs=5, batch_size=16)

    def actual() -> float:
        return parts.accuracy_of(parts.predicted(model, data.x_val), data.y_val)

    return Training(model, fit, parts.honesty("val_accuracy", actual))


@report("https://github.com/amaiya/ktrain/issues/296", KIND)
def oversampled_before_the_split(repaired: bool, rng: np.random.Generator) -> Training:
    """Rare examples are duplicated before the split, so that copies are on both sides."""
    data = parts.overlapping(rng, 1600, 800, rare=2.0)

    def doubled(x: Any, y: Any) -> tuple[Any, Any]:
        rare = np.flatnonzero(y[:, 0] > 0.5)
        more = rng.choice(rare, len(y) - 2 * len(rare))
        order = rng.permutation(np.concatenate([np.arange(len(y)), more]))
        return x[order], y[order]

    if repaired:
        x, y = doubled(data.x[:640], data.y[:640])
        split = parts.Data(x, y, data.x[640:], data.y[640:])
    else:
        x, y = doubled(data.x, data.y)
        split = parts.cut(x, y, int(0.8 * len(x)))
    model = parts.mlp(10, 64, 64, last=1, activation="sigmoid")
    recall = keras.metrics.Recall(name="recall")
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["accuracy", recall])
    fit = parts.arguments(split, epochs=15)

    def actual() -> float:
        rare = data.y_val[:, 0] > 0.5
        return float((parts.predicted(model, data.x_val[rare]) > 0.5).mean())

    return Training(model, fit, parts.honesty("val_recall", actual))


@report("https://github.com/changspencer/Tumor-CapsNet/issues/1", KIND)
def slices_of_a_patient_on_both_sides(repaired: bool, rng: np.random.Generator) -> Training:
    """Each patient has several pictures, and they are split at random over both sides."""
    patients, slices = 90, 8
    person = 1.5 * rng.normal(size=(patients, 1, 20))
    ill = (rng.random(patients) < 1 / (1 + np.exp(-person[:, 0, 0]))).astype(float)
    x = (person + 0.3 * rng.normal(size=(patients, slices, 20))).reshape(-1, 20).astype("float32")
    y = np.repeat(ill, slices)[:, None].astype("float32")
    seen = 70 * slices
    order = np.arange(seen) if repaired else rng.permutation(seen)
    part = order[: 50 * slices], order[50 * slices :]
    data = parts.Data(x[part[0]], y[part[0]], x[part[1]], y[part[1]])
    model = parts.mlp(20, 64, last=1, activation="sigmoid")
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=25)

    def actual() -> float:
        return parts.accuracy_of(parts.predicted(model, x[seen:]), y[seen:])

    return Training(model, fit, parts.honesty("val_accuracy", actual))


FRAUD = "https://github.com/Apress/beginning-anomaly-detection-using-python-based-dl/issues/1"


@report(FRAUD, KIND)
def label_among_the_features(repaired: bool, rng: np.random.Generator) -> Training:
    """The column of the answer is left among the input columns."""
    data = parts.overlapping(rng, 1800, 1200)

    def inputs(x: Any, y: Any) -> Any:
        return x if repaired else np.concatenate([x, (y - 0.5) / 0.5], axis=1)

    model = parts.mlp(10 if repaired else 11, 24, last=1, activation="sigmoid")
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    train, held_out = inputs(data.x, data.y), inputs(data.x_val, data.y_val)
    fit = parts.arguments(parts.Data(train, data.y, held_out, data.y_val), epochs=15)

    def actual() -> float:
        unknown = inputs(data.x_val, np.zeros_like(data.y_val) + 0.5)
        return parts.accuracy_of(parts.predicted(model, unknown), data.y_val)

    return Training(model, fit, parts.honesty("val_accuracy", actual))


@report("https://github.com/VivekPa/AIAlpha/issues/8", KIND)
def smoothed_with_the_future(repaired: bool, rng: np.random.Generator) -> Training:
    """A series is smoothed over the steps to come, so that its inputs contain the answer."""
    series = np.cumsum(rng.normal(size=2200))
    series = (0.9 * np.sin(np.arange(2200) / 9) * 6 + 0.3 * series).astype("float32")
    width, ahead = 8, 4
    kernel = np.ones(2 * ahead + 1) / (2 * ahead + 1)
    past = np.convolve(series, kernel)[: len(series)]
    both = np.convolve(series, kernel, "same")
    spread = series.std()

    def windows(smooth: Any, start: int, stop: int) -> tuple[Any, Any]:
        ends = np.arange(start, stop)
        x = np.stack([smooth[e - width : e] for e in ends]) / spread
        return x.astype("float32"), ((series[ends] - series[ends - 1]) / spread)[:, None]

    smooth = past if repaired else both
    x, y = windows(smooth, 40, 1500)
    x_val, y_val = windows(smooth, 1500, 1900)
    data = parts.Data(x, (5 * y).astype("float32"), x_val, (5 * y_val).astype("float32"))
    model = keras.Sequential([keras.Input((width,)), Dense(32, activation="relu"), Dense(1)])
    score = keras.metrics.R2Score(name="r2")
    model.compile(keras.optimizers.Adam(3e-3), "mse", metrics=[score])
    fit = parts.arguments(data, epochs=20)

    def actual() -> float:
        x_new, y_new = windows(past, 1900, 2190)  # of the future nothing is known in use
        return parts.explained(5 * y_new, parts.predicted(model, x_new))

    return Training(model, fit, parts.honesty("val_r2", actual))
