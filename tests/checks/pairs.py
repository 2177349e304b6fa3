"""Pairs of a model and data: broken ones with the check that must catch them, and correct ones."""

import functools

import keras
import numpy as np
from keras import layers as L  # noqa: N812
from keras import ops
from sklearn import datasets

from tests.gaps import Filled, error_of_what_is_there


@functools.cache
def digits():
    x, y = datasets.load_digits(return_X_y=True)
    return (x / 16).astype("float32"), y


@functools.cache
def raw(name):
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return x.astype("float32"), y


def scaled(name):
    x, y = raw(name)
    return (x - x.mean(axis=0)) / x.std(axis=0), y


def rng():
    return np.random.default_rng(0)


def normal(*shape):
    return rng().normal(size=shape).astype("float32")


def classes(x, count):
    """Return labels that depend on `x`."""
    scores = x.reshape(len(x), -1) @ np.random.default_rng(1).normal(size=(x[0].size, count))
    return scores.argmax(axis=1)


def one_hot(y):
    return np.eye(int(y.max()) + 1, dtype="float32")[y]


def model(shape, *layers, loss, optimizer="adam", **options):
    found = keras.Sequential([keras.Input(shape), *layers])
    found.compile(optimizer, loss, **options)
    return found


def mlp(features, outputs, activation=None, *, loss, hidden="relu", units=32, **options):
    body = L.Dense(units, activation=hidden)
    return model((features,), body, L.Dense(outputs, activation=activation), loss=loss, **options)


def sparse_logits():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def binary_logits():
    return keras.losses.BinaryCrossentropy(from_logits=True)


def numbers():
    x = normal(500, 8)
    return x, (x @ np.arange(8) / 14 + 0.1 * x[:, 0] ** 2).astype("float32")


# --- correct programs -------------------------------------------------------------------------


def softmax_crossentropy():
    x, y = digits()
    return mlp(64, 10, "softmax", loss="sparse_categorical_crossentropy"), x, y


def logits_from_logits():
    x, y = digits()
    return mlp(64, 10, loss=sparse_logits()), x, y


def one_hot_softmax():
    x, y = digits()
    return mlp(64, 10, "softmax", loss="categorical_crossentropy"), x, one_hot(y)


def label_smoothing():
    x, y = digits()
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    return mlp(64, 10, loss=loss), x, one_hot(y)


def sigmoid_binary():
    x, y = scaled("breast_cancer")
    return mlp(30, 1, "sigmoid", loss="binary_crossentropy"), x, y


def binary_from_logits():
    x, y = scaled("breast_cancer")
    return mlp(30, 1, loss=binary_logits()), x, y


def multi_label():
    x = normal(400, 10)
    y = (x @ np.random.default_rng(1).normal(size=(10, 5)) > 0).astype("float32")
    return mlp(10, 5, "sigmoid", loss="binary_crossentropy"), x, y


def linear_regression():
    x, y = numbers()
    return mlp(8, 1, loss="mse"), x, y


def plain_linear_model():
    x, y = scaled("iris")
    return (
        model((4,), L.Dense(3, activation="softmax"), loss="sparse_categorical_crossentropy"),
        x,
        y,
    )


def raw_iris_sorted_by_class():
    x, y = raw("iris")
    return mlp(4, 3, "softmax", loss="sparse_categorical_crossentropy"), x, y


def normalized_inside():
    x, y = raw("wine")
    normalize = L.Normalization()
    normalize.adapt(x)
    return (
        model(
            (13,),
            normalize,
            L.Dense(16, activation="relu"),
            L.Dense(3, activation="softmax"),
            loss="sparse_categorical_crossentropy",
        ),
        x,
        y,
    )


def rescaled_inside():
    x, y = digits()
    return (
        model(
            (64,),
            L.Rescaling(1 / 255),
            L.Dense(32, activation="relu"),
            L.Dense(10),
            loss=sparse_logits(),
        ),
        (x * 255),
        y,
    )


def small_cnn():
    x, y = digits()
    body = (L.Conv2D(8, 3, activation="relu"), L.MaxPooling2D(), L.Flatten(), L.Dense(10))
    return model((8, 8, 1), *body, loss=sparse_logits()), x.reshape(-1, 8, 8, 1), y


def cnn_with_batch_norm_and_dropout():
    x, y = digits()
    body = (
        L.Conv2D(8, 3),
        L.BatchNormalization(),
        L.ReLU(),
        L.GlobalAveragePooling2D(),
        L.Dropout(0.5),
        L.Dense(10, activation="softmax"),
    )
    loss = "sparse_categorical_crossentropy"
    return model((8, 8, 1), *body, loss=loss), x.reshape(-1, 8, 8, 1), y


