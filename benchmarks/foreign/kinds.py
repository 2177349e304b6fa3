"""Small versions of the models in Keras' examples, built and trained in the same way."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from benchmarks.foreign import keras_hub, keras_tuner, own_programs
from benchmarks.foreign.foreign_model import EXAMPLES, ForeignModel, plainly
from benchmarks.foreign.own_steps import Gan, OtherMetrics, VariationalWithOwnStep

CROSSENTROPY = "sparse_categorical_crossentropy"


def pictures(size: int = 28) -> np.ndarray:
    """Return smooth grey images in [0, 1]."""
    coarse = np.random.default_rng(0).uniform(size=(EXAMPLES, 7, 7, 1))
    fine = keras.ops.image.resize(coarse, (size, size), "bilinear")
    return np.array(keras.ops.convert_to_numpy(fine)).astype("float32")


def onto_themselves() -> tuple[Any, Any]:
    return pictures(), pictures()


def alone() -> tuple[Any, Any]:
    return pictures(), None


def autoencoder() -> keras.Model:
    x = keras.Input((28, 28, 1))
    h = layers.Conv2D(16, 3, activation="relu", padding="same")(x)
    h = layers.MaxPooling2D(2, padding="same")(h)
    h = layers.Conv2D(16, 3, activation="relu", padding="same")(h)
    h = layers.MaxPooling2D(2, padding="same")(h)
    h = layers.Conv2DTranspose(16, 3, strides=2, activation="relu", padding="same")(h)
    h = layers.Conv2DTranspose(16, 3, strides=2, activation="relu", padding="same")(h)
    return keras.Model(x, layers.Conv2D(1, 3, activation="sigmoid", padding="same")(h))


def generator() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(7 * 7 * 16),
            layers.Reshape((7, 7, 16)),
            layers.Conv2DTranspose(16, 4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2DTranspose(16, 4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(1, 5, padding="same", activation="sigmoid"),
        ],
        name="generator",
    )


def discriminator() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(16, 4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(1),
        ],
        name="discriminator",
    )


def gan() -> keras.Model:
    return Gan(generator(), discriminator())


def siamese() -> keras.Model:
    """Two towers with shared weights, and the distance between their outputs."""
    image = keras.Input((28, 28, 1))
    h = layers.BatchNormalization()(image)
    h = layers.Conv2D(4, 5, activation="tanh")(h)
    h = layers.AveragePooling2D(2)(h)
    h = layers.Conv2D(8, 5, activation="tanh")(h)
    h = layers.Flatten()(layers.AveragePooling2D(2)(h))
    tower = keras.Model(image, layers.Dense(10, activation="tanh")(h), name="tower")
    left, right = keras.Input((28, 28, 1)), keras.Input((28, 28, 1))
    difference = ops.square(tower(left) - tower(right))
    distance = ops.sqrt(ops.maximum(ops.sum(difference, axis=1, keepdims=True), 1e-7))
    score = layers.Dense(1, "sigmoid")(layers.BatchNormalization()(distance))
    return keras.Model([left, right], score)


def contrastive(y_true: Any, y_pred: Any) -> Any:
    """Hadsell et al., "Dimensionality reduction by learning an invariant mapping", 2006."""
    y_true = ops.cast(y_true, y_pred.dtype)
    apart = ops.square(ops.maximum(1 - y_pred, 0))
    return ops.mean((1 - y_true) * ops.square(y_pred) + y_true * apart)


def pairs() -> tuple[Any, Any]:
    x = pictures()
    return [x, np.roll(x, 1, axis=0)], np.arange(EXAMPLES).reshape(-1, 1) % 2


def seq2seq() -> keras.Model:
    """LSTM encoder and decoder with teacher forcing."""
    source = keras.Input((6, 12))
    _, h, c = layers.LSTM(16, return_state=True)(source)
    target = keras.Input((5, 9))
    decoded, _, _ = layers.LSTM(16, return_sequences=True, return_state=True)(
        target, initial_state=[h, c]
    )
    return keras.Model([source, target], layers.Dense(9, activation="softmax")(decoded))


def sentences() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    source = np.eye(12, dtype="float32")[rng.integers(0, 12, (EXAMPLES, 6))]
    target = np.eye(9, dtype="float32")[rng.integers(0, 9, (EXAMPLES, 6))]
    return [source, target[:, :-1]], target[:, 1:]


@keras.saving.register_keras_serializable("babysit_foreign")
class Sampling(layers.Layer):
    """Samples from the normal distribution of the code, and adds its divergence to the loss."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seeds = keras.random.SeedGenerator(1)

    def call(self, inputs: Any) -> Any:
        mean, log_variance = inputs
        divergence = 1 + log_variance - ops.square(mean) - ops.exp(log_variance)
        self.add_loss(-0.5 * ops.mean(ops.sum(divergence, axis=1)))
        noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
        return mean + ops.exp(0.5 * log_variance) * noise


