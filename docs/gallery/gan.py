# %% [markdown]
# # A GAN
#
# Two networks and two optimizers in one training step of one's own. `fit` accepts that, and so
# does the callback: layers, gradients and updates of both networks are measured.

# %%
import keras
import numpy as np
from keras import ops

import keras_babysit as kb

random = np.random.default_rng(0)
real = (random.normal(size=(512, 2)) * 0.3 + [1.0, -1.0]).astype("float32")

# %% [markdown]
# The step below is written for TensorFlow; with JAX and PyTorch the gradients are taken in their
# way (see *My own training loop*). Images come from Keras' loader:
#
# ```python
# (images, _), _ = keras.datasets.mnist.load_data()
# ```


# %%
class GAN(keras.Model):
    def __init__(self):
        super().__init__()
        dense = keras.layers.Dense
        self.generator = keras.Sequential(
            [keras.Input((4,)), dense(16, activation="relu"), dense(2)], name="generator"
        )
        self.discriminator = keras.Sequential(
            [keras.Input((2,)), dense(16, activation="leaky_relu"), dense(1)], name="discriminator"
        )
        self.noise = keras.random.SeedGenerator(0)
        self.error = keras.losses.BinaryCrossentropy(from_logits=True)

    def compile(self, generator_optimizer, discriminator_optimizer):
        super().compile(optimizer=discriminator_optimizer, loss="mse")
        self.generator_optimizer = generator_optimizer

    def call(self, x):
        return self.discriminator(x)

    def train_step(self, data):
        import tensorflow as tf

        x = data[0] if isinstance(data, tuple) else data
        count = ops.shape(x)[0]
        noise = keras.random.normal((count, 4), seed=self.noise)
        ones, zeros = ops.ones((count, 1)), ops.zeros((count, 1))
        with tf.GradientTape() as tape:
            scores = (self.discriminator(x), self.discriminator(self.generator(noise)))
            of_critic = self.error(ones, scores[0]) + self.error(zeros, scores[1])
        weights = self.discriminator.trainable_variables
        self.optimizer.apply(tape.gradient(of_critic, weights), weights)
        with tf.GradientTape() as tape:
            of_maker = self.error(ones, self.discriminator(self.generator(noise)))
        weights = self.generator.trainable_variables
        self.generator_optimizer.apply(tape.gradient(of_maker, weights), weights)
        return {"generator": of_maker, "discriminator": of_critic}


# %%
def train(rate, epochs=6):
    keras.utils.set_random_seed(0)
    gan = GAN()
    gan.compile(keras.optimizers.Adam(rate), keras.optimizers.Adam(rate))
    gan(real[:1])
    sitter = kb.Babysitter(every=10)
    gan.fit(real, batch_size=32, epochs=epochs, verbose=0, callbacks=[sitter])
    return gan, sitter


gan, sitter = train(rate=5e-3)

# %%
sitter.history.targets("activations/std")

# %%
made = gan.generator.predict(random.normal(size=(500, 4)), verbose=0)
print("mean", made.mean(axis=0), "std", made.std(axis=0), "- real: [1, -1] and 0.3")