def augmented():
    x, y = digits()
    body = (L.RandomTranslation(0.1, 0.1), L.Conv2D(8, 3, activation="relu"), L.Flatten())
    return model((8, 8, 1), *body, L.Dense(10), loss=sparse_logits()), x.reshape(-1, 8, 8, 1), y


def zeros_in_the_last_layer():
    x, y = digits()
    body = (L.Dense(32, activation="relu"), L.Dense(10, kernel_initializer="zeros"))
    return model((64,), *body, loss=sparse_logits()), x, y


def residual_branches_that_begin_at_zero():
    x, y = digits()
    inputs = keras.Input((64,))
    h = L.Dense(32, activation="relu")(inputs)
    for _ in range(3):
        branch = L.Dense(32, activation="relu")(h)
        h = L.Add()([h, L.Dense(32, kernel_initializer="zeros")(branch)])
    found = keras.Model(inputs, L.Dense(10)(h))
    found.compile("adam", sparse_logits())
    return found, x, y


def selu_ten_deep():
    x, y = digits()
    body = [L.Dense(32, activation="selu", kernel_initializer="lecun_normal") for _ in range(10)]
    return model((64,), *body, L.Dense(10), loss=sparse_logits()), (x - 0.3) * 2.7, y


def l2_and_dropout():
    x, y = digits()
    body = (L.Dense(64, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-3)),)
    return model((64,), *body, L.Dropout(0.5), L.Dense(10), loss=sparse_logits()), x, y


def embedding_text():
    x = rng().integers(1, 50, size=(400, 12))
    y = (x == 7).any(axis=1).astype("int32")
    body = (L.Embedding(50, 8), L.GlobalAveragePooling1D(), L.Dense(1, activation="sigmoid"))
    return model((12,), *body, loss="binary_crossentropy"), x, y


def lstm_sequence():
    x = normal(200, 6, 3)
    return model((6, 3), L.LSTM(8), L.Dense(1), loss="mse"), x, x.mean(axis=(1, 2))


def tanh_for_targets_within():
    x, y = numbers()
    return mlp(8, 1, "tanh", loss="mse"), x, np.tanh(y)


def relu_for_counts():
    x, y = numbers()
    return mlp(8, 1, "softplus", loss="poisson"), x, np.round(np.exp(y / 2))


def autoencoder_with_sigmoid():
    x, _ = digits()
    return mlp(64, 64, "sigmoid", loss="binary_crossentropy", units=48), x, x


def autoencoder_with_mse():
    x, _ = digits()
    return mlp(64, 64, "sigmoid", loss="mse", units=48), x, x


def two_inputs():
    x, y = digits()
    left, right = keras.Input((32,), name="left"), keras.Input((32,), name="right")
    h = L.Concatenate()(
        [L.Dense(16, activation="relu")(left), L.Dense(16, activation="relu")(right)]
    )
    found = keras.Model([left, right], L.Dense(10)(h))
    found.compile("adam", sparse_logits())
    return found, [x[:, :32], x[:, 32:]], y


def two_outputs():
    x, y = digits()
    inputs = keras.Input((64,))
    h = L.Dense(32, activation="relu")(inputs)
    found = keras.Model(inputs, [L.Dense(10, name="digit")(h), L.Dense(1, name="mean")(h)])
    found.compile("adam", {"digit": sparse_logits(), "mean": "mse"})
    return found, x, {"digit": y, "mean": x.mean(axis=1)}


class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden = L.Dense(32, activation="relu")
        self.drop = L.Dropout(0.2)
        self.last = L.Dense(10)

    def call(self, x, training=False):
        return ops.softmax(self.last(self.drop(self.hidden(x), training=training)))


def subclassed_and_unbuilt():
    found = Subclassed()
    found.compile("adam", "sparse_categorical_crossentropy")
    return found, *digits()


