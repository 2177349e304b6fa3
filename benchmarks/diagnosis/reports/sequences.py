"""Reports: sequences whose padding, mask, order or time axis is not what the model takes it for."""

from typing import Any

import keras
import numpy as np
from keras.layers import GRU, LSTM, Dense, Embedding, Masking

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training, report

KIND = "sequences and masks"


@report("https://datascience.stackexchange.com/questions/67599", KIND)
def mask_hides_data(repaired: bool, rng: np.random.Generator) -> Training:
    """Zeros are data and not padding, and a mask hides the steps that have them."""
    x = rng.integers(0, 2, (1200, 10)).astype(float)
    weights = np.linspace(-1, 1, 10)
    y = ((x - 0.5) @ weights)[:, None]
    data = parts.cut(x[..., None], y, 900)
    first = [] if repaired else [Masking(0.0)]
    model = keras.Sequential([keras.Input((10, 1)), *first, GRU(16), Dense(1)])
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    fit = parts.arguments(data, epochs=12, batch_size=64)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))


@report("https://github.com/aneesh-joshi/LSTM_POS_Tagger/issues/8", KIND)
def padding_in_the_score(repaired: bool, rng: np.random.Generator) -> Training:
    """A tagger without a mask gets its accuracy from the padding, which is most of each text."""

    def texts(count: int) -> tuple[Any, Any]:
        x, y = np.zeros((count, 24), "int32"), np.zeros((count, 24), "int32")
        for i in range(count):
            length = rng.integers(2, 5)
            words = rng.integers(1, 300, length)
            x[i, :length], y[i, :length] = words, 1 + words % 5
        return x, y

    (x, y), (x_val, y_val) = texts(1000), texts(300)
    layers = [Embedding(300, 12, mask_zero=repaired), GRU(16, return_sequences=True)]
    model = keras.Sequential([keras.Input((24,), dtype="int32"), *layers])
    model.add(Dense(6, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(parts.Data(x, y, x_val, y_val), epochs=6)

    def actual() -> float:
        answers = parts.predicted(model, x_val).argmax(-1)
        return float((answers == y_val)[x_val > 0].mean())

    return Training(model, fit, parts.honesty("val_accuracy", actual))


@report("https://github.com/keras-team/keras/issues/20898", KIND)
def padding_at_the_end(repaired: bool, rng: np.random.Generator) -> Training:
    """Short texts are padded with zeros at the end, which a recurrent layer reads last."""
    x, y = np.zeros((1200, 30), "int32"), np.zeros(1200)
    for i in range(1200):
        length = rng.integers(3, 7)
        words = rng.integers(1, 40, length)
        x[i, :length], y[i] = words, words[-1] % 2
    data = parts.cut(x, y[:, None], 900)
    layers = [Embedding(40, 12, mask_zero=repaired), LSTM(16)]
    model = keras.Sequential([keras.Input((30,), dtype="int32"), *layers])
    model.add(Dense(1, activation="sigmoid"))
    model.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=8, batch_size=64)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


STATEFUL = ("tensorflow", "jax")
"""A stateful layer that trains fails on PyTorch: its states are changed in place."""


@report("https://github.com/keras-team/keras/issues/1820", KIND, backends=STATEFUL)
def states_of_shuffled_batches(repaired: bool, rng: np.random.Generator) -> Training:
    """A stateful layer carries its state over to the next batch, and the batches are shuffled."""
    rows, pieces, steps = 16, 24, 4
    x = rng.choice([-1.0, 1.0], (rows, pieces * steps))
    levels = np.stack([x[:, : (k + 1) * steps].sum(axis=1) for k in range(pieces)], axis=1)
    pieces_x = x.reshape(rows, pieces, steps, 1)
    # successive batches hold successive pieces of the same rows
    flat_x = pieces_x.transpose(1, 0, 2, 3).reshape(-1, steps, 1).astype("float32")
    flat_y = (levels.T.reshape(-1, 1) / 5).astype("float32")
    layers = [GRU(16, stateful=True), Dense(1)]
    model = keras.Sequential([keras.Input(batch_shape=(rows, steps, 1)), *layers])
    model.compile(keras.optimizers.Adam(4e-3), "mse")
    forget = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: [layer.reset_states() for layer in model.layers[:1]]
    )
    fit = {"x": flat_x, "y": flat_y, "batch_size": rows, "epochs": 40, "callbacks": [forget]}

    def score(logs: Any) -> float:
        model.layers[0].reset_states()
        answers = np.concatenate(
            [model.predict_on_batch(flat_x[i : i + rows]) for i in range(0, len(flat_x), rows)]
        )
        return parts.explained(flat_y, np.asarray(answers))

    return Training(model, fit | {"shuffle": not repaired}, score)


