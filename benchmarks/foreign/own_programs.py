"""Programs of Keras' examples and guides that train with a step of their own.

Each computes its loss in `own_loss`, see `own_steps`. Titles are those of keras.io/examples.
"""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from benchmarks.foreign.own_steps import BACKEND, Gan, OwnStep


class Wgan(Gan):
    """WGAN-GP overriding `Model.train_step`: a critic with a penalty on its gradient."""

    def _judge(self, fake: Any, real: Any) -> Any:
        judged = ops.mean(self.discriminator(fake, training=True))
        judged = judged - ops.mean(self.discriminator(real, training=True))
        between = keras.random.uniform((ops.shape(real)[0], 1, 1, 1), seed=self.seeds)
        slopes = self._slopes(between * real + (1 - between) * fake)
        lengths = ops.sqrt(ops.sum(ops.square(slopes), axis=(1, 2, 3)) + 1e-12)
        return judged + 10.0 * ops.mean(ops.square(lengths - 1.0))

    def _fool(self, logits: Any) -> Any:
        return -ops.mean(logits)

    def _slopes(self, x: Any) -> Any:
        """Return the gradient of the critic by its inputs."""
        if BACKEND == "tensorflow":
            import tensorflow as tf

            with tf.GradientTape() as tape:
                tape.watch(x)
                judged = self.discriminator(x, training=True)
            return tape.gradient(judged, x)
        if BACKEND == "jax":
            import jax

            return jax.grad(lambda one: ops.sum(self.discriminator(one, training=True)))(x)
        import torch

        x = x.detach().requires_grad_(True)
        judged = ops.sum(self.discriminator(x, training=True))
        return torch.autograd.grad(judged, x, create_graph=True)[0]


class Quantizer(layers.Layer):
    """Replaces each code by the nearest entry of a codebook, with a straight-through gradient."""

    def __init__(self, entries: int, size: int) -> None:
        super().__init__()
        self.codebook = self.add_weight((entries, size), "random_uniform", name="codebook")

    def call(self, x: Any) -> Any:
        flat = ops.reshape(x, (-1, ops.shape(self.codebook)[1]))
        distances = ops.sum(ops.square(flat[:, None] - self.codebook[None]), axis=-1)
        nearest = ops.take(self.codebook, ops.argmin(distances, axis=1), axis=0)
        nearest = ops.reshape(nearest, ops.shape(x))
        commitment = ops.mean(ops.square(ops.stop_gradient(nearest) - x))
        codebook = ops.mean(ops.square(nearest - ops.stop_gradient(x)))
        return x + ops.stop_gradient(nearest - x), 0.25 * commitment + codebook


class VectorQuantized(OwnStep):
    """Vector-quantized variational autoencoders."""

    def __init__(self, encoder: keras.Model, decoder: keras.Model) -> None:
        super().__init__()
        self.encoder, self.quantizer, self.decoder = encoder, Quantizer(16, 2), decoder

    def call(self, x: Any) -> Any:
        return self.decoder(self.quantizer(self.encoder(x))[0])

    def own_loss(self, x: Any, y: Any) -> tuple[Any, dict[str, Any]]:
        codes, quantized = self.quantizer(self.encoder(x, training=True))
        rebuilt = ops.mean(ops.square(x - self.decoder(codes, training=True)))
        loss = rebuilt / 0.1 + quantized
        return loss, {"loss": loss, "reconstruction_loss": rebuilt, "vqvae_loss": quantized}


class Diffusion(OwnStep):
    """Denoising diffusion: predicts the noise that was mixed into an image."""

    def __init__(self) -> None:
        super().__init__()
        self.seeds = keras.random.SeedGenerator(3)
        self.mix = layers.Concatenate()
        self.first = layers.Conv2D(8, 3, padding="same", activation="swish")
        self.second = layers.Conv2D(8, 3, padding="same", activation="swish")
        self.last = layers.Conv2D(1, 3, padding="same", kernel_initializer="zeros")

    def call(self, x: Any) -> Any:
        return self.denoise(x, 0.5)

    def denoise(self, x: Any, rates: Any) -> Any:
        return self.last(self.second(self.first(self.mix([x, rates * ops.ones_like(x)]))))

    def own_loss(self, x: Any, y: Any) -> tuple[Any, dict[str, Any]]:
        noise = keras.random.normal(ops.shape(x), seed=self.seeds)
        angles = 1.5 * keras.random.uniform((ops.shape(x)[0], 1, 1, 1), seed=self.seeds)
        noisy = ops.cos(angles) * x + ops.sin(angles) * noise
        loss = ops.mean(ops.abs(noise - self.denoise(noisy, ops.square(ops.sin(angles)))))
        return loss, {"noise_loss": loss}


class OwnDistiller(OwnStep):
    """Knowledge distillation with a step of its own; the teacher is frozen."""

    def __init__(self, student: keras.Model, teacher: keras.Model) -> None:
        super().__init__()
        self.student, self.teacher = student, teacher
        teacher.trainable = False

    def call(self, x: Any) -> Any:
        return self.student(x)

    def own_loss(self, x: Any, y: Any) -> tuple[Any, dict[str, Any]]:
        logits, wanted = self.student(x, training=True), self.teacher(x, training=False)
        hard = ops.mean(keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True))
        soft = ops.mean(
            keras.losses.kl_divergence(ops.softmax(wanted / 3), ops.softmax(logits / 3))
        )
        loss = 0.1 * hard + 0.9 * soft
        return loss, {"loss": loss, "student_loss": hard, "distillation_loss": soft}


