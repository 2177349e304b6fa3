"""Networks with a training step of their own, each with ways to get it wrong."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from benchmarks.diagnosis.data import head
from benchmarks.diagnosis.nets import Shape
from benchmarks.diagnosis.program import Split
from benchmarks.diagnosis.reports.parts import OWN_STEP, apply_gradients, mlp

RUNS_HERE = keras.backend.backend() in OWN_STEP
"""Whether the backend in use runs these training steps."""

LARGEST_BATCH = 64
"""Examples of the largest batch of an adversarial network."""


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


class Averaging(keras.Model):
    """The same network, whose step returns a mean that is not among its metrics."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.mean = keras.metrics.Mean(name="loss")

    @property
    def metrics(self) -> list[Any]:
        """The metrics that Keras resets."""
        return []

    def train_step(self, data: Any) -> dict[str, Any]:
        """Do one step, and return the mean loss so far."""
        x, y = data[:2]

        def loss_of() -> Any:
            return self.compute_loss(x=x, y=y, y_pred=self(x, training=True))

        loss = apply_gradients(self, loss_of, self.trainable_variables, self.optimizer)
        self.mean.update_state(ops.stop_gradient(loss))
        return {"loss": self.mean.result()}

    def test_step(self, data: Any) -> dict[str, Any]:
        """Return the mean loss so far."""
        x, y = data[:2]
        self.mean.update_state(self.compute_loss(x=x, y=y, y_pred=self(x, training=False)))
        return {"loss": self.mean.result()}