SHIFTED = "https://answerofmath.com/solved-lstm-nn-produces-shifted-forecast-low-quality-result/"


@report(SHIFTED, KIND)
def time_axis_of_one_step(repaired: bool, rng: np.random.Generator) -> Training:
    """A recurrent layer gets sequences of one step, so that it has no past to look at."""
    t = np.arange(1500)
    series = np.sin(t / 10) + np.sin(t) + 0.1 * rng.normal(size=1500)
    width = 10 if repaired else 1
    ends = np.arange(20, 1500)
    x = np.stack([series[e - width : e] for e in ends])[..., None]
    data = parts.cut(x, series[ends][:, None], 1100)
    model = keras.Sequential([keras.Input((width, 1)), LSTM(16), Dense(1)])
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    fit = parts.arguments(data, epochs=12, batch_size=64, shuffle=True)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))


@report("https://github.com/AlexanderVNikitin/tsgm/issues/59", KIND)
def relu_in_a_recurrent_layer(repaired: bool, rng: np.random.Generator) -> Training:
    """The activation of an LSTM is a ReLU, so that its state grows from step to step."""
    x = rng.normal(size=(1000, 20, 4))
    y = (x[..., 0].cumsum(axis=1).max(axis=1) > 4).astype(float)[:, None]
    data = parts.cut(3 * x, y, 800)
    activation = "tanh" if repaired else "relu"
    layers = [LSTM(24, activation=activation, return_sequences=True)]
    layers.append(LSTM(16, activation=activation))
    model = keras.Sequential([keras.Input((20, 4)), *layers, Dense(1, activation="sigmoid")])
    optimizer = keras.optimizers.SGD(0.2, momentum=0.9)
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=6, batch_size=64)
    return Training(model, fit, parts.balanced(model, data.x_val, data.y_val))


@report("https://stackoverflow.com/questions/51432661", KIND)
def echo_of_the_last_value(repaired: bool, rng: np.random.Generator) -> Training:
    """A forecast of the level repeats the last value; the change can be predicted, and is not."""
    change = np.zeros(1800)
    for t in range(2, 1800):
        change[t] = -0.7 * change[t - 1] + 0.5 * rng.normal()
    series = 30 + np.cumsum(change + 0.02)
    level, spread = series[:1200].mean(), series[:1200].std()
    ends = np.arange(10, 1800)
    if repaired:
        x = np.stack([change[e - 8 : e] for e in ends])
        y = change[ends]
    else:
        x = (np.stack([series[e - 8 : e] for e in ends]) - level) / spread
        y = (series[ends] - level) / spread
    data = parts.cut(x, y[:, None], 1200)
    rate = 3e-3 if repaired else 2e-4
    model = parts.mlp(8, 16, last=1)
    model.compile(keras.optimizers.Adam(rate), "mse")
    fit = parts.arguments(data, epochs=20)

    def score(logs: Any) -> float:
        answers = parts.predicted(model, data.x_val)[:, 0]
        if not repaired:
            answers = answers * spread + level - series[ends[1200:] - 1]
        return parts.explained(change[ends[1200:]], answers)

    return Training(model, fit, score)