def encoder_parts() -> tuple[Any, Any, Any]:
    x = keras.Input((28, 28, 1))
    h = layers.Conv2D(8, 3, activation="relu", strides=2, padding="same")(x)
    h = layers.Conv2D(16, 3, activation="relu", strides=2, padding="same")(h)
    h = layers.Dense(16, activation="relu")(layers.Flatten()(h))
    return x, layers.Dense(2, name="mean")(h), layers.Dense(2, name="log_variance")(h)


def decoder() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(7 * 7 * 16, activation="relu"),
            layers.Reshape((7, 7, 16)),
            layers.Conv2DTranspose(16, 3, activation="relu", strides=2, padding="same"),
            layers.Conv2DTranspose(8, 3, activation="relu", strides=2, padding="same"),
            layers.Conv2DTranspose(1, 3, activation="sigmoid", padding="same"),
        ],
        name="decoder",
    )


def vae_with_add_loss() -> keras.Model:
    x, mean, log_variance = encoder_parts()
    return keras.Model(x, decoder()(Sampling()([mean, log_variance])))


def vae_with_own_step() -> keras.Model:
    x, mean, log_variance = encoder_parts()
    return VariationalWithOwnStep(keras.Model(x, [mean, log_variance], name="encoder"), decoder())


def other_metrics() -> keras.Model:
    return OtherMetrics()


def regression() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(EXAMPLES, 32)).astype("float32")
    return x, x[:, :1] + 0.1 * rng.normal(size=(EXAMPLES, 1)).astype("float32")


def multi_output() -> keras.Model:
    """Predicts priority and department of a ticket from its title, body and tags."""
    title, body = keras.Input((6,), name="title"), keras.Input((10,), name="body")
    tags = keras.Input((4,), name="tags")
    h = [layers.LSTM(16)(layers.Embedding(50, 16)(title))]
    h += [layers.LSTM(8)(layers.Embedding(50, 16)(body)), tags]
    h = layers.concatenate(h)
    outputs = {
        "priority": layers.Dense(1, name="priority")(h),
        "department": layers.Dense(4, name="department")(h),
    }
    return keras.Model({"title": title, "body": body, "tags": tags}, outputs)


def tickets() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = {
        "title": rng.integers(0, 50, (EXAMPLES, 6)),
        "body": rng.integers(0, 50, (EXAMPLES, 10)),
        "tags": rng.integers(0, 2, (EXAMPLES, 4)).astype("float32"),
    }
    y = {
        "priority": rng.integers(0, 2, (EXAMPLES, 1)),
        "department": rng.integers(0, 4, EXAMPLES),
    }
    return x, y


TICKET_LOSSES = {
    "priority": keras.losses.BinaryCrossentropy(from_logits=True),
    "department": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
}


class TransformerBlock(layers.Layer):
    """Attention and a feed-forward network, each with a skip connection and normalization."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = layers.MultiHeadAttention(2, 16)
        self.feed_forward = keras.Sequential([layers.Dense(32, "relu"), layers.Dense(16)])
        self.norms = [layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]
        self.drops = [layers.Dropout(0.1) for _ in range(2)]

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        h = self.drops[0](self.attention(inputs, inputs), training=training)
        h = self.norms[0](inputs + h)
        return self.norms[1](h + self.drops[1](self.feed_forward(h), training=training))


class TokenAndPosition(layers.Layer):
    """The sum of token and position embeddings."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.positions = layers.Embedding(50, 16), layers.Embedding(10, 16)

    def call(self, x: Any) -> Any:
        return self.tokens(x) + self.positions(ops.arange(10))


def transformer() -> keras.Model:
    x = keras.Input((10,), dtype="int32")
    h = layers.GlobalAveragePooling1D()(TransformerBlock()(TokenAndPosition()(x)))
    h = layers.Dropout(0.1)(layers.Dense(20, "relu")(layers.Dropout(0.1)(h)))
    return keras.Model(x, layers.Dense(2, activation="softmax")(h))


def reviews() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 50, (EXAMPLES, 10)), rng.integers(0, 2, EXAMPLES)


def u_net() -> keras.Model:
    """Separable convolutions down, transposed ones up, with skips; one class per pixel."""
    x = keras.Input((32, 32, 3))
    h = layers.Conv2D(8, 3, strides=2, padding="same")(x)
    h = skip = layers.Activation("relu")(layers.BatchNormalization()(h))
    for filters in (16, 32):
        h = layers.SeparableConv2D(filters, 3, padding="same")(layers.Activation("relu")(h))
        h = layers.MaxPooling2D(3, strides=2, padding="same")(layers.BatchNormalization()(h))
        h = skip = layers.add([h, layers.Conv2D(filters, 1, strides=2, padding="same")(skip)])
    for filters in (32, 16, 8):
        h = layers.Conv2DTranspose(filters, 3, padding="same")(layers.Activation("relu")(h))
        h = layers.UpSampling2D(2)(layers.BatchNormalization()(h))
        up = layers.Conv2D(filters, 1, padding="same")(layers.UpSampling2D(2)(skip))
        h = skip = layers.add([h, up])
    return keras.Model(x, layers.Conv2D(3, 3, activation="softmax", padding="same")(h))


def masks() -> tuple[Any, Any]:
    x = np.repeat(pictures(32), 3, axis=-1)
    return x, np.digitize(x[..., 0], [0.35, 0.65])