class Accumulating(keras.Model):
    """The same network on PyTorch, whose step never sets the gradients to zero."""

    def train_step(self, data: Any) -> dict[str, Any]:
        """Do one step, and return the loss with its penalties."""
        import torch

        x, y = data[:2]
        loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
        loss.backward()
        with torch.no_grad():
            gradients = [v.value.grad for v in self.trainable_variables]
            self.optimizer.apply(gradients, self.trainable_variables)
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
        concedes: Whether the generator learns to make what the discriminator refuses.
        seed: Seed of the noise of every step; None for new noise.
        draws_once: Whether the noise is drawn before training.
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
        concedes: bool = False,
        seed: int | None = None,
        draws_once: bool = False,
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
        self._wanted = targets[1] if concedes else 1.0
        self.seeds = keras.random.SeedGenerator(0) if seed is None else seed
        self._drawn = keras.random.normal((LARGEST_BATCH, noise), seed=0) if draws_once else None
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
        if self._drawn is not None:
            return self.generator(self._drawn[:count], training=True)
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
            return loss(self._wanted * ops.ones_like(judged), judged) + self._pulls * apart

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
        seed: Seed of the noise of every step; None for new noise.
        samples: Whether noise is added to the mean of the code.
    """

    def __init__(
        self,
        size: int,
        code: int = 4,
        units: int = 48,
        is_mean: bool = False,
        seed: int | None = None,
        samples: bool = True,
    ) -> None:
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
        self._size, self._is_mean, self._samples = size, is_mean, samples
        self.seeds = keras.random.SeedGenerator(0) if seed is None else seed
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
            code = mean + ops.exp(0.5 * spread) * noise if self._samples else mean
            made = self.decoder(code, training=True)
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


class Denoising(keras.Model):
    """A network that predicts the noise that was added to vectors, given how much of it.

    Args:
        size: Entries of an example.
        units: Units of the hidden layers.
        time: Time step that the network is given; None for the one of each example.
        seed: Seed of the noise of every step; None for new noise.
    """

    def __init__(
        self,
        size: int,
        units: Sequence[int] = (64, 64),
        time: float | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        inputs = [keras.Input((size,), name="noisy"), keras.Input((1,), name="time")]
        body = mlp(size + 1, *units, last=size)
        outputs = body(keras.layers.Concatenate()(inputs))
        self.denoiser = keras.Model(inputs, outputs, name="denoiser")
        self._time = time
        self.times = keras.random.SeedGenerator(1)
        self.seeds = keras.random.SeedGenerator(0) if seed is None else seed
        self.built = True

    def _predicted(self, noisy: Any, time: Any) -> Any:
        given = time if self._time is None else self._time * ops.ones_like(time)
        return self.denoiser([noisy, given])

    def _noisy(self, x: Any, time: Any) -> tuple[Any, Any]:
        noise = keras.random.normal(ops.shape(x), seed=self.seeds)
        return ops.sqrt(1 - time) * x + ops.sqrt(time) * noise, noise

    def call(self, x: Any, training: bool = False) -> Any:
        """Return the examples as they are restored once noise was added."""
        time = 0.3 * ops.ones_like(x[:, :1])
        noisy, _ = self._noisy(x, time)
        return (noisy - ops.sqrt(time) * self._predicted(noisy, time)) / ops.sqrt(1 - time)

    def train_step(self, data: Any) -> dict[str, Any]:
        """Do one step with noise of any strength, and return the loss."""
        x = data[0] if isinstance(data, tuple) else data
        time = keras.random.uniform((ops.shape(x)[0], 1), 0.02, 0.98, seed=self.times)
        noisy, noise = self._noisy(x, time)

        def loss_of() -> Any:
            return ops.mean(ops.square(self._predicted(noisy, time) - noise))

        loss = apply_gradients(self, loss_of, self.trainable_variables, self.optimizer)
        return {"noise_loss": loss}

    def test_step(self, data: Any) -> dict[str, Any]:
        """Return the error of the restored examples."""
        x = data[0] if isinstance(data, tuple) else data
        return {"error": ops.mean(ops.square(x - self(x)))}


class Distilling(keras.Model):
    """A small student that imitates the outputs of a teacher.

    Args:
        size: Entries of an example.
        outputs: Outputs of both networks.
        units: Units of the hidden layers of the student.
        trains_both: Whether the loss of the student also trains the teacher.
    """

    def __init__(
        self, size: int, outputs: int, units: Sequence[int] = (16,), trains_both: bool = False
    ) -> None:
        super().__init__()
        self.teacher = mlp(size, 64, 64, last=outputs, name="teacher")
        self.student = mlp(size, *units, last=outputs, name="student")
        self._trains_both = trains_both
        self.built = True

    def call(self, x: Any, training: bool = False) -> Any:
        """Return the outputs of the student."""
        return self.student(x, training=training)

    def train_step(self, data: Any) -> dict[str, Any]:
        """Do one step of the student, and return how far it is from its teacher."""
        x = data[0]

        def loss_of() -> Any:
            wanted = self.teacher(x)
            wanted = wanted if self._trains_both else ops.stop_gradient(wanted)
            return ops.mean(ops.square(self.student(x, training=True) - wanted))

        trained = self if self._trains_both else self.student
        loss = apply_gradients(self, loss_of, trained.trainable_variables, self.optimizer)
        return {"distillation_loss": loss}

    def test_step(self, data: Any) -> dict[str, Any]:
        """Return how far the student is from its teacher."""
        x = data[0]
        return {"distillation_loss": ops.mean(ops.square(self.student(x) - self.teacher(x)))}


class Triplets(keras.Model):
    """An embedding that is trained on an anchor, an example of its class and another one.

    Args:
        size: Entries of an example.
        units: Units of the hidden layers.
        code: Entries of the embedding.
        margin: How much closer the example of the same class shall be.
        is_reversed: Whether the two distances are exchanged.
        is_same: Whether the anchor stands in for the example of its class.
    """

    def __init__(
        self,
        size: int,
        units: Sequence[int] = (64,),
        code: int = 8,
        margin: float = 0.5,
        is_reversed: bool = False,
        is_same: bool = False,
    ) -> None:
        super().__init__()
        self.embedding = keras.Sequential(
            [mlp(size, *units, last=code), keras.layers.UnitNormalization()], name="embedding"
        )
        self._margin, self._is_reversed = margin, is_reversed
        self._places = (0, 0, 2) if is_same else (0, 1, 2)
        self.built = True

    def call(self, x: Any, training: bool = False) -> Any:
        """Return the embeddings of the anchors."""
        return self.embedding(x[:, 0], training=training)

    def _cost(self, x: Any) -> Any:
        anchor, *others = (self.embedding(x[:, place]) for place in self._places)
        near, far = (ops.sum(ops.square(anchor - one), axis=-1) for one in others)
        if self._is_reversed:
            near, far = far, near
        return ops.mean(ops.relu(near - far + self._margin))

    def train_step(self, data: Any) -> dict[str, Any]:
        """Do one step, and return the loss."""
        variables = self.trainable_variables
        loss = apply_gradients(self, lambda: self._cost(data[0]), variables, self.optimizer)
        return {"triplet_loss": loss}

    def test_step(self, data: Any) -> dict[str, Any]:
        """Return the loss."""
        return {"triplet_loss": self._cost(data[0])}


class Following(keras.Model):
    """A network, and a moving average of its weights that gives the answers.

    Args:
        size: Entries of an example.
        outputs: Outputs of both networks.
        last: Activation of the output.
        units: Units of the hidden layers.
        decay: How much of the average is kept in a step.
    """

    def __init__(
        self,
        size: int,
        outputs: int,
        last: str | None = None,
        units: Sequence[int] = (64, 64),
        decay: float = 0.95,
    ) -> None:
        super().__init__()
        self.trained = mlp(size, *units, last=outputs, activation=last)
        self.average = mlp(size, *units, last=outputs, activation=last)
        self.average.trainable = False
        self.average.set_weights(self.trained.get_weights())
        self._decay = decay
        self.built = True

    def call(self, x: Any, training: bool = False) -> Any:
        """Return the outputs of the average."""
        return self.average(x)

    def train_step(self, data: Any) -> dict[str, Any]:
        """Do one step, let the average follow, and return the loss."""
        x, y = data[:2]

        def loss_of() -> Any:
            return self.compute_loss(x=x, y=y, y_pred=self.trained(x, training=True))

        loss = apply_gradients(self, loss_of, self.trained.trainable_variables, self.optimizer)
        for old, new in zip(self.average.variables, self.trained.variables, strict=True):
            old.assign(self._decay * old + (1 - self._decay) * ops.stop_gradient(new.value))
        return {"loss": loss}


def following(shape: Shape, **options: Any) -> keras.Model:
    """A network of vectors and its moving average."""
    return Following(shape[0], **options)


def denoising(shape: Shape, **options: Any) -> keras.Model:
    """A network that removes noise from vectors."""
    return Denoising(shape[0], **options)


def distilling(shape: Shape, **options: Any) -> keras.Model:
    """A teacher and a student of vectors."""
    return Distilling(shape[0], **options)


def taught(loss: Any) -> Any:
    """Return a change that trains the teacher by a loss on the labels."""

    def teach(model: keras.Model, split: Split) -> None:
        model.teacher.compile(keras.optimizers.Adam(3e-3), loss)
        model.teacher.fit(split.x, split.y, epochs=15, verbose=0)

    return teach


def triplets(shape: Shape, **options: Any) -> keras.Model:
    """An embedding of vectors, of which three are an example."""
    return Triplets(shape[1], **options)


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
