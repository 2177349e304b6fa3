"""Reports of the second set: losses of one's own."""

from typing import Any

import keras
import numpy as np
from keras import ops
from keras.layers import Dense

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training, report

KIND = "own loss"


class Noisy(keras.layers.Layer):
    """Draws a code from a normal distribution and adds a divergence as a loss.

    Args:
        sign: The sign of the logarithm of the variance in the divergence; -1 is right.
    """

    def __init__(self, sign: float) -> None:
        super().__init__()
        self.sign = sign
        self.generator = keras.random.SeedGenerator(5)

    def call(self, both: Any, training: bool = False) -> Any:
        mean, spread = both
        each = ops.exp(spread) + ops.square(mean) - 1 + self.sign * spread
        self.add_loss(0.5 * ops.mean(ops.sum(each, axis=-1)))
        noise = keras.random.normal(ops.shape(mean), seed=self.generator)
        return mean + ops.exp(0.5 * spread) * noise if training else mean


@report("https://github.com/FluxML/model-zoo/pull/147", "generative and metric learning")
def divergence_with_the_wrong_sign(repaired: bool, rng: np.random.Generator) -> Training:
    """One sign in the divergence of a variational autoencoder is wrong: it has no lower bound."""
    data = parts.digits(rng)
    inputs = keras.Input((64,))
    h = Dense(48, activation="relu")(inputs)
    both = [Dense(4, name="mean")(h), Dense(4, name="spread")(h)]
    code = Noisy(-1.0 if repaired else 1.0)(both)
    output = Dense(64, activation="sigmoid")(Dense(48, activation="relu")(code))
    model = keras.Model(inputs, output)

    def rebuilt(y_true: Any, y_pred: Any) -> Any:
        return ops.sum(ops.binary_crossentropy(y_true, y_pred), axis=-1)

    model.compile(keras.optimizers.Adam(3e-3), rebuilt)
    fit = parts.arguments(parts.Data(data.x, data.x, data.x_val, data.x_val), epochs=12)
    codes = keras.Model(inputs, both)

    def score(logs: Any) -> float:
        mean, spread = (np.asarray(a, float) for a in codes.predict(data.x_val, verbose=0))
        variance = (np.exp(spread) + (mean - mean.mean(axis=0)) ** 2).mean()  # 1 in the prior
        return float(max(0.0, 1 - abs(1 - variance))) if np.isfinite(variance) else 0.0

    return Training(model, fit, score)


@report("https://github.com/keras-team/keras/issues/4175", KIND)
def rounded_before_the_comparison(repaired: bool, rng: np.random.Generator) -> Training:
    """A loss rounds the answers first, and the slope of rounding is 0."""
    data = parts.overlapping(rng, 1500, 1200)

    def missed(y_true: Any, y_pred: Any) -> Any:
        chosen = y_pred if repaired else ops.round(y_pred)
        both = ops.sum(y_true * chosen)
        return 1 - 2 * both / (ops.sum(y_true) + ops.sum(chosen) + 1e-6)

    model = parts.mlp(10, 24, last=1, activation="sigmoid")
    model.compile(keras.optimizers.Adam(3e-3), missed, metrics=["accuracy"])
    fit = parts.arguments(data, epochs=10)
    return Training(model, fit, parts.balanced(model, data.x_val, data.y_val))


@report("https://github.com/jaredleekatzman/DeepSurv/issues/14", KIND)
def survival_of_raw_features(repaired: bool, rng: np.random.Generator) -> Training:
    """A survival model takes the exponential of its risks, and the features are in thousands."""
    n = 1400
    plain = rng.normal(size=(n, 6))
    risk = 1.2 * plain[:, 0] - 0.8 * plain[:, 1]
    time = rng.exponential(np.exp(-risk))
    seen = rng.random(n) < 0.7
    scale, middle = np.array([12, 900, 40, 3000, 5, 1]), np.array([50, 4000, 120, 9000, 20, 0])
    x = plain if repaired else middle + scale * plain
    data = parts.cut(x, np.stack([time, seen], axis=1), 1100)

    def partial_likelihood(y_true: Any, y_pred: Any) -> Any:
        time, seen = y_true[:, 0], y_true[:, 1]
        later = ops.cast(time[None] >= time[:, None], "float32")
        total = ops.log(ops.sum(later * ops.exp(y_pred[:, 0])[None], axis=1))
        return -ops.sum(seen * (y_pred[:, 0] - total)) / (ops.sum(seen) + 1e-6)

    model = parts.mlp(6, 24, last=1)
    model.compile(keras.optimizers.Adam(2e-3), partial_likelihood)
    fit = parts.arguments(data, epochs=12, batch_size=64)

    def score(logs: Any) -> float:
        found, true = parts.predicted(model, data.x_val)[:, 0], risk[1100:]
        if not np.isfinite(found).all() or found.std() == 0:
            return 0.0
        return float(np.corrcoef(found, true)[0, 1])

    return Training(model, fit, score)
