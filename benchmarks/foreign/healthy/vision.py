"""Healthy programs: pictures and points."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training
from benchmarks.foreign.healthy import data
from benchmarks.foreign.healthy.program import healthy

SPARSE = "sparse_categorical_crossentropy"


def classify(model: keras.Model, of: parts.Data, epochs: int, **options: Any) -> Training:
    """Return the training of a compiled classifier."""
    fit = parts.arguments(of, epochs=epochs, **options)
    return Training(model, fit, parts.accuracy(model, of.x_val, of.y_val))


@healthy("examples/vision/mnist_convnet.py")
def mnist_convnet(rng: np.random.Generator) -> Training:
    of = data.pictures(rng)
    labels = keras.utils.to_categorical(of.y, 10)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    fit = {"x": of.x, "y": labels, "batch_size": 64, "epochs": 15, "validation_split": 0.1}
    return Training(model, fit, parts.accuracy(model, of.x_val, of.y_val))


def tokens_of(of: Any, size: int, units: int) -> Any:
    """Cut pictures into patches and project them."""
    h = layers.Conv2D(units, size, strides=size)(of)
    return layers.Reshape((-1, units))(h)


@healthy("examples/vision/mlp_image_classification.py")
def mlp_mixer(rng: np.random.Generator) -> Training:
    of = data.pictures(rng)
    inputs = keras.Input((8, 8, 1))
    h = tokens_of(inputs, 2, 24)
    for _ in range(2):
        x = layers.Permute((2, 1))(layers.LayerNormalization()(h))
        x = layers.Dense(16)(layers.Dense(16, activation="gelu")(x))
        h = h + layers.Permute((2, 1))(x)
        x = layers.Dense(48, activation="gelu")(layers.LayerNormalization()(h))
        h = h + layers.Dropout(0.2)(layers.Dense(24)(x))
    h = layers.Dropout(0.2)(layers.GlobalAveragePooling1D()(h))
    model = keras.Model(inputs, layers.Dense(10)(h))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(5e-3), loss, metrics=["accuracy"])
    callbacks = [keras.callbacks.ReduceLROnPlateau("val_loss", 0.5, patience=5)]
    return classify(model, of, 15, callbacks=callbacks)


class Positions(layers.Layer):
    """Adds a learned vector to each patch."""

    def build(self, shape: Any) -> None:
        self.table = self.add_weight(shape[1:], "glorot_uniform", name="table")

    def call(self, x: Any) -> Any:
        return x + self.table


@healthy("examples/vision/image_classification_with_vision_transformer.py")
def vision_transformer(rng: np.random.Generator) -> Training:
    of = data.pictures(rng)
    inputs = keras.Input((8, 8, 1))
    h = layers.RandomTranslation(0.1, 0.1)(layers.Normalization(mean=0.3, variance=0.14)(inputs))
    h = Positions()(tokens_of(h, 2, 24))
    for _ in range(2):
        x = layers.LayerNormalization(epsilon=1e-6)(h)
        h = h + layers.MultiHeadAttention(2, 12, dropout=0.1)(x, x)
        x = layers.LayerNormalization(epsilon=1e-6)(h)
        x = layers.Dropout(0.1)(layers.Dense(48, activation="gelu")(x))
        h = h + layers.Dropout(0.1)(layers.Dense(24, activation="gelu")(x))
    h = layers.Flatten()(layers.LayerNormalization(epsilon=1e-6)(h))
    h = layers.Dropout(0.5)(layers.Dense(64, activation="gelu")(layers.Dropout(0.5)(h)))
    model = keras.Model(inputs, layers.Dense(10)(h))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(2e-3, weight_decay=1e-4), loss, metrics=["accuracy"])
    return classify(model, of, 15)


@healthy("examples/vision/convmixer.py")
def conv_mixer(rng: np.random.Generator) -> Training:
    of = data.pictures(rng)
    inputs = keras.Input((8, 8, 1))

    def after(x: Any) -> Any:
        return layers.BatchNormalization()(layers.Activation("gelu")(x))

    h = after(layers.Conv2D(24, 2, strides=2)(inputs))
    for _ in range(3):
        x = after(layers.DepthwiseConv2D(3, padding="same")(h))
        h = after(layers.Conv2D(24, 1)(layers.Add()([x, h])))
    output = layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(h))
    model = keras.Model(inputs, output)
    model.compile(keras.optimizers.AdamW(3e-3), SPARSE, metrics=["accuracy"])
    return classify(model, of, 10)


@healthy("examples/vision/image_classification_from_scratch.py")
def residual_from_scratch(rng: np.random.Generator) -> Training:
    of = data.pictures(rng)
    of = of._replace(y=(of.y % 2).astype("float32"), y_val=(of.y_val % 2).astype("float32"))
    inputs = keras.Input((8, 8, 1))
    x = layers.Rescaling(1.0)(layers.RandomRotation(0.05)(inputs))
    x = layers.Activation("relu")(layers.BatchNormalization()(layers.Conv2D(16, 3)(x)))
    before = x
    for filters in (24, 32):
        for _ in range(2):
            x = layers.Activation("relu")(x)
            x = layers.BatchNormalization()(layers.SeparableConv2D(filters, 3, padding="same")(x))
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        x = layers.add([x, layers.Conv2D(filters, 1, strides=2, padding="same")(before)])
        before = x
    x = layers.Dropout(0.25)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, layers.Dense(1)(x))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    accuracy = keras.metrics.BinaryAccuracy(name="acc", threshold=0.0)
    model.compile(keras.optimizers.Adam(3e-4), loss, metrics=[accuracy])
    fit = parts.arguments(of, epochs=10)
    return Training(model, fit, lambda logs: logs["val_acc"][-1])


@healthy("examples/vision/super_resolution_sub_pixel.py")
def super_resolution(rng: np.random.Generator) -> Training:
    fine = data.pictures(rng).x
    coarse = fine.reshape(-1, 4, 2, 4, 2, 1).mean(axis=(2, 4))
    of = data.split(coarse, fine)
    inputs = keras.Input((4, 4, 1))
    options = {"activation": "relu", "kernel_initializer": "orthogonal", "padding": "same"}
    x = layers.Conv2D(24, 3, **options)(inputs)
    x = layers.Conv2D(24, 3, **options)(x)
    x = layers.Conv2D(4, 3, **options)(x)
    x = layers.Reshape((4, 4, 2, 2))(x)
    x = layers.Reshape((8, 8, 1))(layers.Permute((1, 3, 2, 4))(x))
    model = keras.Model(inputs, x)
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.MeanSquaredError())
    callbacks = [keras.callbacks.EarlyStopping("loss", patience=10)]
    fit = parts.arguments(of, epochs=12, batch_size=8, callbacks=callbacks)
    return Training(model, fit, parts.r_squared(model, of.x_val, of.y_val))


@healthy("examples/vision/object_detection_using_vision_transformer.py")
def boxes(rng: np.random.Generator) -> Training:
    n = 700
    images, corners = 0.1 * rng.random((n, 12, 12, 1)), np.zeros((n, 4))
    for i in range(n):
        (top, left), (h, w) = rng.integers(0, 7, 2), rng.integers(3, 6, 2)
        images[i, top : top + h, left : left + w] += 0.9
        corners[i] = np.array([left, top, left + w, top + h]) / 12
    of = data.split(images, corners)
    inputs = keras.Input((12, 12, 1))
    h = Positions()(tokens_of(inputs, 3, 24))
    for _ in range(2):
        x = layers.LayerNormalization(epsilon=1e-6)(h)
        h = h + layers.MultiHeadAttention(2, 12)(x, x)
        x = layers.LayerNormalization(epsilon=1e-6)(h)
        h = h + layers.Dense(24, activation="gelu")(layers.Dense(48, activation="gelu")(x))
    h = layers.Dropout(0.1)(layers.Flatten()(layers.LayerNormalization(epsilon=1e-6)(h)))
    model = keras.Model(inputs, layers.Dense(4)(layers.Dense(64, activation="gelu")(h)))
    model.compile(keras.optimizers.AdamW(2e-3, weight_decay=1e-4), "mse")
    fit = parts.arguments(of, epochs=15)
    return Training(model, fit, parts.r_squared(model, of.x_val, of.y_val))


class Mixed(keras.utils.PyDataset):
    """Batches of pairs of pictures and of their labels, mixed."""

    def __init__(self, of: parts.Data) -> None:
        super().__init__()
        self.of, self.rng = of, np.random.default_rng(2)

    def __len__(self) -> int:
        return len(self.of.y) // 32

    def __getitem__(self, index: int) -> Any:
        first, second = self.rng.integers(0, len(self.of.y), (2, 32))
        share = self.rng.beta(0.2, 0.2, (32, 1)).astype("float32")
        y = keras.utils.to_categorical(self.of.y, 10)
        four = share[:, :, None, None]
        x = four * self.of.x[first] + (1 - four) * self.of.x[second]
        return x, share * y[first] + (1 - share) * y[second]


@healthy("examples/vision/mixup.py")
def mixup(rng: np.random.Generator) -> Training:
    of = data.pictures(rng)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Conv2D(24, 3, activation="relu"),
            layers.Dropout(0.2),
            layers.GlobalAveragePooling2D(),
            layers.Dense(48, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-3), "categorical_crossentropy", metrics=["accuracy"])
    validation = (of.x_val, keras.utils.to_categorical(of.y_val, 10))
    fit = {"x": Mixed(of), "validation_data": validation, "epochs": 15}
    return Training(model, fit, parts.accuracy(model, of.x_val, of.y_val))


@healthy("examples/vision/attention_mil_classification.py")
def bags_of_instances(rng: np.random.Generator) -> Training:
    n, size = 700, 5
    digits = parts.digits(rng)
    chosen = rng.integers(0, len(digits.y), (n, size))
    y = (digits.y[chosen] == 8).any(axis=1).astype(int)
    x = digits.x[chosen]
    weights = {0: 1 / (1 - y.mean()) / 2, 1: 1 / y.mean() / 2}
    of = data.split(x, y)
    inputs = keras.Input((size, 64))
    h = layers.Dense(32, activation="relu")(layers.Dense(48, activation="relu")(inputs))
    score = layers.Dense(1)(layers.Dense(24, activation="tanh")(h))
    h = ops.sum(ops.softmax(score, axis=1) * h, axis=1)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(h))
    model.compile(keras.optimizers.Adam(2e-3), SPARSE, metrics=["accuracy"])
    callbacks = [keras.callbacks.EarlyStopping("val_loss", patience=10, restore_best_weights=True)]
    return classify(model, of, 15, class_weight=weights, callbacks=callbacks)


class Orthogonal(keras.regularizers.Regularizer):
    """A penalty on matrices that are no rotations."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, x: Any) -> Any:
        x = ops.reshape(x, (-1, self.size, self.size))
        product = ops.matmul(x, ops.transpose(x, (0, 2, 1)))
        return 1e-3 * ops.sum(ops.square(product - ops.eye(self.size)))


