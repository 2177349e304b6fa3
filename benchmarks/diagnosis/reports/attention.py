"""Reports: attention without positions, without a causal mask, without a warm-up."""

from typing import Any

import keras
import numpy as np
from keras import ops
from keras.layers import Dense, Embedding, GlobalAveragePooling1D, LayerNormalization
from keras.layers import MultiHeadAttention as Attention

from benchmarks.diagnosis.nets import Places
from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training, report

KIND = "attention"


@report("https://github.com/keras-team/keras-io/issues/1894", KIND)
def attention_without_positions(repaired: bool, rng: np.random.Generator) -> Training:
    """An encoder without positions gives the same answer for every order of its inputs."""
    x = rng.integers(0, 12, (1600, 8))
    y = (x[:, :4].sum(axis=1) > x[:, 4:].sum(axis=1)).astype(float)[:, None]
    data = parts.cut(x, y, 1200)
    inputs = keras.Input((8,), dtype="int32")
    h = Embedding(12, 16)(inputs)
    if repaired:
        h = Places()(h)
    h = h + Attention(2, 8)(h, h)
    h = h + Dense(16)(Dense(32, activation="relu")(LayerNormalization()(h)))
    output = Dense(1, activation="sigmoid")(GlobalAveragePooling1D()(h))
    model = keras.Model(inputs, output)
    model.compile(keras.optimizers.Adam(5e-3), "binary_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=15)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))


@report("https://github.com/alex-matton/causal-transformer-decoder/issues/1", KIND)
def no_causal_mask(repaired: bool, rng: np.random.Generator) -> Training:
    """A language model attends to the words that it is to predict, and copies them."""
    table = rng.integers(0, 16, (16, 2))
    tokens = np.zeros((1300, 13), "int32")
    tokens[:, 0] = rng.integers(0, 16, 1300)
    for t in range(1, 13):
        tokens[:, t] = table[tokens[:, t - 1], (rng.random(1300) < 0.15).astype(int)]
    x, y = tokens[:, :-1], tokens[:, 1:]
    data = parts.cut(x, y, 1000)
    inputs = keras.Input((12,), dtype="int32")
    h = Places()(Embedding(16, 24)(inputs))
    for _ in range(2):
        h = h + Attention(2, 12)(h, h, use_causal_mask=repaired)
        h = h + Dense(24)(Dense(48, activation="relu")(LayerNormalization()(h)))
    model = keras.Model(inputs, Dense(16, activation="softmax")(h))
    optimizer = keras.optimizers.Adam(5e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=12)

    def actual() -> float:
        known = data.x_val.copy()
        known[:, 7:] = rng.integers(0, 16, known[:, 7:].shape)  # what comes later is unknown
        return float((parts.predicted(model, known)[:, 6].argmax(-1) == data.y_val[:, 6]).mean())

    return Training(model, fit, parts.honesty("val_accuracy", actual))


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises linearly to its value over some steps."""

    def __init__(self, rate: float, steps: int) -> None:
        self.rate, self.steps = rate, steps

    def __call__(self, step: Any) -> Any:
        """Return the learning rate at a step."""
        passed = ops.cast(step, "float32") + 1
        return self.rate * ops.minimum(1.0, passed / self.steps)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {"rate": self.rate, "steps": self.steps}


@report("https://github.com/LiyuanLucasLiu/Transformer-Clinic/issues/16", KIND)
def deep_post_norm_without_warm_up(repaired: bool, rng: np.random.Generator) -> Training:
    """A transformer that normalizes after each block is trained at the full rate from the start."""
    data = parts.digits(rng, image=True)
    inputs = keras.Input((8, 8, 1))
    h = Places()(Dense(24)(keras.layers.Reshape((8, 8))(inputs)))
    for _ in range(4):
        h = LayerNormalization()(h + Attention(2, 12)(h, h))
        h = LayerNormalization()(h + Dense(24)(Dense(48, activation="relu")(h)))
    model = keras.Model(inputs, Dense(10, activation="softmax")(GlobalAveragePooling1D()(h)))
    rate: Any = WarmUp(8e-3, 200) if repaired else 8e-3
    optimizer = keras.optimizers.Adam(rate, beta_2=0.98)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(data, epochs=7)
    return Training(model, fit, parts.accuracy(model, data.x_val, data.y_val))
