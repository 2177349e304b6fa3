"""Reports of the second set: data that is prepared, numbered or delivered in a wrong way."""

from typing import Any

import keras
import numpy as np
from keras.layers import BatchNormalization, Conv1D, Dense, GlobalAveragePooling1D

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training, report

KIND = "data preparation"


@report("https://github.com/uzh-rpg/rpg_event_representation_learning/issues/2", KIND)
def classes_numbered_differently(repaired: bool, rng: np.random.Generator) -> Training:
    """Folders are listed in another order for validation, so that classes have other numbers."""
    data = parts.digits(rng)
    listed = np.arange(10) if repaired else np.random.default_rng(8).permutation(10)
    model = parts.mlp(64, 48, last=10, activation="softmax")
    optimizer = keras.optimizers.Adam(3e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data._replace(y_val=listed[data.y_val]), epochs=10)

    def score(logs: Any) -> float:
        actual = parts.accuracy_of(parts.predicted(model, data.x_val), data.y_val)
        return 1 - abs(actual - float(logs["val_accuracy"][-1]))

    return Training(model, fit, score)


@report("https://github.com/soroushmehr/sampleRNN_ICLR2017/issues/24", KIND)
def loudness_scaled_away(repaired: bool, rng: np.random.Generator) -> Training:
    """Each recording is scaled to [0, 1] by itself, which removes how loud it is."""
    n, steps = 1200, 32
    loud = rng.integers(0, 3, n)
    tone = np.sin(np.arange(steps) * rng.uniform(0.3, 1.2, (n, 1)) + rng.uniform(0, 6, (n, 1)))
    x = (0.2 + 0.4 * loud[:, None]) * tone * rng.uniform(0.8, 1.2, (n, 1))
    x += 0.05 * rng.normal(size=x.shape)
    low, high = x.min(axis=1, keepdims=True), x.max(axis=1, keepdims=True)
    if repaired:
        low, high = x.min(), x.max()
    data = parts.cut(((x - low) / (high - low))[:, :, None], loud, 900)
    layers = [Conv1D(12, 5, activation="relu"), Conv1D(16, 5, activation="relu")]
    output = [GlobalAveragePooling1D(), Dense(3, activation="softmax")]
    model = keras.Sequential([keras.Input((steps, 1)), *layers, *output])
    optimizer = keras.optimizers.Adam(5e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=20)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


@report("https://github.com/keras-team/keras/issues/5538", "settings of the run")
def one_file_after_the_other(repaired: bool, rng: np.random.Generator) -> Training:
    """Each file is trained on for many epochs before the next: what it taught is forgotten."""
    data = parts.digits(rng)
    files = np.array_split(np.argsort(data.y, kind="stable"), 5)
    model = parts.mlp(64, 48, last=10, activation="softmax")
    optimizer = keras.optimizers.Adam(3e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=10)

    def one_by_one(callbacks: list[Any]) -> keras.callbacks.History:
        for file in files:
            part = {"x": data.x[file], "y": data.y[file]}
            history = model.fit(**fit | part | {"callbacks": callbacks, "verbose": 0})
        return history

    score = parts.accuracy(model, data.x_val, data.y_val)
    return Training(model, fit, score, None if repaired else one_by_one)


@report("https://github.com/evandowning/deepreflect/issues/11", KIND)
def divided_by_a_maximum_of_zero(repaired: bool, rng: np.random.Generator) -> Training:
    """Features are divided by their largest value, which is 0 for one that never occurs."""
    counts = rng.poisson(np.exp(rng.normal(size=14)), (1500, 14)).astype("float32")
    counts[:, 9] = 0
    y = counts[:, 0] + counts[:, 1] - counts[:, 2] + 0.3 * rng.normal(size=1500)
    largest = counts.max(axis=0)
    if repaired:
        largest = np.maximum(largest, 1)
    with np.errstate(invalid="ignore"):
        data = parts.cut(counts / largest, ((y - y.mean()) / y.std())[:, None], 1200)
    model = parts.mlp(14, 24, last=1)
    model.compile(keras.optimizers.Adam(5e-3), "mse")
    fit = parts.arguments(data, epochs=12)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))


class Copies(keras.utils.PyDataset):
    """Batches whose examples are all the same one, or one after the other."""

    def __init__(self, data: parts.Data, size: int, *, copies: bool) -> None:
        super().__init__()
        self.data, self.size, self.copies = data, size, copies

    def __len__(self) -> int:
        return len(self.data.y) // self.size

    def __getitem__(self, index: int) -> Any:
        rows = np.arange(index * self.size, (index + 1) * self.size)
        if self.copies:
            rows[:] = rows[0]
        return self.data.x[rows], self.data.y[rows]


@report("https://github.com/NVIDIA-Genomics-Research/AtacWorks/issues/207", KIND)
def one_example_fills_the_batch(repaired: bool, rng: np.random.Generator) -> Training:
    """A loader writes the same example into all places of a batch."""
    data = parts.digits(rng)
    inputs = keras.Input((64,))
    h = keras.layers.ReLU()(BatchNormalization(momentum=0.9)(Dense(48)(inputs)))
    model = keras.Model(inputs, Dense(10, activation="softmax")(h))
    optimizer = keras.optimizers.Adam(3e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    stream = Copies(data, 32, copies=not repaired)
    fit = {"x": stream, "validation_data": (data.x_val, data.y_val), "epochs": 10}
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))
