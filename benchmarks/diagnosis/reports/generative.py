"""Reports: generative models and embeddings that collapse."""

from typing import Any

import keras
import numpy as np
from keras import ops
from keras.layers import Dense

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training, report

KIND = "generative and metric learning"


class Sampling(keras.layers.Layer):
    """Draws from a normal distribution and adds its divergence from the standard one as a loss."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = keras.random.SeedGenerator(1)

    def call(self, both: Any, training: bool = False) -> Any:
        mean, spread = both
        divergence = -0.5 * (1 + spread - ops.square(mean) - ops.exp(spread))
        self.add_loss(ops.mean(ops.sum(divergence, axis=-1)))
        noise = keras.random.normal(ops.shape(mean), seed=self.generator)
        return mean + ops.exp(0.5 * spread) * noise if training else mean


@report("https://github.com/keras-team/keras/pull/3383", KIND)
def code_of_an_autoencoder_ignored(repaired: bool, rng: np.random.Generator) -> Training:
    """The reconstruction is a mean over pixels and the divergence a sum: the code is ignored."""
    data = parts.digits(rng)
    inputs = keras.Input((64,))
    h = Dense(48, activation="relu")(inputs)
    code = Sampling()([Dense(8, name="mean")(h), Dense(8, name="spread")(h)])
    output = Dense(64, activation="sigmoid")(Dense(48, activation="relu")(code))
    model = keras.Model(inputs, output)

    def reconstruction(y_true: Any, y_pred: Any) -> Any:
        each = ops.binary_crossentropy(y_true, y_pred)
        return ops.sum(each, axis=-1) if repaired else ops.mean(each, axis=-1)

    model.compile(keras.optimizers.Adam(3e-3), reconstruction)
    fit = parts.arguments(parts.Data(data.x, data.x, data.x_val, data.x_val), epochs=15)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.x_val))


@report("https://github.com/omoindrot/tensorflow-triplet-loss/issues/6", KIND)
def embeddings_collapse_to_a_point(repaired: bool, rng: np.random.Generator) -> Training:
    """All embeddings are the same point, and the triplet loss stays at its margin."""
    data = parts.digits(rng)
    groups = [np.flatnonzero(data.y == label) for label in range(10)]
    anchor = rng.integers(0, 1300, 1500)
    positive = np.array([rng.choice(groups[data.y[i]]) for i in anchor])
    negative = rng.integers(0, 1300, 1500)
    triplets = np.concatenate([data.x[i] for i in (anchor, positive, negative)], axis=1)
    code = parts.mlp(64, 64, 64, last=8)
    inputs = keras.Input((192,))
    three = [code(inputs[:, 64 * i : 64 * (i + 1)]) for i in range(3)]
    model = keras.Model(inputs, keras.layers.Concatenate()(three))

    def triplet(y_true: Any, y_pred: Any) -> Any:
        a, p, n = (y_pred[:, 8 * i : 8 * (i + 1)] for i in range(3))
        near = ops.sqrt(ops.sum(ops.square(a - p), axis=-1) + 1e-8)
        far = ops.sqrt(ops.sum(ops.square(a - n), axis=-1) + 1e-8)
        # batch-hard: the farthest positive and the nearest negative of the batch
        hard = ops.max(near) - ops.min(far) if not repaired else near - far
        return ops.mean(ops.maximum(hard + 0.5, 0))

    rate = 1e-3 if repaired else 0.02
    model.compile(keras.optimizers.Adam(rate), triplet)
    y = np.zeros((1500, 1), "float32")
    fit = {"x": triplets, "y": y, "epochs": 10, "batch_size": 50}

    def score(logs: Any) -> float:
        codes, known = parts.predicted(code, data.x_val), parts.predicted(code, data.x)
        if not np.isfinite(codes).all() or known.std() < 1e-6:
            return 0.1
        means = np.stack([known[data.y == label].mean(axis=0) for label in range(10)])
        nearest = ((codes[:, None] - means) ** 2).sum(axis=-1).argmin(axis=1)
        return float((nearest == data.y_val).mean())

    return Training(model, fit, score)


class Adversarial(keras.Model):
    """A generator and a discriminator with a training step of their own."""

    def __init__(self, generator: Any, discriminator: Any, *, size: int) -> None:
        super().__init__()
        self.made, self.judge, self.size = generator, discriminator, size
        self.seeds = keras.random.SeedGenerator(2)
        self.losses_of = [keras.metrics.Mean(name=n) for n in ("d_loss", "g_loss")]

    @property
    def metrics(self) -> list[keras.Metric]:
        """The losses of both networks."""
        return self.losses_of

    def call(self, noise: Any, training: bool = False) -> Any:
        return self.made(noise, training=training)

    def compile(self, d_optimizer: Any, g_optimizer: Any, real: float = 1.0) -> None:
        """Set the optimizers and the target of real examples."""
        super().compile(optimizer=g_optimizer)
        self.d_optimizer, self.real = d_optimizer, real
        self.loss_of = keras.losses.BinaryCrossentropy(from_logits=True)

    def train_step(self, data: Any) -> dict[str, Any]:
        """Update the discriminator, then the generator."""
        real = data[0] if isinstance(data, tuple) else data
        count = ops.shape(real)[0]
        ones, zeros = ops.ones((count, 1)), ops.zeros((count, 1))

        def noise() -> Any:
            return keras.random.normal((count, self.size), seed=self.seeds)

        made = self.made(noise(), training=True)

        def judged() -> Any:
            right = self.loss_of(self.real * ones, self.judge(real, training=True))
            return right + self.loss_of(zeros, self.judge(ops.stop_gradient(made), training=True))

        def fooled() -> Any:
            return self.loss_of(ones, self.judge(self.made(noise(), training=True)))

        parts_ = self.judge.trainable_variables, self.made.trainable_variables
        d_loss = parts.apply_gradients(self, judged, parts_[0], self.d_optimizer)
        g_loss = parts.apply_gradients(self, fooled, parts_[1], self.optimizer)
        for metric, loss in zip(self.losses_of, (d_loss, g_loss), strict=True):
            metric.update_state(loss)
        return {m.name: m.result() for m in self.losses_of}


def ring(rng: np.random.Generator, n: int) -> Any:
    """Return points around eight centres on a circle."""
    angle = rng.integers(0, 8, n) * np.pi / 4
    centre = 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return (centre + 0.1 * rng.normal(size=(n, 2))).astype("float32")


def coverage(model: keras.Model, size: int) -> float:
    """Return the fraction of the eight centres that the generated points reach."""
    noise = np.random.default_rng(0).normal(size=(400, size)).astype("float32")
    points = parts.predicted(model.made, noise)
    angles = np.arange(8) * np.pi / 4
    centres = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    apart = np.sqrt(((points[:, None] - centres) ** 2).sum(axis=-1))
    reached = [(apart[:, k] < 0.5).mean() > 0.02 for k in range(8)]
    return float(np.mean(reached)) if np.isfinite(points).all() else 0.0


@report("https://datascience.stackexchange.com/questions/104930", KIND, backends=parts.OWN_STEP)
def discriminator_wins(repaired: bool, rng: np.random.Generator) -> Training:
    """The discriminator is always right and its loss at 0: the generator learns nothing from it."""
    x = ring(rng, 2000)
    generator = parts.mlp(4, 48, 48, last=2)
    discriminator = parts.mlp(2, 64, 64, last=1)
    model = Adversarial(generator, discriminator, size=4)
    rates = (2e-3, 1e-3) if repaired else (2e-2, 1e-5)
    adam = keras.optimizers.Adam
    model.compile(adam(rates[0], beta_1=0.5), adam(rates[1], beta_1=0.5))
    model.build((None, 4))
    fit = {"x": x, "epochs": 25, "batch_size": 100}
    return Training(model, fit, lambda logs: coverage(model, 4))


@report("https://github.com/wiseodd/generative-models/issues/14", KIND, backends=parts.OWN_STEP)
def generator_makes_one_sample(repaired: bool, rng: np.random.Generator) -> Training:
    """The generator returns nearly the same point for all noise."""
    x = ring(rng, 2000)
    generator = parts.mlp(4, 48, 48, last=2)
    discriminator = parts.mlp(2, 64, 64, last=1)
    model = Adversarial(generator, discriminator, size=4)
    rates = (2e-3, 1e-3, 0.5) if repaired else (2e-4, 2e-3, 0.9)
    adam = keras.optimizers.Adam
    beta = rates[2]
    model.compile(adam(rates[0], beta_1=beta), adam(rates[1], beta_1=beta))
    model.build((None, 4))
    fit = {"x": x, "epochs": 25 if repaired else 15, "batch_size": 100}
    return Training(model, fit, lambda logs: coverage(model, 4))


@report("https://github.com/keras-team/keras/issues/5414", KIND)
def sparsity_penalty_wins(repaired: bool, rng: np.random.Generator) -> Training:
    """A penalty on the activities of an autoencoder is so strong that its code is zero."""
    data = parts.digits(rng)
    penalty = keras.regularizers.L1(1e-5 if repaired else 0.05)
    code = Dense(24, activation="relu", activity_regularizer=penalty, name="code")
    model = keras.Sequential([keras.Input((64,)), code, Dense(64, activation="sigmoid")])
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy")
    fit = parts.arguments(parts.Data(data.x, data.x, data.x_val, data.x_val), epochs=15)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.x_val))
