"""Healthy programs: tables, recommendations and graphs."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training
from benchmarks.foreign.healthy import data
from benchmarks.foreign.healthy.program import healthy

SPARSE = "sparse_categorical_crossentropy"


def of_table(rng: np.random.Generator) -> tuple[Any, Any, Any, Any]:
    x, y = data.table(rng)
    return [one[:1000] for one in x], y[:1000], [one[1000:] for one in x], y[1000:]


def fitted(model: keras.Model, of: Any, epochs: int, **options: Any) -> Training:
    x, y, x_val, y_val = of
    fit = {"x": x, "y": y, "validation_data": (x_val, y_val), "epochs": epochs} | options

    def score(logs: Any) -> float:
        answers = np.asarray(model.predict(x_val, verbose=0))
        return parts.accuracy_of(answers, y_val)

    return Training(model, fit, score)


@healthy("examples/structured_data/imbalanced_classification.py")
def frauds(rng: np.random.Generator) -> Training:
    n = 6000
    y = (rng.random(n) < 0.01).astype("float32")
    x = rng.normal(size=(n, 12))
    x[:, :4] += 2.0 * y[:, None]
    of = data.split(x, y[:, None])
    of = of._replace(
        x=(of.x - of.x.mean(0)) / of.x.std(0), x_val=(of.x_val - of.x.mean(0)) / of.x.std(0)
    )
    model = keras.Sequential([keras.Input((12,))])
    for rate in (0.0, 0.3, 0.3):
        model.add(layers.Dense(48, activation="relu"))
        model.add(layers.Dropout(rate))
    model.add(layers.Dense(1, activation="sigmoid"))
    names = ("FalseNegatives", "FalsePositives", "Precision", "Recall")
    metrics = [getattr(keras.metrics, name)(name=name.lower()) for name in names]
    model.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy", metrics=metrics)
    counts = np.bincount(of.y[:, 0].astype(int))
    weights = {0: 1.0 / counts[0], 1: 1.0 / counts[1]}
    fit = parts.arguments(of, epochs=10, batch_size=256, class_weight=weights)
    return Training(model, fit, parts.balanced(model, of.x_val, of.y_val))


@healthy("examples/structured_data/structured_data_classification_from_scratch.py")
def features_of_a_table(rng: np.random.Generator) -> Training:
    of = of_table(rng)
    numbers, kinds = keras.Input((5,)), keras.Input((2,), dtype="int32")
    hot = layers.Flatten()(layers.CategoryEncoding(6, output_mode="one_hot")(kinds[:, :1]))
    other = layers.Flatten()(layers.CategoryEncoding(6, output_mode="one_hot")(kinds[:, 1:]))
    norm = layers.Normalization()
    norm.adapt(of[0][0])
    x = layers.Concatenate()([norm(numbers), hot, other])
    x = layers.Dropout(0.5)(layers.Dense(32, activation="relu")(x))
    model = keras.Model([numbers, kinds], layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return fitted(model, of, 15)


@healthy("examples/structured_data/wide_deep_cross_networks.py")
def deep_and_cross(rng: np.random.Generator) -> Training:
    of = of_table(rng)
    numbers, kinds = keras.Input((5,)), keras.Input((2,), dtype="int32")
    embedded = layers.Flatten()(layers.Embedding(6, 3)(kinds))
    start = cross = deep = layers.Concatenate()([numbers, embedded])
    for _ in range(2):
        cross = start * layers.Dense(11)(cross) + cross
    for _ in range(2):
        deep = layers.ReLU()(layers.BatchNormalization()(layers.Dense(24)(deep)))
        deep = layers.Dropout(0.1)(deep)
    merged = layers.Concatenate()([layers.BatchNormalization()(cross), deep])
    model = keras.Model([numbers, kinds], layers.Dense(2, activation="softmax")(merged))
    model.compile(keras.optimizers.Adam(1e-3), SPARSE, metrics=["accuracy"])
    x, y, x_val, y_val = of
    return fitted(model, (x, y[:, 0].astype(int), x_val, y_val[:, 0].astype(int)), 12)


@healthy("examples/structured_data/tabtransformer.py")
def table_transformer(rng: np.random.Generator) -> Training:
    of = of_table(rng)
    numbers, kinds = keras.Input((5,)), keras.Input((2,), dtype="int32")
    h = layers.Embedding(12, 12)(kinds + np.array([[0, 6]], "int32"))
    for _ in range(2):
        x = layers.Add()([layers.MultiHeadAttention(2, 12, dropout=0.2)(h, h), h])
        x = layers.LayerNormalization(epsilon=1e-6)(x)
        y = layers.Dense(12)(layers.Dropout(0.2)(layers.Dense(24, activation="gelu")(x)))
        h = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([y, x]))
    x = layers.Concatenate()(
        [layers.Flatten()(h), layers.LayerNormalization(epsilon=1e-6)(numbers)]
    )
    for units in (32, 16):
        x = layers.Dense(units, activation=keras.activations.selu)(layers.BatchNormalization()(x))
        x = layers.Dropout(0.2)(x)
    model = keras.Model([numbers, kinds], layers.Dense(1, activation="sigmoid")(x))
    optimizer = keras.optimizers.AdamW(learning_rate=0.001, weight_decay=0.0001)
    metrics = [keras.metrics.BinaryAccuracy(name="accuracy")]
    model.compile(optimizer, keras.losses.BinaryCrossentropy(), metrics=metrics)
    return fitted(model, of, 15)


class Recommender(keras.Model):
    """The product of what is learned of a user and of a film."""

    def __init__(self, users: int, films: int, size: int) -> None:
        super().__init__()
        options = {
            "embeddings_initializer": "he_normal",
            "embeddings_regularizer": keras.regularizers.l2(1e-6),
        }
        self.user, self.user_bias = (
            layers.Embedding(users, size, **options),
            layers.Embedding(users, 1),
        )
        self.film, self.film_bias = (
            layers.Embedding(films, size, **options),
            layers.Embedding(films, 1),
        )

    def call(self, inputs: Any) -> Any:
        user, film = inputs[:, 0], inputs[:, 1]
        product = ops.sum(self.user(user) * self.film(film), axis=1, keepdims=True)
        return ops.sigmoid(product + self.user_bias(user) + self.film_bias(film))


@healthy("examples/structured_data/collaborative_filtering_movielens.py")
def recommendations(rng: np.random.Generator) -> Training:
    users, films = rng.normal(size=(60, 3)), rng.normal(size=(80, 3))
    pairs = np.stack([rng.integers(0, 60, 4000), rng.integers(0, 80, 4000)], axis=1)
    liked = (users[pairs[:, 0]] * films[pairs[:, 1]]).sum(1) + films[pairs[:, 1], 0]
    stars = np.clip(np.round(3 + liked), 1, 5)
    of = data.split(pairs.astype("int32"), ((stars - 1) / 4)[:, None])
    model = Recommender(60, 80, 16)
    loss = keras.losses.BinaryCrossentropy()
    model.compile(loss=loss, optimizer=keras.optimizers.Adam(learning_rate=0.003))
    fit = parts.arguments(of, epochs=10, batch_size=64)
    return Training(model, fit, parts.r_squared(model, of.x_val, of.y_val))


@healthy("examples/structured_data/classification_with_grn_and_vsn.py")
def gated_residuals(rng: np.random.Generator) -> Training:
    of = of_table(rng)
    numbers, kinds = keras.Input((5,)), keras.Input((2,), dtype="int32")

    def gated(x: Any, units: int) -> Any:
        h = layers.Dense(units)(layers.Dense(units, activation="elu")(x))
        h = layers.Dropout(0.15)(h)
        h = layers.Dense(units)(h) * layers.Dense(units, activation="sigmoid")(h)
        return layers.LayerNormalization()(
            (x if x.shape[-1] == units else layers.Dense(units)(x)) + h
        )

    each = [layers.Dense(12)(numbers[:, i : i + 1]) for i in range(5)]
    each += [layers.Embedding(6, 12)(kinds[:, i]) for i in range(2)]
    weights = layers.Dense(7, activation="softmax")(gated(layers.Concatenate()(each), 12))
    stacked = ops.stack([gated(one, 12) for one in each], axis=1)
    h = ops.sum(ops.expand_dims(weights, -1) * stacked, axis=1)
    model = keras.Model([numbers, kinds], layers.Dense(1, activation="sigmoid")(h))
    metrics = [keras.metrics.BinaryAccuracy(name="accuracy")]
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.BinaryCrossentropy(), metrics=metrics)
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=5, restore_best_weights=True)
    return fitted(model, of, 12, callbacks=[stop])


class Fourier(layers.Layer):
    """Random features whose weights are not trained."""

    def __init__(self, units: int, scale: float) -> None:
        super().__init__()
        self.units, self.scale = units, scale

    def build(self, shape: Any) -> None:
        normal = keras.initializers.RandomNormal(stddev=1 / self.scale)
        phase = keras.initializers.RandomUniform(0, 2 * np.pi)
        self.kernel = self.add_weight((shape[-1], self.units), normal, trainable=False)
        self.phase = self.add_weight((self.units,), phase, trainable=False)

    def call(self, x: Any) -> Any:
        return ops.cos(ops.matmul(x, self.kernel) + self.phase)


@healthy("examples/keras_recipes/quasi_svm.py")
def quasi_svm(rng: np.random.Generator) -> Training:
    of = parts.digits(rng)
    model = keras.Sequential([keras.Input((64,)), Fourier(256, 3.0), layers.Dense(10)])
    hot = of._replace(
        y=keras.utils.to_categorical(of.y, 10), y_val=keras.utils.to_categorical(of.y_val, 10)
    )
    accuracy = keras.metrics.CategoricalAccuracy(name="acc")
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.hinge, metrics=[accuracy])
    fit = parts.arguments(hot, epochs=15)
    return Training(model, fit, lambda logs: logs["val_acc"][-1])


class Forest(layers.Layer):
    """A decision tree whose nodes route examples by chance."""

    def __init__(self, depth: int, classes: int) -> None:
        super().__init__()
        self.depth, self.leaves, self.classes = depth, 2**depth, classes
        self.decide = layers.Dense(self.leaves, activation="sigmoid")

    def build(self, shape: Any) -> None:
        self.decide.build(shape)
        self.pi = self.add_weight((self.leaves, self.classes), "random_normal")

    def call(self, x: Any) -> Any:
        decisions = ops.expand_dims(self.decide(x), axis=2)
        decisions = ops.concatenate([decisions, 1 - decisions], axis=2)
        mu = ops.ones_like(decisions[:, :1, :1])
        begin = 1
        for level in range(self.depth):
            end = begin + 2**level
            mu = ops.repeat(ops.reshape(mu, (-1, 2**level, 1)), 2, axis=2)
            mu = mu * decisions[:, begin:end, :]
            begin = end
        mu = ops.reshape(mu, (-1, self.leaves))
        return ops.matmul(mu, ops.softmax(self.pi))


@healthy("examples/structured_data/deep_neural_decision_forests.py")
def decision_forest(rng: np.random.Generator) -> Training:
    of = of_table(rng)
    numbers, kinds = keras.Input((5,)), keras.Input((2,), dtype="int32")
    h = layers.Concatenate()([numbers, layers.Flatten()(layers.Embedding(6, 3)(kinds))])
    h = layers.BatchNormalization()(h)
    output = Forest(4, 2)(h)
    model = keras.Model([numbers, kinds], output)
    model.compile(keras.optimizers.Adam(0.01), SPARSE, metrics=["accuracy"])
    x, y, x_val, y_val = of
    return fitted(model, (x, y[:, 0].astype(int), x_val, y_val[:, 0].astype(int)), 12)


@healthy("examples/keras_recipes/approximating_non_function_mappings.py")
def mixture_of_densities(rng: np.random.Generator) -> Training:
    y = rng.uniform(-1, 1, 1200)
    x = y + 0.3 * np.sin(2 * np.pi * y) + 0.05 * rng.normal(size=1200)
    of = data.split(x[:, None], y[:, None])
    inputs = keras.Input((1,))
    h = layers.Dense(32, activation="relu")(layers.Dense(32, activation="relu")(inputs))
    mean = layers.Dense(4)(h)
    spread = layers.Dense(4, activation=lambda z: ops.elu(z) + 1 + 1e-3)(h)
    model = keras.Model(inputs, layers.Concatenate()([mean, spread, layers.Dense(4)(h)]))

    def likelihood(y_true: Any, y_pred: Any) -> Any:
        mean, spread, shares = ops.split(y_pred, 3, axis=-1)
        each = -0.5 * ops.square((y_true - mean) / spread) - ops.log(spread * np.sqrt(2 * np.pi))
        return -ops.mean(ops.logsumexp(ops.log_softmax(shares) + each, axis=-1))

    model.compile(keras.optimizers.Adam(3e-3), likelihood)
    stop = keras.callbacks.EarlyStopping("val_loss", patience=10, restore_best_weights=True)
    fit = parts.arguments(of, epochs=20, callbacks=[stop])
    return Training(model, fit, lambda logs: logs["val_loss"][0] - logs["val_loss"][-1])


class Antirectifier(layers.Layer):
    """Keeps what a ReLU throws away."""

    def build(self, shape: Any) -> None:
        size = shape[-1]
        self.kernel = self.add_weight((2 * size, size), "he_normal", trainable=True)

    def call(self, x: Any) -> Any:
        x = x - ops.mean(x, axis=-1, keepdims=True)
        both = ops.concatenate([ops.relu(x), ops.relu(-x)], axis=-1)
        return ops.matmul(both, self.kernel)


@healthy("examples/keras_recipes/antirectifier.py")
def antirectifier(rng: np.random.Generator) -> Training:
    of = parts.digits(rng)
    model = keras.Sequential(
        [keras.Input((64,)), layers.Dense(32), Antirectifier(), layers.Dense(32), Antirectifier()]
    )
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(10))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    metrics = [keras.metrics.SparseCategoricalAccuracy()]
    model.compile(keras.optimizers.RMSprop(), loss=loss, metrics=metrics)
    fit = {"x": of.x, "y": of.y, "batch_size": 32, "epochs": 12, "validation_split": 0.15}
    return Training(model, fit, parts.accuracy(model, of.x_val, of.y_val))


@healthy("examples/keras_recipes/memory_efficient_embeddings.py")
def mixed_dimensions(rng: np.random.Generator) -> Training:
    users, films = rng.normal(size=(40, 2)), rng.normal(size=(50, 2))
    user, film = rng.integers(0, 40, 2500), rng.integers(0, 50, 2500)
    rating = (users[user] * films[film]).sum(1) + 0.3 * rng.normal(size=2500)
    inputs = [keras.Input((), dtype="int32", name=name) for name in ("user", "film")]
    left = layers.Embedding(8, 12)(inputs[0] % 8) * layers.Embedding(5, 12)(inputs[0] // 8)
    right = layers.Dense(12, use_bias=False)(layers.Embedding(50, 6)(inputs[1]))
    output = layers.Dot(axes=1)([left, right])
    model = keras.Model(inputs, output)
    model.compile(keras.optimizers.Adam(1e-2), "mse", metrics=["mae"])
    x = {"user": user.astype("int32"), "film": film.astype("int32")}
    fit = {"x": x, "y": rating, "epochs": 15, "validation_split": 0.15}
    return Training(model, fit, lambda logs: 1 - logs["val_loss"][-1] / float(rating.var()))


@healthy("examples/graph/gnn_citations.py")
def citations(rng: np.random.Generator) -> Training:
    n = 300
    y = rng.integers(0, 4, n)
    same = y[:, None] == y[None]
    edges = rng.random((n, n)) < np.where(same, 0.05, 0.005)
    around = (edges | edges.T).astype("float32")
    around /= np.maximum(around.sum(1, keepdims=True), 1)
    words = (rng.random((n, 30)) < 0.1) | (rng.random((n, 30)) < 0.25) & (
        rng.integers(0, 4, 30) == y[:, None]
    )
    states, around = ops.convert_to_tensor(words.astype("float32")), ops.convert_to_tensor(around)

    class Graph(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first = layers.Dense(24, activation="gelu")
            self.second = layers.Dense(24, activation="gelu")
            self.last = layers.Dense(4)

        def call(self, nodes: Any) -> Any:
            h = self.first(states)
            h = h + self.second(ops.matmul(around, h))
            return ops.take(self.last(h), ops.cast(nodes, "int32"), axis=0)

    model = Graph()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="acc")
    model.compile(keras.optimizers.Adam(1e-2), loss, metrics=[accuracy])
    nodes = np.arange(n)
    fit = {"x": nodes[:200], "y": y[:200], "epochs": 25, "validation_data": (nodes[200:], y[200:])}
    return Training(model, fit, lambda logs: logs["val_acc"][-1])


@healthy("examples/graph/node2vec_movielens.py")
def nodes_as_vectors(rng: np.random.Generator) -> Training:
    n = 2000
    group = rng.integers(0, 5, 50)
    target, context = rng.integers(0, 50, n), rng.integers(0, 50, n)
    y = ((group[target] == group[context]) ^ (rng.random(n) < 0.05)).astype("float32")
    inputs = [keras.Input((), dtype="int32", name=name) for name in ("target", "context")]
    table = layers.Embedding(50, 12, embeddings_initializer="he_normal")
    output = layers.Dot(axes=1)([table(one) for one in inputs])
    model = keras.Model(inputs, output)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(1e-2), loss=loss)
    x = {"target": target.astype("int32"), "context": context.astype("int32")}
    fit = {"x": x, "y": y, "sample_weight": np.ones(n, "float32"), "epochs": 15}
    return Training(model, fit, lambda logs: 1 - logs["loss"][-1] / logs["loss"][0])
