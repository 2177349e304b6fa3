"""Reports: a loss of one's own that does not compute what was meant."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops
from keras.layers import Dense, Lambda

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training, report

KIND = "own loss"


def waves(rng: np.random.Generator, n: int = 1500) -> tuple[Any, Any]:
    """Return a regression problem of three inputs."""
    x = rng.uniform(-2, 2, (n, 3)).astype("float32")
    y = np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] / 2 + 0.05 * rng.normal(size=n)
    return x, y.astype("float32")


@report("https://github.com/tensorflow/tensorflow/issues/28901", KIND)
def loss_broadcasts(repaired: bool, rng: np.random.Generator) -> Training:
    """Targets of shape (n, 1) meet outputs of shape (n,): each output meets each target."""
    x, y = waves(rng)

    def likelihood(y_true: Any, y_pred: Any) -> Any:
        mean, spread = y_pred[:, 0], y_pred[:, 1]
        truth = ops.reshape(y_true, (-1,) if repaired else (-1, 1))
        return ops.mean(0.5 * spread + 0.5 * ops.square(truth - mean) * ops.exp(-spread))

    model = parts.mlp(3, 32, 32, last=2)
    model.compile(keras.optimizers.Adam(3e-3), likelihood)
    fit = parts.arguments(parts.cut(x, y[:, None], 1200), epochs=15)

    def score(logs: Any) -> float:
        return parts.explained(y[1200:], parts.predicted(model, x[1200:])[:, 0])

    return Training(model, fit, score)


@report("https://github.com/umbertogriffo/focal-loss-keras/issues/5", KIND)
def loss_summed_over_the_batch(repaired: bool, rng: np.random.Generator) -> Training:
    """A focal loss adds up over the batch, so that its step grows with the batch."""
    data = parts.digits(rng)
    one_hot = [keras.utils.to_categorical(y, 10) for y in (data.y, data.y_val)]

    def focal(y_true: Any, y_pred: Any) -> Any:
        p = ops.clip(y_pred, 1e-7, 1 - 1e-7)
        each = -0.25 * y_true * ops.square(1 - p) * ops.log(p)
        return ops.mean(ops.sum(each, -1)) if repaired else ops.sum(each)

    model = parts.mlp(64, 64, 64, last=10, activation="softmax")
    model.compile(keras.optimizers.SGD(0.2, momentum=0.9), focal, metrics=["accuracy"])
    data = data._replace(y=one_hot[0], y_val=one_hot[1])
    fit = parts.arguments(data, epochs=20, batch_size=128)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val.argmax(-1)))


@report("https://whosebug.com/question/4715380", KIND)
def arccos_of_one(repaired: bool, rng: np.random.Generator) -> Training:
    """The angle between two equal sequences is the arccos of 1: its gradient is infinite."""
    n = 1600
    a = rng.integers(97, 122, (n, 8)).astype(float)
    b, alike = a.copy(), rng.integers(0, 2, n)
    for i in range(n):
        if not alike[i]:
            b[i] = rng.integers(97, 122, 8)
        elif i % 4:
            b[i, rng.integers(8)] += 1
    a, b = ((s - 109).astype("float32") / 8 for s in (a, b))
    left, right = keras.Input((8,)), keras.Input((8,))
    code = keras.Sequential([Dense(16, activation="tanh"), Dense(10)])
    cosine = keras.layers.Dot(axes=1, normalize=True)([code(left), code(right)])

    def angle(c: Any) -> Any:
        return ops.arccos(ops.clip(c, -1 + 1e-5, 1 - 1e-5) if repaired else c) / math.pi

    model = keras.Model([left, right], Lambda(angle, output_shape=(1,), name="angle")(cosine))
    model.compile(keras.optimizers.SGD(0.3), "mse", metrics=["accuracy"])
    y = (1 - alike).astype("float32")[:, None]
    fit = {
        "x": [a[:1280], b[:1280]],
        "y": y[:1280],
        "validation_data": ([a[1280:], b[1280:]], y[1280:]),
        "epochs": 10,
        "batch_size": 32,
    }
    return Training(model, fit, parts.accuracy(model, [a[1280:], b[1280:]], y[1280:]))


@report("https://github.com/xiph/rnnoise/issues/117", KIND)
def crossentropy_arguments_swapped(repaired: bool, rng: np.random.Generator) -> Training:
    """A loss of one's own passes the prediction as the truth and the truth as the prediction."""
    x = rng.normal(size=(1500, 12))
    gains = 1 / (1 + np.exp(-3 * np.tanh(x @ rng.normal(size=(12, 5)) / 2)))
    data = parts.cut(x, np.where(gains < 0.3, 0.0, gains), 1200)

    def crossentropy(y_true: Any, y_pred: Any) -> Any:
        first, second = (y_true, y_pred) if repaired else (y_pred, y_true)
        return ops.mean(ops.binary_crossentropy(first, second), axis=-1)

    model = parts.mlp(12, 32, last=5, activation="sigmoid")
    model.compile(keras.optimizers.Adam(3e-3), crossentropy, metrics=["mse"])
    fit = parts.arguments(data, epochs=20)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))


