"""Models with a custom training step, written for each backend as in its Keras guide.

"Customizing what happens in fit() with TensorFlow / JAX / PyTorch", keras.io/guides. A model
defines its loss in `own_loss`, which the step of the current backend minimizes. The GAN has a step
with two optimizers on backends that keep the state in the model.
"""

from typing import Any

import keras
from keras import ops

BACKEND = keras.backend.backend()
NEEDS_BUILT = BACKEND != "tensorflow"
"""Whether a model without `call` must be marked as built for `fit`, as the guides do."""


class OwnStep(keras.Model):
    """Minimizes `own_loss(x, y)`, which returns the loss and a dictionary of metrics."""

    def own_loss(self, x: Any, y: Any) -> tuple[Any, dict[str, Any]]:
        raise NotImplementedError

    def stateless_loss(self, values: Any, others: Any, x: Any, y: Any) -> Any:
        """Return the result of `own_loss` for given values, and the updated other variables."""
        mapping = list(zip(self.trainable_variables, values, strict=True))
        mapping += zip(self.non_trainable_variables, others, strict=True)
        with keras.StatelessScope(state_mapping=mapping) as scope:
            loss, reported = self.own_loss(x, y)
        after = [scope.get_current_value(v) for v in self.non_trainable_variables]
        kept = [b if a is None else a for a, b in zip(after, others, strict=True)]
        return loss, (reported, kept)

    def train_step(self, *arguments: Any) -> Any:
        return {"tensorflow": self._on_tensorflow, "jax": self._on_jax, "torch": self._on_torch}[
            BACKEND
        ](*arguments)

    def _on_tensorflow(self, data: Any) -> dict[str, Any]:
        import tensorflow as tf

        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            loss, reported = self.own_loss(x, y)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return reported

    def _on_torch(self, data: Any) -> dict[str, Any]:
        import torch

        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        self.zero_grad()
        loss, reported = self.own_loss(x, y)
        loss.backward()
        with torch.no_grad():
            self.optimizer.apply(
                [v.value.grad for v in self.trainable_variables], self.trainable_variables
            )
        return {name: value.detach() for name, value in reported.items()}

    def _on_jax(self, state: Any, data: Any) -> Any:
        import jax

        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        trainable, others, optimizer, metrics = state
        with_gradient = jax.value_and_grad(self.stateless_loss, has_aux=True)
        (_, (reported, others)), gradients = with_gradient(trainable, others, x, y)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        return reported, (trainable, others, optimizer, metrics)


class OtherMetrics(OwnStep):
    """Returns an absolute error instead of a loss, and is compiled without a loss.

    It defines `call`. Built from inputs and outputs, Keras would make all classes that share its
    base functional.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.last = keras.layers.Dense(16, "relu"), keras.layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.last(self.hidden(x))

    def own_loss(self, x: Any, y: Any) -> tuple[Any, dict[str, Any]]:
        error = self(x, training=True) - y
        return ops.mean(ops.square(error)), {"mae": ops.mean(ops.abs(error))}


class VariationalWithOwnStep(OwnStep):
    """A variational autoencoder without `call`, whose loss is computed in its step."""

    def __init__(self, encoder: keras.Model, decoder: keras.Model) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.built = self.built or NEEDS_BUILT
        self.seeds = keras.random.SeedGenerator(1)

    def own_loss(self, x: Any, y: Any) -> tuple[Any, dict[str, Any]]:
        mean, log_variance = self.encoder(x)
        noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
        again = self.decoder(mean + ops.exp(0.5 * log_variance) * noise)
        rebuilt = ops.mean(ops.sum(keras.losses.binary_crossentropy(x, again), axis=(1, 2)))
        divergence = 1 + log_variance - ops.square(mean) - ops.exp(log_variance)
        kl = -0.5 * ops.mean(ops.sum(divergence, axis=1))
        return rebuilt + kl, {"loss": rebuilt + kl, "reconstruction_loss": rebuilt, "kl_loss": kl}


class Gan(OwnStep):
    """A generator and a discriminator, without `call`.

    They have two optimizers, each with its own step. On JAX, whose state contains one optimizer,
    they minimize the sum of both losses; the gradient of each part is that of its own loss.
    """

    def __init__(self, generator: keras.Model, discriminator: keras.Model) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.built = self.built or NEEDS_BUILT
        self.seeds = keras.random.SeedGenerator(2)

    def compile(self, learning_rate: float) -> None:
        if BACKEND == "jax":
            super().compile(optimizer=keras.optimizers.Adam(learning_rate))
            return
        super().compile()
        self.optimizers = {
            "generator": keras.optimizers.Adam(learning_rate),
            "discriminator": keras.optimizers.Adam(learning_rate),
        }

    def own_loss(self, x: Any, y: Any) -> tuple[Any, dict[str, Any]]:
        fake = self.generator(self._codes(x), training=True)
        judged = self._judge(ops.stop_gradient(fake), x)
        fooled = self._fool(self._without_gradient(fake))
        return judged + fooled, {"d_loss": judged, "g_loss": fooled}

    def _without_gradient(self, fake: Any) -> Any:
        """Return the discriminator's output for `fake`, without a gradient for its weights."""
        variables = self.discriminator.trainable_variables
        held = [ops.stop_gradient(variable.value) for variable in variables]
        logits, _ = self.discriminator.stateless_call(
            held, [v.value for v in self.discriminator.non_trainable_variables], fake
        )
        return logits

    def _codes(self, x: Any) -> Any:
        return keras.random.normal((ops.shape(x)[0], 8), seed=self.seeds)

    def _judge(self, fake: Any, real: Any) -> Any:
        logits = self.discriminator(ops.concatenate([fake, real]), training=True)
        count = ops.shape(fake)[0]
        labels = ops.concatenate([ops.ones_like(logits[:count]), 0 * logits[:count]])
        return ops.mean(keras.losses.binary_crossentropy(labels, logits, from_logits=True))

    def _fool(self, logits: Any) -> Any:
        wanted = ops.zeros_like(logits)
        return ops.mean(keras.losses.binary_crossentropy(wanted, logits, from_logits=True))

    def _on_tensorflow(self, data: Any) -> dict[str, Any]:
        import tensorflow as tf

        real, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            judged = self._judge(self.generator(self._codes(real)), real)
        weights = self.discriminator.trainable_weights
        self.optimizers["discriminator"].apply(tape.gradient(judged, weights), weights)
        with tf.GradientTape() as tape:
            fooled = self._fool(self.discriminator(self.generator(self._codes(real))))
        weights = self.generator.trainable_weights
        self.optimizers["generator"].apply(tape.gradient(fooled, weights), weights)
        return {"d_loss": judged, "g_loss": fooled}

    def _on_torch(self, data: Any) -> dict[str, Any]:
        import torch

        real, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        reported = {}
        for name, part in (("discriminator", self.discriminator), ("generator", self.generator)):
            self.zero_grad()
            fake = self.generator(self._codes(real))
            is_judging = name == "discriminator"
            loss = self._judge(fake, real) if is_judging else self._fool(self.discriminator(fake))
            loss.backward()
            weights = part.trainable_weights
            with torch.no_grad():
                self.optimizers[name].apply([w.value.grad for w in weights], weights)
            reported[f"{name[0]}_loss"] = loss.detach()
        return reported