class Contrastive(OwnStep):
    """Semi-supervised contrastive learning (SimCLR), or with labels, supervised contrastive."""

    def __init__(self, encoder: keras.Model, is_supervised: bool) -> None:
        super().__init__()
        self.seeds = keras.random.SeedGenerator(4)
        self.is_supervised = is_supervised
        self.encoder = encoder
        self.projection = keras.Sequential(
            [layers.Dense(16, activation="relu"), layers.Dense(8)], name="projection"
        )

    def call(self, x: Any) -> Any:
        return self.projection(self.encoder(x))

    def own_loss(self, x: Any, y: Any) -> tuple[Any, dict[str, Any]]:
        views = [x + 0.1 * keras.random.normal(ops.shape(x), seed=self.seeds) for _ in range(2)]
        codes = [
            ops.normalize(self.projection(self.encoder(view, training=True))) for view in views
        ]
        both = ops.concatenate(codes)
        count = ops.shape(x)[0]
        labels = (
            ops.reshape(ops.cast(y, "int32"), (-1,)) if self.is_supervised else ops.arange(count)
        )
        labels = ops.concatenate([labels, labels])
        alike = ops.matmul(both, ops.transpose(both)) / 0.5 - 1e9 * ops.eye(2 * count)
        same = ops.cast(labels[:, None] == labels[None], "float32") - ops.eye(2 * count)
        fractions = ops.log_softmax(alike, axis=1) * same
        loss = -ops.mean(ops.sum(fractions, axis=1) / ops.sum(same, axis=1))
        return loss, {"contrastive_loss": loss}


class Triplets(OwnStep):
    """Image similarity with a siamese network and a triplet loss."""

    def __init__(self, embedding: keras.Model) -> None:
        super().__init__()
        self.embedding = embedding

    def call(self, inputs: Any) -> Any:
        anchor, near, far = (self.embedding(one) for one in inputs)
        distances = [ops.sum(ops.square(anchor - one), axis=-1) for one in (near, far)]
        return distances[0], distances[1]

    def own_loss(self, x: Any, y: Any) -> tuple[Any, dict[str, Any]]:
        near, far = self(x)
        loss = ops.mean(ops.maximum(near - far + 0.5, 0.0))
        return loss, {"loss": loss}


class Coupling(layers.Layer):
    """Scales and shifts one half of its inputs by functions of the other half."""

    def __init__(self, is_first: bool) -> None:
        super().__init__()
        self.is_first = is_first
        self.hidden = layers.Dense(16, activation="relu")
        self.scale = layers.Dense(1, activation="tanh")
        self.shift = layers.Dense(1)

    def call(self, x: Any) -> Any:
        fixed, moved = (x[:, :1], x[:, 1:]) if self.is_first else (x[:, 1:], x[:, :1])
        hidden = self.hidden(fixed)
        scale = self.scale(hidden)
        moved = moved * ops.exp(scale) + self.shift(hidden)
        halves = [fixed, moved] if self.is_first else [moved, fixed]
        return ops.concatenate(halves, axis=1), scale[:, 0]


class Flow(OwnStep):
    """Density estimation using real NVP."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = [Coupling(index % 2 == 0) for index in range(4)]

    def call(self, x: Any) -> Any:
        total = 0.0
        for step in self.steps:
            x, log_scale = step(x)
            total = total + log_scale
        return x, total

    def own_loss(self, x: Any, y: Any) -> tuple[Any, dict[str, Any]]:
        codes, log_scale = self(x)
        likelihood = -0.5 * ops.sum(ops.square(codes), axis=1) - np.log(2 * np.pi) + log_scale
        loss = -ops.mean(likelihood)
        return loss, {"loss": loss}


class Attend(layers.Layer):
    """Lets each node of a graph attend to its neighbours."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.transform = layers.Dense(units)
        self.score = layers.Dense(1)

    def call(self, states: Any, edges: Any) -> Any:
        hidden = self.transform(states)
        scores = ops.leaky_relu(self.score(hidden))
        logits = scores + ops.transpose(scores) - 1e9 * (1 - edges)
        return ops.matmul(ops.softmax(logits, axis=1), hidden)


class GraphAttention(OwnStep):
    """Graph attention network for node classification: each step computes the whole graph."""

    def __init__(self) -> None:
        super().__init__()
        rng = np.random.default_rng(0)
        self.states = rng.normal(size=(16, 6)).astype("float32")
        edges = (rng.random((16, 16)) < 0.3) | np.eye(16, dtype=bool)
        self.edges = (edges | edges.T).astype("float32")
        self.first, self.second = Attend(8), Attend(8)
        self.last = layers.Dense(3)

    def call(self, nodes: Any) -> Any:
        edges = ops.convert_to_tensor(self.edges)
        hidden = ops.relu(self.first(ops.convert_to_tensor(self.states), edges))
        logits = self.last(ops.relu(self.second(hidden, edges)))
        return ops.take(logits, ops.reshape(nodes, (-1,)), axis=0)

    def own_loss(self, x: Any, y: Any) -> tuple[Any, dict[str, Any]]:
        logits = self(x, training=True)
        loss = keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True)
        return ops.mean(loss), {"loss": ops.mean(loss)}


class LogisticEndpoint(layers.Layer):
    """Endpoint layer pattern: computes its loss from predictions and targets."""

    def call(self, inputs: Any) -> Any:
        logits, targets = inputs
        losses = keras.losses.binary_crossentropy(targets, logits, from_logits=True)
        self.add_loss(ops.mean(losses))
        return ops.sigmoid(logits)


def endpoint() -> keras.Model:
    """Return a model whose last layer adds the loss; it is compiled without one."""
    inputs, targets = keras.Input((10,)), keras.Input((1,))
    logits = layers.Dense(1)(layers.Dense(16, activation="relu")(inputs))
    return keras.Model([inputs, targets], LogisticEndpoint()([logits, targets]))
