"""Reports of the second set: scores that are too good."""

from typing import Any

import keras
import numpy as np
from keras.layers import Conv1D, Dense, Embedding, LayerNormalization

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training, report

KIND = "leakage"


class Order:
    """An order of examples that may be drawn again for every pass."""

    def __init__(self, count: int, *, again: bool) -> None:
        self.rng = np.random.default_rng(3)
        self.rows, self.again = self.rng.permutation(count), again

    def draw(self) -> None:
        if self.again:
            self.rows = self.rng.permutation(self.rows)


class Taken(keras.utils.PyDataset):
    """The first or the last examples of an order, in batches."""

    def __init__(self, data: parts.Data, order: Order, part: slice) -> None:
        super().__init__()
        self.data, self.order, self.part = data, order, part

    def __len__(self) -> int:
        return -(-len(self.order.rows[self.part]) // 32)

    def __getitem__(self, index: int) -> Any:
        rows = self.order.rows[self.part][32 * index : 32 * (index + 1)]
        return self.data.x[rows], self.data.y[rows]

    def on_epoch_end(self) -> None:
        """Draw another order after the training examples of an epoch."""
        if self.part.start is None:
            self.order.draw()


@report("https://github.com/tensorflow/tensorflow/issues/59279", KIND)
def split_drawn_again_every_epoch(repaired: bool, rng: np.random.Generator) -> Training:
    """Data is shuffled anew in each epoch before it is split, so that validation data trains."""
    x = rng.normal(size=(1400, 12))
    flipped = rng.random(1400) < 0.25
    data = parts.cut(x, ((x[:, 0] > x[:, 1]) ^ flipped)[:, None].astype(float), 500)
    order = Order(500, again=not repaired)
    model = parts.mlp(12, 96, 96, last=1, activation="sigmoid")
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["accuracy"])
    fit = {
        "x": Taken(data, order, slice(None, 400)),
        "validation_data": Taken(data, order, slice(400, None)),
        "epochs": 40,
    }

    def actual() -> float:
        return parts.accuracy_of(parts.predicted(model, data.x_val), data.y_val)

    return Training(model, fit, parts.honesty("val_accuracy", actual))


@report("https://github.com/sktime/pytorch-forecasting/issues/182", KIND)
def scaled_target_among_the_covariates(repaired: bool, rng: np.random.Generator) -> Training:
    """What is known of the future contains the value to predict, on another scale."""
    n = 1500
    past = rng.normal(size=(n, 6))
    y = 20 + 4 * (0.6 * past[:, -1] + 0.3 * past[:, -2] + 0.8 * rng.normal(size=n))
    weekday = rng.integers(0, 7, n) / 6
    scaled = (y - y.mean()) / y.std()
    x = np.column_stack([past, weekday, np.zeros(n) if repaired else scaled])
    x = x[:, :7] if repaired else x
    data = parts.cut(x, ((y - 20) / 4)[:, None], 1200)
    model = parts.mlp(x.shape[1], 24, 24, last=1)
    model.compile(keras.optimizers.Adam(3e-3), "mse", metrics=[keras.metrics.R2Score(name="r2")])
    fit = parts.arguments(data, epochs=12)

    def actual() -> float:
        unknown = data.x_val.copy()
        unknown[:, 7:] = 0
        return parts.explained(data.y_val, parts.predicted(model, unknown))

    return Training(model, fit, parts.honesty("val_r2", actual))


# Keras 3.15 cannot normalize over another axis than the last ones on PyTorch.
@report(
    "https://github.com/MorvanZhou/NLP-Tutorials/issues/10",
    "attention",
    backends=("tensorflow", "jax"),
)
def normalized_over_the_steps(repaired: bool, rng: np.random.Generator) -> Training:
    """A causal language model normalizes over the steps of a text, which shows it those to come."""
    table = rng.integers(0, 12, (12, 3))
    tokens = np.zeros((1500, 6), "int32")
    tokens[:, 0] = rng.integers(0, 12, 1500)
    for t in range(1, 6):
        tokens[:, t] = table[tokens[:, t - 1], rng.integers(0, 3, 1500)]
    data = parts.cut(tokens[:, :-1], tokens[:, 1:], 1200)
    inputs = keras.Input((5,), dtype="int32")
    h = Embedding(12, 32)(inputs)
    for _ in range(2):
        h = Conv1D(48, 2, padding="causal", activation="relu")(h)
        h = LayerNormalization(axis=-1 if repaired else 1)(h)
    model = keras.Model(inputs, Dense(12, activation="softmax")(h))
    optimizer = keras.optimizers.Adam(5e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=15)

    def actual() -> float:
        right = []
        for t in range(5):
            known = data.x_val.copy()
            known[:, t + 1 :] = rng.integers(0, 12, known[:, t + 1 :].shape)
            answers = parts.predicted(model, known)[:, t].argmax(-1)
            right.append((answers == data.y_val[:, t]).mean())
        return float(np.mean(right))

    return Training(model, fit, parts.honesty("val_accuracy", actual))
