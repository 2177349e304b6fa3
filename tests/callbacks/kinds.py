"""Models and data of every kind, as tables that the tests of the watched run share."""

import keras
import numpy as np
from keras import layers, ops

EXAMPLES = 52  # three batches of 16 and a smaller one


def sequential():
    return keras.Sequential(
        [keras.Input((8,)), layers.Dense(6, "relu"), layers.Dense(3, "softmax")]
    )


def functional_with_skip():
    x = keras.Input((8,))
    h = layers.Dense(8)(x)
    h = layers.BatchNormalization()(h)
    h = layers.ReLU()(h)
    h = layers.Dropout(0.3)(h)
    return keras.Model(x, layers.Dense(3, "softmax")(layers.add([x, h])))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = [layers.Dense(8, "tanh"), layers.Dense(8)]
        self.activation = layers.LeakyReLU()
        self.drop = layers.Dropout(0.5)
        self.head = layers.Dense(3, "softmax")

    def call(self, x, training=None):
        for layer in self.hidden:
            x = layer(x)
        return self.head(self.drop(self.activation(x), training=training))


class WithoutTrainingArgument(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(8, "elu")
        self.head = layers.Dense(3, "softmax")

    def call(self, x):
        return self.head(self.hidden(x))


def nested():
    inner = keras.Sequential([layers.Dense(8, "relu"), layers.PReLU()], name="inner")
    return keras.Sequential([keras.Input((8,)), inner, layers.Dense(3, "softmax")])


def shared():
    x = keras.Input((8,))
    twice = layers.Dense(8, "relu", name="twice")
    return keras.Model(x, layers.Dense(3, "softmax")(twice(twice(x))))


class Contrastive(keras.Model):
    """Compares each example of a batch with each: it has as many outputs as there are."""

    def __init__(self):
        super().__init__()
        self.embed = layers.Dense(6, "tanh")

    def call(self, x):
        y = self.embed(x)
        return ops.matmul(y, ops.transpose(y))


def to_be_like_itself(y_true, y_pred):
    return -ops.diagonal(ops.log_softmax(y_pred))


def many_to_many():
    a, b = keras.Input((8,), name="a"), keras.Input((8,), name="b")
    h = layers.Dense(8, "relu")(layers.concatenate([a, b]))
    return keras.Model(
        {"a": a, "b": b},
        {"c": layers.Dense(3, "softmax", name="c")(h), "d": layers.Dense(1, name="d")(h)},
    )


def convolutional():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, "softmax"),
        ]
    )


def recurrent():
    return keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            layers.Embedding(11, 4, mask_zero=True),
            layers.Bidirectional(layers.LSTM(4, return_sequences=True)),
            layers.TimeDistributed(layers.Dense(4, "tanh")),
            layers.SimpleRNN(4),
            layers.Dense(3, "softmax"),
        ]
    )


def attentive():
    x = keras.Input((5, 8))
    h = layers.MultiHeadAttention(2, 4)(x, x)
    h = layers.LayerNormalization()(layers.add([x, h]))
    h = layers.GlobalAveragePooling1D()(layers.Dense(8, "gelu")(h))
    return keras.Model(x, layers.Dense(3, "softmax")(h))


class VariationalAutoencoder(keras.Model):
    """Trains on `add_loss` alone."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = layers.Dense(4), layers.Dense(8)
        self.noise = layers.GaussianNoise(0.1)

    def call(self, x):
        z = self.noise(self.encoder(x))
        y = self.decoder(z)
        self.add_loss(keras.ops.mean(keras.ops.square(x - y)))
        return y


def vectors(rng):
    return rng.normal(size=(EXAMPLES, 8)).astype("float32"), rng.integers(0, 3, EXAMPLES)


def images(rng):
    return rng.normal(size=(EXAMPLES, 8, 8, 1)).astype("float32"), rng.integers(0, 3, EXAMPLES)


def tokens(rng):
    return rng.integers(0, 11, (EXAMPLES, 5)), rng.integers(0, 3, EXAMPLES)


def sequences(rng):
    return rng.normal(size=(EXAMPLES, 5, 8)).astype("float32"), rng.integers(0, 3, EXAMPLES)


def pairs(rng):
    x, y = vectors(rng)
    return {"a": x, "b": x[::-1].copy()}, {"c": y, "d": rng.normal(size=(EXAMPLES, 1))}


def unlabelled(rng):
    x, _ = vectors(rng)
    return x, None


CROSSENTROPY = "sparse_categorical_crossentropy"

MODELS = {
    "sequential": (sequential, vectors, CROSSENTROPY),
    "functional-with-skip": (functional_with_skip, vectors, CROSSENTROPY),
    "subclassed": (Subclassed, vectors, CROSSENTROPY),
    "without-training-argument": (WithoutTrainingArgument, vectors, CROSSENTROPY),
    "nested": (nested, vectors, CROSSENTROPY),
    "shared": (shared, vectors, CROSSENTROPY),
    "many-to-many": (many_to_many, pairs, {"c": CROSSENTROPY, "d": "mse"}),
    "convolutional": (convolutional, images, CROSSENTROPY),
    "recurrent": (recurrent, tokens, CROSSENTROPY),
    "attentive": (attentive, sequences, CROSSENTROPY),
    "contrastive": (Contrastive, vectors, to_be_like_itself),
    "add-loss": (VariationalAutoencoder, unlabelled, None),
}
"""Name to (model, data, loss)."""


class Batches(keras.utils.PyDataset):
    def __init__(self, x, y, size):
        super().__init__()
        self.x, self.y, self.size = x, y, size

    def __len__(self):
        return -(-len(self.x) // self.size)

    def __getitem__(self, index):
        part = slice(index * self.size, (index + 1) * self.size)
        return self.x[part], self.y[part]


def as_arrays(x, y):
    return {"x": x, "y": y, "batch_size": 16}


def as_weighted_arrays(x, y):
    weights = np.linspace(0.5, 1.5, len(x)).astype("float32")
    return {"x": x, "y": y, "sample_weight": weights, "batch_size": 16}


def as_class_weighted_arrays(x, y):
    return {"x": x, "y": y, "class_weight": {0: 1.0, 1: 2.0, 2: 0.5}, "batch_size": 16}


def as_py_dataset(x, y):
    return {"x": Batches(x, y, 16)}


def as_generator(x, y):
    def batches():
        while True:
            for start in range(0, len(x) - 15, 16):
                yield x[start : start + 16], y[start : start + 16]

    return {"x": batches(), "steps_per_epoch": 3, "shuffle": False}


def as_tf_dataset(x, y):
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices((x, y))
    return {"x": dataset.shuffle(EXAMPLES, seed=3).batch(16).prefetch(1), "shuffle": False}


def as_data_loader(x, y):
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    data = TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    return {"x": DataLoader(data, batch_size=16), "shuffle": False}


DATA = {
    "arrays": as_arrays,
    "weighted-arrays": as_weighted_arrays,
    "class-weighted-arrays": as_class_weighted_arrays,
    "py-dataset": as_py_dataset,
    "generator": as_generator,
    "tf-dataset": as_tf_dataset,
    "data-loader": as_data_loader,
}
"""Name to a function that brings arrays into the form that `fit` is given."""

NEEDS = {"tf-dataset": "tensorflow", "data-loader": "torch"}