@healthy("examples/vision/pointnet.py")
def point_net(rng: np.random.Generator) -> Training:
    n, points = 400, 24
    y = rng.integers(0, 3, n)
    x = rng.normal(size=(n, points, 3))
    x[y == 0] /= np.linalg.norm(x[y == 0], axis=2, keepdims=True)
    x[y == 1, :, 2] *= 0.05
    of = data.split(x, y)

    def dense(h: Any, units: int) -> Any:
        h = layers.Dense(units)(h)
        return layers.Activation("relu")(layers.BatchNormalization(momentum=0.0)(h))

    inputs = keras.Input((points, 3))
    h = dense(layers.GlobalMaxPooling1D()(dense(dense(inputs, 16), 32)), 16)
    turn = layers.Dense(
        9,
        kernel_initializer="zeros",
        bias_initializer=keras.initializers.Constant(np.eye(3).ravel()),
        activity_regularizer=Orthogonal(3),
    )(h)
    h = layers.Dot(axes=(2, 1))([inputs, layers.Reshape((3, 3))(turn)])
    h = layers.GlobalMaxPooling1D()(dense(dense(h, 24), 48))
    h = layers.Dropout(0.3)(dense(h, 32))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(h))
    model.compile(keras.optimizers.Adam(1e-3), SPARSE, metrics=["accuracy"])
    return classify(model, of, 12)