class Distiller(keras.Model):
    """A student that learns from the labels and from the outputs of a fixed teacher."""

    def __init__(self, student: keras.Model, teacher: keras.Model) -> None:
        super().__init__()
        self.student, self.teacher = student, teacher
        self.teacher.trainable = False

    def call(self, x: Any) -> Any:
        return self.student(x)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        allow_empty: bool = False,
    ) -> Any:
        soft = ops.softmax(self.teacher(x, training=False) / 10)
        student_loss = keras.losses.sparse_categorical_crossentropy(y, y_pred, from_logits=True)
        distance = keras.losses.kl_divergence(soft, ops.softmax(y_pred / 10))
        return ops.mean(0.1 * student_loss + 0.9 * 100 * distance)


def classifier(filters: int) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(filters, 3, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(2 * filters, 3, strides=2, padding="same"),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )


def distiller() -> keras.Model:
    return Distiller(classifier(4), classifier(16))


def digits() -> tuple[Any, Any]:
    return pictures(), np.arange(EXAMPLES) % 10


def wgan() -> keras.Model:
    return own_programs.Wgan(generator(), discriminator())


def vq_vae() -> keras.Model:
    encoder = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, strides=4, padding="same", activation="relu"),
            layers.Conv2D(2, 1),
        ],
        name="encoder",
    )
    decoder_ = keras.Sequential(
        [
            keras.Input((7, 7, 2)),
            layers.Conv2DTranspose(8, 3, strides=4, padding="same", activation="relu"),
            layers.Conv2DTranspose(1, 3, padding="same"),
        ],
        name="decoder",
    )
    return own_programs.VectorQuantized(encoder, decoder_)


def own_distiller() -> keras.Model:
    return own_programs.OwnDistiller(classifier(4), classifier(8))


def embedding() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(16),
        ],
        name="embedding",
    )


def contrastive_model(is_supervised: bool) -> keras.Model:
    return own_programs.Contrastive(embedding(), is_supervised)


def triplets() -> tuple[Any, Any]:
    x = pictures()
    return (x, x[::-1].copy(), np.roll(x, 3, axis=0)), None


def points() -> tuple[Any, Any]:
    return np.random.default_rng(0).normal(size=(EXAMPLES, 2)).astype("float32"), None


def nodes() -> tuple[Any, Any]:
    return np.arange(EXAMPLES), np.arange(EXAMPLES) % 3


def endpoint_data() -> tuple[Any, Any]:
    x = np.random.default_rng(0).normal(size=(EXAMPLES, 10)).astype("float32")
    return [x, (x[:, :1] > 0).astype("float32")], None


KINDS = [
    ForeignModel("autoencoder", autoencoder, onto_themselves, plainly("binary_crossentropy")),
    ForeignModel("gan", gan, alone, lambda model: model.compile(learning_rate=3e-4)),
    ForeignModel("siamese", siamese, pairs, plainly(contrastive, metrics=["accuracy"])),
    ForeignModel("seq2seq", seq2seq, sentences, plainly("categorical_crossentropy")),
    ForeignModel(
        "vae-add-loss", vae_with_add_loss, onto_themselves, plainly("binary_crossentropy")
    ),
    ForeignModel("vae-own-step", vae_with_own_step, alone, plainly()),
    ForeignModel("other-metrics", other_metrics, regression, plainly()),
    ForeignModel("multi-output", multi_output, tickets, plainly(TICKET_LOSSES)),
    ForeignModel("transformer", transformer, reviews, plainly(CROSSENTROPY, metrics=["accuracy"])),
    ForeignModel("u-net", u_net, masks, plainly(CROSSENTROPY)),
    ForeignModel("distiller", distiller, digits, plainly()),
    ForeignModel("wgan-gp", wgan, alone, lambda model: model.compile(learning_rate=3e-4)),
    ForeignModel("vq-vae", vq_vae, alone, plainly()),
    ForeignModel("diffusion", own_programs.Diffusion, alone, plainly()),
    ForeignModel("distiller-own-step", own_distiller, digits, plainly()),
    ForeignModel("simclr", lambda: contrastive_model(False), digits, plainly()),
    ForeignModel("supervised-contrastive", lambda: contrastive_model(True), digits, plainly()),
    ForeignModel("triplets", lambda: own_programs.Triplets(embedding()), triplets, plainly()),
    ForeignModel("flow", own_programs.Flow, points, plainly()),
    ForeignModel("graph-attention", own_programs.GraphAttention, nodes, plainly()),
    ForeignModel("endpoint", own_programs.endpoint, endpoint_data, plainly()),
    ForeignModel(
        "keras-tuner-trial",
        lambda: classifier(4),
        digits,
        plainly(keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
        keras_tuner.train,
    ),
    ForeignModel("keras-hub-lora", keras_hub.lora, keras_hub.words, plainly(CROSSENTROPY)),
    ForeignModel("keras-hub-int8", keras_hub.int8, keras_hub.words, plainly(CROSSENTROPY)),
]
CASES = {case.name: case for case in KINDS}
"""The models by name."""