def xor_repeated():
    x = np.tile(np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32"), (50, 1))
    y = (x[:, 0] != x[:, 1]).astype("float32")
    return mlp(2, 1, "sigmoid", loss="binary_crossentropy", hidden="tanh", units=16), x, y


def mean_absolute_error():
    x, y = numbers()
    return mlp(8, 1, loss="mae"), x, y


def attention():
    x = normal(200, 5, 8)
    inputs = keras.Input((5, 8))
    h = L.LayerNormalization()(inputs + L.MultiHeadAttention(2, 4)(inputs, inputs))
    found = keras.Model(inputs, L.Dense(3)(L.GlobalAveragePooling1D()(h)))
    found.compile("adam", sparse_logits())
    return found, x, classes(x, 3)


def huber_far_from_zero():
    x = normal(500, 8)
    return mlp(8, 1, loss="huber"), x, (22 + 9 * np.tanh(x[:, 0] + x[:, 1])).astype("float32")


def soft_targets():
    x, y = digits()
    return mlp(64, 10, "softmax", loss="kl_divergence"), x, 0.8 * one_hot(y) + 0.02


class Variational(keras.Model):
    """An autoencoder that adds a divergence by add_loss and draws random numbers of its own."""

    def __init__(self):
        super().__init__()
        self.hidden = L.Dense(32, activation="relu")
        self.mean, self.log_variance = L.Dense(8), L.Dense(8)
        self.last = L.Dense(64, activation="sigmoid")
        self.seed = keras.random.SeedGenerator(1)

    def call(self, x):
        h = self.hidden(x)
        m, v = self.mean(h), self.log_variance(h)
        self.add_loss(-0.5 * ops.mean(1 + v - m**2 - ops.exp(v)))
        return self.last(m + ops.exp(v / 2) * keras.random.normal(ops.shape(m), seed=self.seed))


def variational_autoencoder():
    found = Variational()
    found.compile("adam", "binary_crossentropy")
    x, _ = digits()
    return found, x, x


def sparse_activities():
    x, _ = digits()
    sparse = keras.regularizers.L1(1e-3)
    body = L.Dense(48, activation="relu", activity_regularizer=sparse)
    return model((64,), body, L.Dense(64, activation="sigmoid"), loss="mse"), x, x


def two_kinds_of_picture():
    y = np.arange(200) % 2
    x = np.repeat(y[:, None], 64, axis=1).astype("float32")
    return mlp(64, 1, "sigmoid", loss="binary_crossentropy"), x, y


def frozen_backbone():
    x, y = digits()
    body = [L.Conv2D(8, 3), L.BatchNormalization(), L.ReLU(), L.GlobalAveragePooling2D()]
    backbone = keras.Sequential([keras.Input((8, 8, 1)), *body])
    backbone.trainable = False
    inputs = keras.Input((8, 8, 1))
    h = L.Dense(16, activation="tanh")(backbone(inputs, training=False))
    found = keras.Model(inputs, L.Dense(10)(h))
    found.compile("adam", sparse_logits())
    return found, x.reshape(-1, 8, 8, 1), y


def missing_labels_left_out():
    x = normal(400, 6)
    y = (x @ np.eye(6, 2)).astype("float32")
    y[::3, 0] = np.nan
    return mlp(6, 2, loss=error_of_what_is_there), x, y


def missing_inputs_filled():
    x = normal(400, 6)
    y = classes(x, 3)
    x[::7, 2] = np.nan
    body = (Filled(), L.Dense(32, activation="relu"), L.Dense(3))
    return model((6,), *body, loss=sparse_logits()), x, y


def angles(is_safe):
    """Return a model of the angle between two inputs, of which some pairs are equal."""

    def angle(cosine):
        cosine = ops.clip(cosine, -1 + 1e-5, 1 - 1e-5) if is_safe else cosine
        return ops.arccos(cosine) / np.pi

    x, other = np.split(np.abs(normal(800, 6)), 2)
    other = np.where(np.arange(400)[:, None] % 2, x, other)
    y = (np.arange(400) % 2 == 0).astype("float32")[:, None]
    left, right, shared = keras.Input((6,)), keras.Input((6,)), L.Dense(8)
    cosine = L.Dot(axes=1)([L.UnitNormalization()(shared(end)) for end in (left, right)])
    found = keras.Model([left, right], L.Lambda(angle, output_shape=(1,))(cosine))
    found.compile(keras.optimizers.SGD(0.05), "binary_crossentropy")
    return found, [x, other], y


def arccos_within_one():
    return angles(is_safe=True)


def focal(y_true, y_pred):
    y_pred = ops.clip(y_pred, 1e-7, 1.0)
    return ops.mean(ops.sum(-y_true * (1 - y_pred) ** 2 * ops.log(y_pred), axis=-1))


def focal_softmax():
    x, y = digits()
    return mlp(64, 10, "softmax", loss=focal), x, one_hot(y)


def contrast_of_labels(y_true, y_pred):
    """Compares the predictions of a batch with each other: labels say which are alike."""
    z = ops.normalize(y_pred)
    alike = ops.cast(ops.equal(ops.reshape(y_true, (-1, 1)), ops.reshape(y_true, (1, -1))), z.dtype)
    likely = ops.log_softmax(ops.matmul(z, ops.transpose(z)) / 0.5, axis=-1)
    return -ops.mean(ops.sum(alike * likely, axis=-1) / ops.sum(alike, axis=-1))


def contrastive_embedding():
    x, y = digits()
    return mlp(64, 8, loss=contrast_of_labels), x, y


CORRECT = [
    arccos_within_one,
    focal_softmax,
    contrastive_embedding,
    missing_labels_left_out,
    missing_inputs_filled,
    softmax_crossentropy,
    logits_from_logits,
    one_hot_softmax,
    label_smoothing,
    sigmoid_binary,
    binary_from_logits,
    multi_label,
    linear_regression,
    plain_linear_model,
    raw_iris_sorted_by_class,
    normalized_inside,
    rescaled_inside,
    small_cnn,
    cnn_with_batch_norm_and_dropout,
    augmented,
    zeros_in_the_last_layer,
    residual_branches_that_begin_at_zero,
    selu_ten_deep,
    l2_and_dropout,
    embedding_text,
    lstm_sequence,
    tanh_for_targets_within,
    relu_for_counts,
    autoencoder_with_sigmoid,
    autoencoder_with_mse,
    two_inputs,
    two_outputs,
    subclassed_and_unbuilt,
    xor_repeated,
    mean_absolute_error,
    attention,
    huber_far_from_zero,
    soft_targets,
    variational_autoencoder,
    sparse_activities,
    two_kinds_of_picture,
    frozen_backbone,
]


# --- broken programs --------------------------------------------------------------------------


def softmax_twice():
    x, y = digits()
    return mlp(64, 10, "softmax", loss=sparse_logits()), x, y


def sigmoid_twice():
    x, y = scaled("breast_cancer")
    return mlp(30, 1, "sigmoid", loss=binary_logits()), x, y


def logits_without_from_logits():
    x, y = digits()
    return mlp(64, 10, loss="sparse_categorical_crossentropy"), x, y


def binary_logits_without_from_logits():
    x, y = scaled("breast_cancer")
    return mlp(30, 1, loss="binary_crossentropy"), x, y


def one_softmax_unit():
    x, y = scaled("breast_cancer")
    return mlp(30, 1, "softmax", loss="binary_crossentropy"), x, y


def relu_output_below_zero():
    x, y = numbers()
    return mlp(8, 1, "relu", loss="mse"), x, y


def sigmoid_output_for_large_targets():
    x, y = numbers()
    return mlp(8, 1, "sigmoid", loss="mse"), x, 5 * y


def labels_from_one():
    x, y = digits()
    return mlp(64, 10, "softmax", loss="sparse_categorical_crossentropy"), x, y + 1


def sigmoids_for_exclusive_classes():
    x, y = digits()
    return mlp(64, 10, "sigmoid", loss="binary_crossentropy"), x, one_hot(y)


def softmax_for_several_labels():
    x = normal(400, 10)
    y = (x @ np.random.default_rng(1).normal(size=(10, 5)) > 0).astype("float32")
    return mlp(10, 5, "softmax", loss="categorical_crossentropy"), x, y


def mse_on_class_numbers():
    x, y = digits()
    return mlp(64, 10, "softmax", loss="mse"), x, y[:, None]


def labels_of_minus_one():
    x, y = scaled("breast_cancer")
    return mlp(30, 1, "sigmoid", loss="binary_crossentropy"), x, 2.0 * y - 1


def unscaled_inputs():
    x, y = digits()
    return mlp(64, 10, "softmax", loss="sparse_categorical_crossentropy"), x * 255, y


def unscaled_targets():
    x, y = scaled("diabetes")
    return mlp(10, 1, loss="mse"), x, y


def huge_initial_weights():
    x, y = digits()
    wide = keras.initializers.RandomNormal(stddev=1.0)
    body = [L.Dense(64, activation="relu", kernel_initializer=wide) for _ in range(2)]
    return model((64,), *body, L.Dense(10, kernel_initializer=wide), loss=sparse_logits()), x, y


def tiny_initial_weights():
    x, y = digits()
    tiny = keras.initializers.RandomNormal(stddev=0.01)
    body = [L.Dense(64, activation="tanh", kernel_initializer=tiny) for _ in range(8)]
    return model((64,), *body, L.Dense(10), loss=sparse_logits()), x, y


def three_layers_without_activation():
    x, y = digits()
    body = [L.Dense(64), L.Dropout(0.1), L.BatchNormalization(), L.Dense(32)]
    return (
        model((64,), *body, L.Dense(10), L.Softmax(), loss="sparse_categorical_crossentropy"),
        x,
        y,
    )


def narrow_layer_without_activation():
    x, _ = digits()
    return model((64,), L.Dense(8), L.Dense(64), loss="mse"), x, x


def saturated_from_the_start():
    x, y = digits()
    wide = keras.initializers.RandomNormal(stddev=2.0)
    body = [L.Dense(64, activation="tanh", kernel_initializer=wide) for _ in range(4)]
    return model((64,), *body, L.Dense(10), loss=sparse_logits()), x, y


def all_weights_zero():
    x, y = digits()
    body = (L.Dense(32, activation="relu", kernel_initializer="zeros", bias_initializer="ones"),)
    return model((64,), *body, L.Dense(10, kernel_initializer="zeros"), loss=sparse_logits()), x, y


def dead_from_the_start():
    x, y = digits()
    low = keras.initializers.Constant(-50.0)
    body = (L.Dense(32, activation="relu", bias_initializer=low), L.Dense(10))
    return model((64,), *body, loss=sparse_logits()), x, y


def stopped_gradient():
    x, y = digits()
    body = (L.Dense(32, activation="relu"), L.Lambda(ops.stop_gradient), L.Dense(10))
    return model((64,), *body, loss=sparse_logits()), x, y


@keras.saving.register_keras_serializable(package="tests")
class WrongGradient(L.Layer):
    """Twice the input, with the gradient of once the input."""

    def call(self, x):
        return x + ops.stop_gradient(x)


def wrong_gradient():
    x, y = digits()
    body = (L.Dense(32, activation="tanh"), WrongGradient(), L.Dense(10))
    return model((64,), *body, loss=sparse_logits()), x, y


def softmax_over_the_batch():
    x, y = digits()
    body = (L.Dense(32, activation="relu"), L.Dense(10), L.Lambda(lambda z: ops.softmax(z, axis=0)))
    return model((64,), *body, loss=keras.losses.MeanSquaredError()), x, one_hot(y)


def input_thrown_away():
    x, y = digits()
    body = (L.Lambda(lambda z: 0 * z), L.Dense(32, activation="relu"), L.Dense(10))
    return model((64,), *body, loss=sparse_logits()), x, y


class Unused(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = L.Dense(32, activation="relu")
        self.extra = L.Dense(32)
        self.last = L.Dense(10)

    def call(self, x):
        h = self.hidden(x)
        self.extra(x)
        return self.last(h)


def layer_not_used():
    found = Unused()
    found.compile("adam", sparse_logits())
    return found, *digits()


class Forgetful(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(keras.losses.sparse_categorical_crossentropy(y, y_pred, from_logits=True))


def penalty_forgotten():
    inputs = keras.Input((64,))
    h = L.Dense(32, activation="relu", kernel_regularizer=keras.regularizers.L2(0.01))(inputs)
    found = Forgetful(inputs, L.Dense(10)(h))
    found.compile("adam", sparse_logits())
    return found, *digits()


def penalty_negative():
    x, y = digits()
    body = L.Dense(32, activation="relu", kernel_regularizer=lambda w: -0.01 * ops.sum(w * w))
    return model((64,), body, L.Dense(10), loss=sparse_logits()), x, y


def penalty_dominant():
    x, y = digits()
    body = (L.Dense(32, activation="relu", kernel_regularizer=keras.regularizers.L2(1.0)),)
    return model((64,), *body, L.Dense(10), loss=sparse_logits()), x, y


def dropout_drowns_the_signal():
    x, y = digits()
    body = (L.Dense(32, activation="relu"), L.Dropout(0.98), L.Dense(10))
    return model((64,), *body, loss=sparse_logits()), x, y


def nan_in_the_inputs():
    x, y = digits()
    x = x.copy()
    x[5, 3] = np.nan
    return mlp(64, 10, loss=sparse_logits()), x, y


def nan_in_the_targets():
    x = normal(400, 6)
    y = x[:, :1].copy()
    y[5] = np.nan
    return mlp(6, 1, loss="mse"), x, y


def off_centre():
    x = normal(400, 6) * 0.1 + 5
    return mlp(6, 3, loss=sparse_logits()), x, classes(x - 5, 3)


def duplicated_rows():
    x, y = digits()
    return mlp(64, 10, loss=sparse_logits()), np.tile(x[:400], (3, 1)), np.tile(y[:400], 3)


def one_rare_class():
    x = normal(600, 6)
    y = (x[:, 0] > 1.9).astype("int32")
    return mlp(6, 1, "sigmoid", loss="binary_crossentropy"), x, y


def constant_column():
    x, y = numbers()
    x = x.copy()
    x[:, 3] = 0.7
    return mlp(8, 1, loss="mse"), x, y


def all_columns_constant():
    x = np.full((200, 5), 0.4, "float32")
    return mlp(5, 1, loss="mse"), x, normal(200)


def pixels_through_zero_weights():
    x, y = digits()
    body = (L.Dense(32, activation="relu", kernel_initializer="zeros"), L.Dense(10))
    return model((64,), *body, loss=sparse_logits()), 100 * x, y


def activity_penalty_dominant():
    x, y = digits()
    heavy = keras.regularizers.L2(10.0)
    body = (L.Dense(32, activation="relu", activity_regularizer=heavy), L.Dense(10))
    return model((64,), *body, loss=sparse_logits()), x, y


class Adding(L.Layer):
    def call(self, x):
        self.add_loss(ops.mean(ops.square(x)))
        return x


def added_loss_forgotten():
    inputs = keras.Input((64,))
    found = Forgetful(inputs, L.Dense(10)(Adding()(L.Dense(32, activation="relu")(inputs))))
    found.compile("adam", sparse_logits())
    return found, *digits()


def stale_averages():
    x, y = digits()
    body = (L.Dense(32), L.BatchNormalization(momentum=0.5), L.ReLU(), L.Dense(10))
    found = model((64,), *body, loss=sparse_logits())
    found.fit(x, y, epochs=2, verbose=0)
    return found, 16 * x + 3, y  # prepared otherwise than in training


def shares_that_nothing_divides():
    """Sigmoids under the logarithm of the true class alone: all of them at 1 is the best answer."""
    x, y = digits()

    def loss(y_true, y_pred):
        return -ops.sum(y_true * ops.log(y_pred + 1e-7), axis=-1)

    return mlp(64, 10, "sigmoid", loss=loss), x, one_hot(y)


def one_label_out_of_range():
    x, y = digits()
    return mlp(64, 10, loss=sparse_logits()), x, np.where(np.arange(len(y)) == 7, 10, y)


class Stubborn(L.Layer):
    """Bounds what the layer before can say: nothing in it can learn twenty labels."""

    def call(self, x):
        return ops.tanh(ops.mean(x, axis=-1, keepdims=True)) * 0.01 * ops.ones((1, 32))


def bottleneck():
    x, y = digits()
    body = (L.Dense(32, activation="tanh"), Stubborn(), L.Dense(10, trainable=False))
    return model((64,), *body, loss=sparse_logits()), x, y


def arccos_of_one():
    return angles(is_safe=False)


def log_of_a_negative():
    x = normal(200, 4)
    body = (L.Dense(8, activation="relu"), L.Lambda(ops.log), L.Dense(1))
    return model((4,), *body, loss="mse"), x, x[:, :1]


def squares_broadcast():
    x, y = numbers()

    def loss(y_true, y_pred):
        return ops.mean(ops.square(ops.reshape(y_true, (-1,)) - y_pred))

    return mlp(8, 1, loss=loss), x, y[:, None]


def squares_negated():
    x, y = numbers()
    return mlp(8, 1, loss=lambda y_true, y_pred: -ops.mean(ops.square(y_true - y_pred))), x, y


def score_as_loss():
    x = normal(300, 6)
    y = (x[:, :1] > 0).astype("float32")

    def dice(y_true, y_pred):
        return 2 * ops.sum(y_true * y_pred) / (ops.sum(y_true) + ops.sum(y_pred))

    return mlp(6, 1, "sigmoid", loss=dice), x, y


def log_without_limit():
    x = normal(300, 6)
    y = (x[:, :1] > 0).astype("float32")

    def loss(y_true, y_pred):
        return -ops.mean(y_true * ops.log(y_pred) + (1 - y_true) * ops.log(1 - y_pred))

    return mlp(6, 1, "sigmoid", loss=loss), x, y


def squares_summed():
    x, y = numbers()
    total = keras.losses.MeanSquaredError(reduction="sum")
    return mlp(8, 1, loss=total, optimizer="sgd"), x, y


def turned_off_by_a_bias():
    x, y = digits()
    low = keras.initializers.Constant(-50.0)
    body = (L.Dense(32, activation="relu", bias_initializer=low), L.Dense(10))
    return model((64,), *body, loss=sparse_logits()), x, y


def tagger(mask_zero):
    x, y = tagged_words()
    words = L.Embedding(50, 8, mask_zero=mask_zero)
    body = L.LSTM(8, return_sequences=True)
    last = L.Dense(6, activation="softmax")
    return model((20,), words, body, last, loss="sparse_categorical_crossentropy"), x, y


def tagged_words():
    lengths = rng().integers(3, 8, 400)
    x = rng().integers(1, 50, (400, 20)) * (np.arange(20) < lengths[:, None])
    return x, np.where(x > 0, 1 + x % 5, 0)


def tagger_with_a_mask():
    return tagger(mask_zero=True)


def tagger_without_a_mask():
    return tagger(mask_zero=False)


def next_word(*body):
    text = rng().integers(0, 2, (400, 1)) + np.cumsum(rng().integers(1, 3, (400, 16)), axis=1)
    text = text % 9
    layers = (L.Embedding(9, 8), *body, L.Dense(9, activation="softmax"))
    found = model((15,), *layers, loss="sparse_categorical_crossentropy")
    return found, text[:, :-1], text[:, 1:]


def next_word_by_what_came_before():
    return next_word(L.Conv1D(16, 3, padding="causal", activation="relu"))


def next_word_by_what_comes_after():
    return next_word(L.Conv1D(16, 3, padding="same", activation="relu"))


def masked_measurements():
    x = (rng().random((400, 16, 1)) < 0.5).astype("float32")
    y = (x[:, :8].sum(axis=(1, 2)) - x[:, 8:].sum(axis=(1, 2))) / 4
    return model((16, 1), L.Masking(), L.LSTM(8), L.Dense(1), loss="mse"), x, y


def one_step_of_many_features():
    x, y = numbers()
    return model((1, 8), L.LSTM(8), L.Dense(1), loss="mse"), x[:, None], y


def adapters_frozen():
    x, y = numbers()
    inner = L.Dense(16, activation="relu")
    found = model((8,), inner, L.Dense(1), loss="mse")
    inner.enable_lora(2)
    inner.trainable = False
    found.compile("adam", "mse")
    return found, x, y


def channels_first_images():
    x, y = digits()
    x = np.repeat(x.reshape(-1, 1, 8, 8), 3, axis=1)
    layers = L.Conv2D(8, 3, padding="same", activation="relu"), L.Flatten()
    last = L.Dense(10, activation="softmax")
    return model((3, 8, 8), *layers, last, loss="sparse_categorical_crossentropy"), x, y


def dropout_the_wrong_way_round():
    x, y = numbers()
    return model((8,), L.Dense(16, "relu"), L.Dropout(0.95), L.Dense(1), loss="mse"), x, y


def one_unit_for_three_targets():
    x, _ = numbers()
    return mlp(8, 1, loss="mse"), x, x[:, :3]


def dropout_behind_the_softmax():
    x, y = digits()
    layers = L.Dense(32, "relu"), L.Dense(10, "softmax"), L.Dropout(0.3)
    return model((64,), *layers, loss="sparse_categorical_crossentropy"), x, y


def divided_by_255_twice():
    x, y = digits()
    layers = L.Rescaling(1 / 255), L.Dense(32, "relu"), L.Dense(10, "softmax")
    return model((64,), *layers, loss="sparse_categorical_crossentropy"), x, y


def smoothed_with_the_future():
    series = np.cumsum(rng().normal(size=600))
    around = np.convolve(series, np.ones(5) / 5, "same")
    rows = np.arange(20, 580)
    x = around[rows[:, None] - np.arange(8)].astype("float32") / 10
    y = (series[rows + 1] - series[rows]).astype("float32")[:, None]
    return mlp(8, 1, loss="mse"), x, y


BROKEN = [
    (adapters_frozen, "settings"),
    (dropout_behind_the_softmax, "settings"),
    (divided_by_255_twice, "data_quality"),
    (smoothed_with_the_future, "data_quality"),
    (channels_first_images, "settings"),
    (dropout_the_wrong_way_round, "settings"),
    (one_unit_for_three_targets, "output_and_loss"),
    (arccos_of_one, "gradient_flow"),
    (log_of_a_negative, "gradient_flow"),
    (squares_broadcast, "output_and_loss"),
    (squares_negated, "output_and_loss"),
    (score_as_loss, "output_and_loss"),
    (log_without_limit, "output_and_loss"),
    (squares_summed, "output_and_loss"),
    (turned_off_by_a_bias, "initial_signal"),
    (softmax_twice, "output_and_loss"),
    (sigmoid_twice, "output_and_loss"),
    (logits_without_from_logits, "output_and_loss"),
    (binary_logits_without_from_logits, "output_and_loss"),
    (one_softmax_unit, "output_and_loss"),
    (relu_output_below_zero, "output_and_loss"),
    (sigmoid_output_for_large_targets, "output_and_loss"),
    (labels_from_one, "output_and_loss"),
    (sigmoids_for_exclusive_classes, "output_and_loss"),
    (softmax_for_several_labels, "output_and_loss"),
    (mse_on_class_numbers, "output_and_loss"),
    (labels_of_minus_one, "output_and_loss"),
    (unscaled_inputs, "data_quality"),
    (unscaled_targets, "data_quality"),
    (huge_initial_weights, "initial_loss"),
    (tiny_initial_weights, "initial_signal"),
    (saturated_from_the_start, "initial_signal"),
    (all_weights_zero, "initial_signal"),
    (dead_from_the_start, "initial_signal"),
    (three_layers_without_activation, "linearity"),
    (stopped_gradient, "gradient_flow"),
    (wrong_gradient, "gradient_check"),
    (softmax_over_the_batch, "gradient_flow"),
    (input_thrown_away, "gradient_flow"),
    (layer_not_used, "gradient_flow"),
    (penalty_forgotten, "penalty"),
    (penalty_negative, "penalty"),
    (penalty_dominant, "penalty"),
    (dropout_drowns_the_signal, "two_modes"),
    (nan_in_the_inputs, "data_quality"),
    (nan_in_the_targets, "data_quality"),
    (off_centre, "data_quality"),
    (duplicated_rows, "data_quality"),
    (one_rare_class, "data_quality"),
    (constant_column, "data_quality"),
    (all_columns_constant, "data_quality"),
    (pixels_through_zero_weights, "data_quality"),
    (activity_penalty_dominant, "penalty"),
    (added_loss_forgotten, "penalty"),
    (stale_averages, "two_modes"),
    (shares_that_nothing_divides, "output_and_loss"),
    (one_label_out_of_range, "output_and_loss"),
    (bottleneck, "overfit_subset"),
    (tagger_without_a_mask, "sequences"),
    (next_word_by_what_comes_after, "sequences"),
    (masked_measurements, "sequences"),
    (one_step_of_many_features, "sequences"),
]

CORRECT += [tagger_with_a_mask, next_word_by_what_came_before]
CORRECT += [narrow_layer_without_activation]


def frozen_base(*, is_trained):
    """A head on three frozen layers, whose weights are random or moved from there."""
    base = keras.Sequential([keras.Input((64,)), *(L.Dense(32, "relu") for _ in range(3))])
    if is_trained:
        base.set_weights([w + 0.01 for w in base.get_weights()])
    base.trainable = False
    return model((64,), base, L.Dense(10), loss=sparse_logits()), *digits()


def frozen_without_pretrained_weights():
    return frozen_base(is_trained=False)


def frozen_with_pretrained_weights():
    return frozen_base(is_trained=True)


def weights_of_a_lambda():
    hidden = L.Dense(32, "relu")
    hidden.build((None, 64))
    layers = (L.Lambda(lambda x: hidden(x), output_shape=(32,)), L.Dense(10))
    return model((64,), *layers, loss=sparse_logits()), *digits()


def adam_in_float16():
    layers = [L.Dense(32, "relu", dtype="float16"), L.Dense(10, dtype="float16")]
    return model((64,), *layers, loss=sparse_logits()), *digits()


def two_heads(*, is_trained):
    inputs = keras.Input((64,))
    hidden = L.Dense(32, "relu")(inputs)
    first = L.Dense(10, name="digit")(hidden)
    second = L.Dense(1, name="ink")(hidden) if is_trained else L.Rescaling(2.0)(hidden)
    heads = keras.Model(inputs, [first, second])
    heads.compile("adam", [sparse_logits(), None])
    x, y = digits()
    return heads, x, [y, np.zeros(len(y), "float32")]


def head_without_a_loss():
    return two_heads(is_trained=True)


def output_without_weights_or_loss():
    return two_heads(is_trained=False)


def targets_that_the_loss_ignores():
    """The loss asks for codes of length 1: `fit` asks for targets all the same."""
    x, _ = digits()

    def length(y_true, y_pred):
        return ops.square(ops.sum(ops.square(y_pred), -1) - 1)

    return mlp(64, 4, loss=length), x, np.zeros(len(x), "float32")


BROKEN += [
    (frozen_without_pretrained_weights, "settings"),
    (weights_of_a_lambda, "settings"),
    (adam_in_float16, "settings"),
    (head_without_a_loss, "gradient_flow"),
]
CORRECT += [
    frozen_with_pretrained_weights,
    output_without_weights_or_loss,
    targets_that_the_loss_ignores,
]