@healthy("examples/vision/conv_lstm.py")
def next_frames(rng: np.random.Generator) -> Training:
    n, steps, size = 160, 6, 8
    frames = np.zeros((n, steps, size, size, 1), "float32")
    for i in range(n):
        place, pace = rng.integers(0, size, 2), rng.integers(-1, 2, 2)
        for t in range(steps):
            row, column = (place + t * pace) % size
            frames[i, t, row, column] = frames[i, t, (row + 1) % size, column] = 1
    of = data.split(frames[:, :-1], frames[:, 1:])
    inputs = keras.Input((None, size, size, 1))
    h = inputs
    for kernel in (3, 3):
        h = layers.ConvLSTM2D(8, kernel, padding="same", return_sequences=True, activation="relu")(
            h
        )
        h = layers.BatchNormalization()(h)
    output = layers.Conv3D(1, 3, activation="sigmoid", padding="same")(h)
    model = keras.Model(inputs, output)
    model.compile(keras.optimizers.Adam(), "binary_crossentropy")
    fit = parts.arguments(of, epochs=6, batch_size=8)
    return Training(model, fit, parts.r_squared(model, of.x_val, of.y_val))


class Centralized(keras.optimizers.RMSprop):
    """Subtracts the mean of each gradient before the step."""

    def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
        centred = [
            g - ops.mean(g, axis=tuple(range(len(g.shape) - 1)), keepdims=True)
            if g is not None and len(g.shape) > 1
            else g
            for g in grads
        ]
        return super().apply(centred, trainable_variables)


