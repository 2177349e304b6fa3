"""Reports: data that was prepared, paired or split in a wrong way."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras.layers import Conv1D, Conv2D, Dense, Dropout, Flatten, GlobalAveragePooling1D

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training, report

KIND = "data preparation"


@report("https://github.com/keras-team/keras/issues/12689", KIND)
def validation_prepared_differently(repaired: bool, rng: np.random.Generator) -> Training:
    """Training pictures are scaled to [-1, 1], validation pictures stay in [0, 255]."""
    data = parts.digits(rng, image=True)
    wide = data.x_val * 255
    data = data._replace(x=2 * data.x - 1, x_val=2 * data.x_val - 1 if repaired else wide)
    layers = [Conv2D(8, 3, activation="relu"), Conv2D(16, 3, activation="relu"), Flatten()]
    head = [Dropout(0.3), Dense(32, activation="relu"), Dropout(0.3)]
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers, *head])
    model.add(Dense(10, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=10)
    return Training(model, fit, lambda logs: float(logs["val_accuracy"][-1]))


@report("https://github.com/keras-team/keras/issues/12355", KIND)
def labels_in_folder_order(repaired: bool, rng: np.random.Generator) -> Training:
    """Features come from a shuffled generator, and labels in the order of the folders."""
    data = parts.digits(rng)
    mixed = rng.normal(size=(64, 120)) / 8
    x, x_val = (np.maximum((a - 0.3) @ mixed, 0).astype("float32") for a in (data.x, data.x_val))
    order = (lambda y: y) if repaired else np.sort
    y, y_val = (keras.utils.to_categorical(order(y), 10) for y in (data.y, data.y_val))
    hidden = [Dense(64, activation="relu"), Dropout(0.5)]
    model = keras.Sequential([keras.Input((120,)), *hidden, Dense(10, activation="softmax")])
    model.compile(keras.optimizers.RMSprop(), "categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(parts.Data(x, y, x_val, y_val), epochs=15)
    return Training(model, fit, parts.accuracy(model, x_val, data.y_val))


@report("https://github.com/keras-team/keras-preprocessing/issues/236", KIND)
def image_and_mask_flipped_apart(repaired: bool, rng: np.random.Generator) -> Training:
    """Pictures are flipped at random, and their masks at random as well, but not together."""
    n = 900
    grid = np.arange(10)
    centre, size = rng.uniform(2, 8, (n, 2)), rng.uniform(1, 2.5, (n, 1, 1))
    near = (grid[:, None] - centre[:, :1, None]) ** 2 + (grid - centre[:, 1:, None]) ** 2
    mask = (near < size**2)[..., None].astype(float)
    image = mask + 0.3 * rng.normal(size=mask.shape)
    flips = rng.integers(0, 2, (2, 700)).astype(bool)
    image[:700][flips[0]] = image[:700][flips[0]][:, :, ::-1]
    flip = flips[0] if repaired else flips[1]
    mask[:700][flip] = mask[:700][flip][:, :, ::-1]
    data = parts.cut(image, mask, 700)
    layers = [Conv2D(8, 3, padding="same", activation="relu") for _ in range(2)]
    output = Conv2D(1, 1, activation="sigmoid")
    model = keras.Sequential([keras.Input((10, 10, 1)), *layers, output])
    model.compile(keras.optimizers.Adam(5e-3), "binary_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=15)

    def score(logs: Any) -> float:
        answers = parts.predicted(model, data.x_val) > 0.5
        both = (answers * data.y_val).sum()
        return float(2 * both / (answers.sum() + data.y_val.sum()))

    return Training(model, fit, score)


@report("https://github.com/keras-team/keras/issues/8346", KIND)
def validation_split_of_sorted_data(repaired: bool, rng: np.random.Generator) -> Training:
    """The data is sorted by class and `validation_split` takes its end: the last classes."""
    data = parts.digits(rng)
    order = np.arange(1300) if repaired else np.argsort(data.y, kind="stable")
    model = parts.mlp(64, 32, last=10, activation="softmax")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = {"x": data.x[order], "y": data.y[order], "validation_split": 0.2, "epochs": 20}
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


@report("https://github.com/udacity/CarND-Traffic-Sign-Classifier-Project/pull/46", KIND)
def byte_arithmetic_wraps(repaired: bool, rng: np.random.Generator) -> Training:
    """128 is subtracted from pictures of unsigned bytes, so that dark pixels become bright."""
    data = parts.digits(rng, image=True)
    noise = 0.05 * rng.normal(size=data.x.shape)
    pictures = np.clip(255 * (0.3 + 0.4 * data.x + noise), 0, 255)
    held_out = np.clip(255 * (0.3 + 0.4 * data.x_val), 0, 255)

    def centred(pixels: Any) -> Any:
        bytes_ = pixels.astype("float32" if repaired else "uint8")
        return ((bytes_ - (128.0 if repaired else np.uint8(128))) / 128).astype("float32")

    layers = [Conv2D(6, 3, activation="relu"), Flatten(), Dense(24, activation="relu")]
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers, Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    data = data._replace(x=centred(pictures), x_val=centred(held_out))
    fit = parts.arguments(data, epochs=12)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


@report("https://github.com/mindee/doctr/pull/375", KIND)
def divided_by_255_twice(repaired: bool, rng: np.random.Generator) -> Training:
    """Pictures are scaled to [0, 1] on conversion and then divided by 255 once more."""
    data = parts.digits(rng, image=True)
    scale = 1.0 if repaired else 1 / 255
    data = data._replace(x=data.x * np.float32(scale), x_val=data.x_val * np.float32(scale))
    layers = [Conv2D(8, 3, activation="relu"), Flatten(), Dense(32, activation="relu")]
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers, Dense(10, activation="softmax")])
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=10)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


@report("https://github.com/DeepRank/deeprank/issues/16", KIND)
def targets_not_normalized(repaired: bool, rng: np.random.Generator) -> Training:
    """The targets are thousands away from 0, and the network returns one value for all."""
    data = parts.friedman(rng, 1500, 1200)
    scale = (lambda y: y) if repaired else (lambda y: (400 * y + 3000).astype("float32"))
    data = data._replace(y=scale(data.y), y_val=scale(data.y_val))
    model = parts.mlp(10, 32, last=1)
    model.compile(keras.optimizers.SGD(0.01 if repaired else 0.001, weight_decay=0.005), "mae")
    fit = parts.arguments(data, epochs=20)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))


@report("https://github.com/IcedDoggie/Micro-Expression-with-Deep-Learning/issues/7", KIND)
def reshaped_instead_of_transposed(repaired: bool, rng: np.random.Generator) -> Training:
    """Data of shape (n, channels, steps) is reshaped to (n, steps, channels), which mixes them."""
    n, channels, steps = 1400, 5, 12
    pace, start = rng.uniform(0.3, 0.7, (n, channels, 1)), rng.uniform(0, 6, (n, channels, 1))
    series = np.sin(pace * np.arange(steps) + start) + 0.1 * rng.normal(size=(n, channels, steps))
    faster = pace[:, 0] > pace[:, 1]
    x = series.transpose(0, 2, 1) if repaired else series.reshape(n, steps, channels)
    data = parts.cut(x, faster.astype(float), 1100)
    layers = [Conv1D(24, 4, activation="relu"), Conv1D(16, 4, activation="relu")]
    model = keras.Sequential([keras.Input((steps, channels)), *layers])
    model.add(GlobalAveragePooling1D())
    model.add(Dense(1, activation="sigmoid"))
    model.compile(keras.optimizers.Adam(5e-3), "binary_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=20)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


@report("https://github.com/keras-team/keras/issues/3985", KIND)
def generator_starts_over(repaired: bool, rng: np.random.Generator) -> Training:
    """A generator sets its index to 0 before every batch, so that all batches are the first one."""
    data = parts.digits(rng)

    def batches() -> Iterator[tuple[Any, Any]]:
        index = 0
        while True:
            if not repaired:
                index = 0
            yield data.x[index : index + 50], data.y[index : index + 50]
            index = (index + 50) % 1300

    model = parts.mlp(64, 32, last=10, activation="softmax")
    optimizer = keras.optimizers.Adam(3e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    validation = (data.x_val, data.y_val)
    fit = {"x": batches(), "steps_per_epoch": 26, "epochs": 12, "validation_data": validation}
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


@report("https://github.com/keras-team/keras/issues/15846", KIND)
def sorted_batches_in_shuffled_order(repaired: bool, rng: np.random.Generator) -> Training:
    """Data sorted by class is shuffled batch by batch: each batch has one class only."""
    data = parts.digits(rng)
    order = np.argsort(data.y, kind="stable")
    model = parts.mlp(64, 64, 32, last=10, activation="softmax")
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    data = data._replace(x=data.x[order], y=data.y[order])
    fit = parts.arguments(data, epochs=12, shuffle=True if repaired else "batch")
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))
