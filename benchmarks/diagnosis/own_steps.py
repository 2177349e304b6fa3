"""Networks with a training step of their own: with penalties or without, and adversarial ones."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from benchmarks.diagnosis.data import head
from benchmarks.diagnosis.nets import Shape
from benchmarks.diagnosis.program import Split
from benchmarks.diagnosis.reports.parts import OWN_STEP, apply_gradients

RUNS_HERE = keras.backend.backend() in OWN_STEP
"""Whether the backend in use runs these training steps."""


class Stepping(keras.Model):
    """A network that is trained by a step of its own."""

    def train_step(self, data: Any) -> dict[str, Any]:
        """Do one step, and return the loss with its penalties."""
        x, y = data[:2]

        def loss_of() -> Any:
            return self.compute_loss(x=x, y=y, y_pred=self(x, training=True))

        loss = apply_gradients(self, loss_of, self.trainable_variables, self.optimizer)
        return {"loss": loss}


class Forgetful(keras.Model):
    """The same network, whose step never reads the penalties."""

    def train_step(self, data: Any) -> dict[str, Any]:
        """Do one step, and return the loss."""
        x, y = data[:2]
        function = keras.losses.get(self.loss)

        def loss_of() -> Any:
            return ops.mean(function(y, self(x, training=True)))

        loss = apply_gradients(self, loss_of, self.trainable_variables, self.optimizer)
        return {"loss": loss}


class Adversarial(keras.Model):
    """A generator of vectors and a discriminator that tells them from data.

    Args:
        size: Entries of a vector.
        noise: Entries of the noise.
        units: Units of the hidden layers.
        targets: What the discriminator learns to say of data and of samples.
        pace: Learning rate of the discriminator, as a multiple of that of the generator.
        mixes_up: Whether the step of the generator also trains the discriminator.
        pulls: Weight of a term that draws all samples to one point.
        mistakes: Whether the step of the generator trains the discriminator in its place.
    """

    def __init__(
        self,
        size: int,
        noise: int = 4,
        units: Sequence[int] = (32, 32),
        targets: tuple[float, float] = (0.9, 0.1),
        pace: float = 1.0,
        mixes_up: bool = False,
        pulls: float = 0.0,
        mistakes: bool = False,
    ) -> None:
        super().__init__()
        hidden = [[keras.layers.Dense(n, activation="leaky_relu") for n in units] for _ in "gd"]
        self.generator = keras.Sequential(
            [keras.Input((noise,)), *hidden[0], keras.layers.Dense(size)], name="generator"
        )
        self.discriminator = keras.Sequential(
            [keras.Input((size,)), *hidden[1], keras.layers.Dense(1)], name="discriminator"
        )
        self._noise, self._targets, self._pace = noise, targets, pace
        self._mixes_up, self._pulls, self._mistakes = mixes_up, pulls, mistakes
        self.seeds = keras.random.SeedGenerator(0)
        self.built = True

    def compile(self, optimizer: Any, loss: Any = None, **more: Any) -> None:
        """Give each network an optimizer of the same kind."""
        super().compile(optimizer=optimizer)
        self.other = type(optimizer).from_config(optimizer.get_config())
        self.other.learning_rate = float(ops.convert_to_numpy(optimizer.learning_rate)) * self._pace
        self.optimizer.build(self._of_generator())
        self.other.build(self.discriminator.trainable_variables)

    def _of_generator(self) -> list[keras.Variable]:
        if self._mistakes:
            return list(self.discriminator.trainable_variables)
        generator = self.generator.trainable_variables
        return [*generator, *self.discriminator.trainable_variables * self._mixes_up]

    def samples(self, count: int) -> Any:
        """Return samples of the generator."""
        noise = keras.random.normal((count, self._noise), seed=self.seeds)
        return self.generator(noise, training=True)

    def call(self, x: Any, training: bool = False) -> Any:
        """Return as many samples as there are vectors."""
        return self.samples(x.shape[0])

    def train_step(self, data: Any) -> dict[str, Any]:
        """Train the discriminator, then the generator."""
        x = data[0] if isinstance(data, tuple) else data
        count, loss = x.shape[0], keras.losses.BinaryCrossentropy(from_logits=True)
        real, made = self._targets

        def refuse() -> Any:
            fake = ops.stop_gradient(self.samples(count))
            judged, mistaken = self.discriminator(x), self.discriminator(fake)
            return loss(real * ops.ones_like(judged), judged) + loss(
                made * ops.ones_like(mistaken), mistaken
            )

        def make() -> Any:
            fake = self.samples(count)
            judged = self.discriminator(fake)
            apart = ops.mean(ops.square(fake - ops.mean(fake, axis=0, keepdims=True)))
            return loss(ops.ones_like(judged), judged) + self._pulls * apart

        d = apply_gradients(self, refuse, self.discriminator.trainable_variables, self.other)
        g = apply_gradients(self, make, self._of_generator(), self.optimizer)
        return {"d_loss": d, "g_loss": g}

    def test_step(self, data: Any) -> dict[str, Any]:
        """Return how the discriminator judges samples."""
        x = data[0] if isinstance(data, tuple) else data
        return {"judged": ops.mean(self.discriminator(self.samples(x.shape[0])))}


class Variational(keras.Model):
    """A variational autoencoder that reports its two losses.

    Args:
        size: Entries of an example.
        code: Entries of its code.
        units: Units of the hidden layers.
        is_mean: Whether the reconstruction error is a mean over the entries, and not the negative
            log-likelihood of a normal distribution with a variance of 0.1.
    """

    def __init__(self, size: int, code: int = 4, units: int = 48, is_mean: bool = False) -> None:
        super().__init__()
        inputs = keras.Input((size,))
        h = keras.layers.Dense(units, activation="relu")(inputs)
        both = [keras.layers.Dense(code, name=name)(h) for name in ("z_mean", "z_log_var")]
        self.encoder = keras.Model(inputs, both, name="encoder")
        self.decoder = keras.Sequential(
            [
                keras.Input((code,)),
                keras.layers.Dense(units, activation="relu"),
                keras.layers.Dense(size),
            ],
            name="decoder",
        )
        self._size, self._is_mean = size, is_mean
        self.seeds = keras.random.SeedGenerator(0)
        self.built = True

    def call(self, x: Any, training: bool = False) -> Any:
        """Return what the mean of the code is decoded to."""
        return self.decoder(self.encoder(x)[0])

    def train_step(self, data: Any) -> dict[str, Any]:
        """Do one step, and return the loss and its two parts."""
        x = data[0] if isinstance(data, tuple) else data
        parts = {}

        def loss_of() -> Any:
            mean, spread = self.encoder(x, training=True)
            noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
            made = self.decoder(mean + ops.exp(0.5 * spread) * noise, training=True)
            error = ops.mean(ops.square(x - made)) * (1 if self._is_mean else 5 * self._size)
            terms = -0.5 * (1 + spread - ops.square(mean) - ops.exp(spread))
            parts["reconstruction_loss"] = error
            parts["kl_loss"] = ops.mean(ops.sum(terms, axis=-1))
            return error + parts["kl_loss"]

        loss = apply_gradients(self, loss_of, self.trainable_variables, self.optimizer)
        return {"loss": loss, **parts}

    def test_step(self, data: Any) -> dict[str, Any]:
        """Return the error of the reconstruction."""
        x = data[0] if isinstance(data, tuple) else data
        return {"error": ops.mean(ops.square(x - self(x)))}


def variational(shape: Shape, **options: Any) -> keras.Model:
    """A variational autoencoder of vectors."""
    return Variational(shape[0], **options)


def adversarial(shape: Shape, **options: Any) -> keras.Model:
    """A generator and a discriminator of vectors."""
    return Adversarial(shape[0], **options)


def ring(rng: np.random.Generator, n: int) -> Split:
    """Return points around a circle of radius 1, which are their own targets."""
    angle = rng.uniform(0, 2 * np.pi, n + n // 4)
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points += rng.normal(0, 0.05, points.shape)
    return head(points, points, n)