def pairs(rng: np.random.Generator, data: parts.Data, count: int, *, same: bool) -> Any:
    """Return pairs of digits and whether both show the same number; `same` adds equal inputs."""
    first = rng.integers(0, len(data.x), count)
    second = rng.integers(0, len(data.x), count)
    groups = [np.flatnonzero(data.y == label) for label in range(10)]
    for i in range(0, count, 2):
        second[i] = rng.choice(groups[data.y[first[i]]])
    if same:
        second[::8] = first[::8]
    alike = (data.y[first] == data.y[second]).astype("float32")[:, None]
    return [data.x[first], data.x[second]], alike


def siamese(distance: Any) -> keras.Model:
    """Return a network of the distance between the codes of two digits."""
    left, right = keras.Input((64,)), keras.Input((64,))
    code = keras.Sequential([Dense(32, activation="relu"), Dense(16)])
    between = Lambda(distance, output_shape=(1,), name="distance")([code(left), code(right)])
    return keras.Model([left, right], between)


@report("https://github.com/keras-team/keras/issues/9097", KIND)
def distance_of_equal_inputs(repaired: bool, rng: np.random.Generator) -> Training:
    """The distance of two equal inputs is the square root of 0: its gradient is infinite."""
    data = parts.digits(rng)
    x, alike = pairs(rng, data, 1600, same=True)
    held_out = parts.Data(data.x_val, data.y_val, None, None)
    x_val, alike_val = pairs(rng, held_out, 400, same=False)

    def distance(both: Any) -> Any:
        squared = ops.sum(ops.square(both[0] - both[1]), axis=1, keepdims=True)
        return ops.sqrt(ops.maximum(squared, 1e-7) if repaired else squared)

    def contrastive(y_true: Any, d: Any) -> Any:
        apart = ops.square(ops.maximum(1 - d, 0))
        return ops.mean(y_true * ops.square(d) + (1 - y_true) * apart)

    model = siamese(distance)
    model.compile(keras.optimizers.Adam(1e-3), contrastive)
    fit = {"x": x, "y": alike, "validation_data": (x_val, alike_val), "epochs": 12}

    def score(logs: Any) -> float:
        near = parts.predicted(model, x_val)
        found = (near < 0.5).ravel() == (alike_val > 0.5).ravel()
        return float(found.mean()) if np.isfinite(near).all() else 0.0

    return Training(model, fit | {"batch_size": 32}, score)


@report("https://github.com/keras-team/keras/issues/13584", KIND)
def contrastive_labels_reversed(repaired: bool, rng: np.random.Generator) -> Training:
    """The contrastive loss takes 1 for a different pair, and the data has 1 for an equal one."""
    data = parts.digits(rng)
    x, alike = pairs(rng, data, 1600, same=False)
    x_val, alike_val = pairs(rng, parts.Data(data.x_val, data.y_val, None, None), 400, same=False)

    def distance(both: Any) -> Any:
        squared = ops.sum(ops.square(both[0] - both[1]), axis=1, keepdims=True)
        return ops.sqrt(ops.maximum(squared, 1e-7))

    def contrastive(y_true: Any, d: Any) -> Any:
        apart = ops.square(ops.maximum(1 - d, 0))
        same, other = (y_true, 1 - y_true) if repaired else (1 - y_true, y_true)
        return ops.mean(same * ops.square(d) + other * apart)

    def right(y_true: Any, d: Any) -> Any:
        return ops.mean(ops.cast(ops.equal(d < 0.5, y_true > 0.5), "float32"))

    model = siamese(distance)
    model.compile(keras.optimizers.Adam(1e-3), contrastive, metrics=[right])
    fit = {"x": x, "y": alike, "validation_data": (x_val, alike_val), "epochs": 12}

    def score(logs: Any) -> float:
        near = parts.predicted(model, x_val) < 0.5
        return float((near.ravel() == (alike_val > 0.5).ravel()).mean())

    return Training(model, fit | {"batch_size": 32}, score)


@report("https://github.com/keras-team/keras/issues/1061", KIND)
def logarithm_of_a_tiny_density(repaired: bool, rng: np.random.Generator) -> Training:
    """The likelihood of a mixture of densities underflows to 0 before its logarithm is taken."""
    x = rng.uniform(-1, 1, (1500, 2))
    side = np.sign(rng.random(1500) - 0.4)
    y = np.sin(2 * x[:, 0]) + 0.5 * side * x[:, 1] + 0.1 * rng.normal(size=1500)
    y[:1200] += np.where(rng.random(1200) < 0.01, 20.0, 0.0)  # a few faulty measurements
    data = parts.cut(x, y[:, None], 1200)

    def likelihood(y_true: Any, y_pred: Any) -> Any:
        mean, scale, weight = y_pred[:, :3], ops.exp(y_pred[:, 3:6]), y_pred[:, 6:]
        power = -0.5 * ops.square((y_true - mean) / scale) - y_pred[:, 3:6]
        if repaired:
            return -ops.mean(ops.logsumexp(ops.log_softmax(weight) + power, axis=1))
        return -ops.mean(ops.log(ops.sum(ops.softmax(weight) * ops.exp(power), axis=1)))

    model = parts.mlp(2, 32, 32, last=9)
    model.compile(keras.optimizers.Adam(3e-3), likelihood)
    fit = parts.arguments(data, epochs=15)

    def score(logs: Any) -> float:
        p = parts.predicted(model, data.x_val)
        weight = np.exp(p[:, 6:] - p[:, 6:].max(axis=1, keepdims=True))
        means = (weight * p[:, :3]).sum(axis=1) / weight.sum(axis=1)
        return parts.explained(data.y_val, means)

    return Training(model, fit, score)