@healthy("examples/vision/gradient_centralization.py")
def gradient_centralization(rng: np.random.Generator) -> Training:
    of = data.pictures(rng)
    model = keras.Sequential([keras.Input((8, 8, 1))])
    for filters in (16, 24):
        model.add(layers.Conv2D(filters, 3, activation="relu", padding="same"))
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dropout(0.3))
    model.add(layers.Dense(48, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(Centralized(1e-3), SPARSE, metrics=["accuracy"])
    return classify(model, of, 8)


@healthy("guides/transfer_learning.py")
def transfer_learning(rng: np.random.Generator) -> Training:
    of = data.pictures(rng)
    inputs = x = keras.Input((8, 8, 1))
    for filters in (16, 32):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(x))
    base = keras.Model(inputs, layers.GlobalAveragePooling2D()(x))
    known = of.y >= 5
    first = keras.Sequential([base, layers.Dense(10, activation="softmax")])
    first.compile(keras.optimizers.Adam(5e-3), SPARSE)
    first.fit(of.x[known], of.y[known], epochs=8, verbose=0)
    base.trainable = False
    new, held = of.y < 5, of.y_val < 5
    part = parts.Data(of.x[new][:300], of.y[new][:300], of.x_val[held], of.y_val[held])
    inputs = keras.Input((8, 8, 1))
    h = layers.Dropout(0.2)(base(inputs, training=False))
    model = keras.Model(inputs, layers.Dense(5, activation="softmax")(h))
    fit = parts.arguments(part, epochs=15)

    def both(callbacks: list[Any]) -> keras.callbacks.History:
        model.fit(**fit | {"callbacks": callbacks, "verbose": 0})
        base.trainable = True
        model.compile(keras.optimizers.Adam(1e-5), SPARSE, metrics=["accuracy"])
        return model.fit(**fit | {"callbacks": callbacks, "verbose": 0, "epochs": 3})

    model.compile(keras.optimizers.Adam(5e-3), SPARSE, metrics=["accuracy"])
    return Training(model, fit, parts.accuracy(model, part.x_val, part.y_val), both)
