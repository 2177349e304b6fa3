"""Healthy programs: small versions of common training runs.

Each learns its task in a few seconds. `python benchmarks/diagnosis check` trains them without
Babysitter and reports those that do not reach their aim.
"""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from benchmarks.diagnosis import data, nets, own_steps
from benchmarks.diagnosis.program import Label, Program, Split
from benchmarks.diagnosis.recipe import Recipe
from benchmarks.diagnosis.stream import Stream

SEEDS = range(3)

# --------------------------------------------------------------------------------- data, losses

squared_error = "mean_squared_error"


def bundled(name: str, **settings: Any) -> Callable[[np.random.Generator], Split]:
    """Return a data set of scikit-learn, with a different split per seed."""
    return lambda rng: data.bundled(name, seed=int(rng.integers(1000)), **settings)


def generated(
    make: Callable[..., Split], n: int, **settings: Any
) -> Callable[[np.random.Generator], Split]:
    return lambda rng: make(rng, n, **settings)


def times(factor: float, inner: Callable[[np.random.Generator], Split], shift: float = 0.0) -> Any:
    """Return the data with inputs multiplied and shifted."""

    def make(rng: np.random.Generator) -> Split:
        split = inner(rng)
        return split._replace(x=split.x * factor + shift, x_val=split.x_val * factor + shift)

    return make


def to_itself(inner: Callable[[np.random.Generator], Split]) -> Any:
    """Return the data with the inputs as targets."""

    def make(rng: np.random.Generator) -> Split:
        split = inner(rng)
        return Split(split.x, split.x, split.x_val, split.x_val)

    return make


def in_triplets(inner: Callable[[np.random.Generator], Split]) -> Any:
    """Return each example with another one of its class and one of a different class."""

    def three(x: Any, y: Any, rng: np.random.Generator) -> Any:
        rows = {c: np.flatnonzero(y == c) for c in np.unique(y)}
        others = {c: np.flatnonzero(y != c) for c in rows}
        alike, apart = ([rng.choice(of[c]) for c in y] for of in (rows, others))
        return np.stack([x, x[alike], x[apart]], axis=1)

    def make(rng: np.random.Generator) -> Split:
        split = inner(rng)
        return split._replace(
            x=three(split.x, split.y, rng), x_val=three(split.x_val, split.y_val, rng)
        )

    return make


def imputed(fraction: float, inner: Callable[[np.random.Generator], Split]) -> Any:
    """Return the data with missing values set to 0, their mean, and columns that say which."""

    def hide(x: Any, rng: np.random.Generator) -> Any:
        is_missing = rng.random(x.shape) < fraction
        return np.concatenate([np.where(is_missing, 0, x), is_missing], axis=1)

    def make(rng: np.random.Generator) -> Split:
        split = inner(rng)
        return split._replace(x=hide(split.x, rng), x_val=hide(split.x_val, rng))

    return make


def without_validation(inner: Callable[[np.random.Generator], Split]) -> Any:
    return lambda rng: inner(rng)._replace(x_val=None, y_val=None)


def next_values(rng: np.random.Generator, n: int) -> Split:
    """Return windows of noisy sines of different frequency, and the next value."""
    pace, start = rng.uniform(0.2, 0.6, (n + n // 4, 1)), rng.uniform(0, 6, (n + n // 4, 1))
    series = np.sin(pace * np.arange(17) + start) + rng.normal(0, 0.05, (n + n // 4, 17))
    return data.head(series[:, :16, None], series[:, 16:], n)


def counts(rng: np.random.Generator, n: int) -> Split:
    x = rng.normal(size=(n + n // 4, 6))
    return data.head(x, rng.poisson(np.exp(0.5 * x[:, 0] + 0.5 * x[:, 1])).astype(float), n)


def mixed(inner: Callable[[np.random.Generator], Split]) -> Any:
    """Return the data with training examples and labels mixed in pairs (mixup)."""

    def make(rng: np.random.Generator) -> Split:
        split = inner(rng)
        order, kept = rng.permutation(len(split.x)), rng.beta(0.4, 0.4, len(split.x))
        x, y = ((part.T * kept + part[order].T * (1 - kept)).T for part in (split.x, split.y))
        return split._replace(x=x, y=y)

    return make


def clicks(rng: np.random.Generator, n: int) -> Split:
    """Return rare events with a probability of 4 % on average, and below 50 % for each."""
    x = rng.normal(size=(n + n // 4, 10))
    likely = 1 / (1 + np.exp(4 - x[:, 0] - x[:, 1]))
    return data.head(x, (rng.random(len(x)) < likely).astype(float), n)


def rare_labels(rng: np.random.Generator, n: int) -> Split:
    """Return many labels, each true for about 5 % of the examples, mostly at random."""
    x = rng.normal(size=(n + n // 4, 15))
    likely = 1 / (1 + np.exp(3 - 0.5 * x @ np.random.default_rng(6).normal(size=(15, 12))))
    return data.head(x, (rng.random(likely.shape) < likely).astype(float), n)


def held_out_as(function: Callable[[Any], Any], inner: Any) -> Any:
    """Return the data with validation inputs of other users, or of a later time."""

    def make(rng: np.random.Generator) -> Split:
        split = inner(rng)
        return split._replace(x_val=function(split.x_val))

    return make


def oversampled(inner: Callable[[np.random.Generator], Split]) -> Any:
    """Return the data with training examples of the rare class repeated, one in three then."""

    def make(rng: np.random.Generator) -> Split:
        split = inner(rng)
        rare, common = np.flatnonzero(split.y == 1), np.flatnonzero(split.y == 0)
        rows = rng.permutation(np.concatenate([common, rng.choice(rare, len(common) // 2)]))
        return split._replace(x=split.x[rows], y=split.y[rows])

    return make


def ever_stronger(x: Any, y: Any, epoch: int) -> None:
    """Change a batch as a curriculum does: noise that grows with the epochs."""
    x += np.random.default_rng(epoch).normal(0, 0.01 * min(epoch, 5), x.shape)


def skewed(rng: np.random.Generator, n: int) -> Split:
    """Return amounts with multiplicative noise: most are small, a few are huge."""
    x = rng.normal(size=(n + n // 4, 8))
    return data.head(x, np.exp(0.5 * x[:, 0] + 0.3 * x[:, 1] + rng.normal(size=len(x))), n)


def number_and_kind(rng: np.random.Generator, n: int) -> Split:
    """Return a number of standard deviation 1, and a yes or no that depends on other inputs."""
    x = rng.normal(size=(n + n // 4, 10))
    size = np.tanh(x[:, 0]) + 0.75 * rng.normal(size=len(x))
    kind = (x[:, 1] * x[:, 2] + 0.2 * rng.normal(size=len(x)) > 0).astype(float)
    y = {"size": size[:, None] / size.std(), "kind": kind[:, None]}
    first, later = ({k: part[s] for k, part in y.items()} for s in (slice(n), slice(n, None)))
    return Split(x[:n], first, x[n:], later)


def losses_of_heads(size: Any = squared_error, kind: Any = "binary_crossentropy") -> Any:
    """Return what makes the losses of two outputs."""
    return lambda: {"size": size, "kind": kind}


def a_tenth_of_squares(y_true: Any, y_pred: Any) -> Any:
    return 0.1 * ops.mean(ops.square(y_true - y_pred), axis=-1)


def pinball(y_true: Any, y_pred: Any) -> Any:
    """Return the loss that is minimized by the 90 % quantile."""
    residual = y_true - y_pred
    return ops.mean(ops.maximum(0.9 * residual, -0.1 * residual))


def triplet(pushes: bool = True, margin: float = 1.0) -> Callable[[Any, Any], Any]:
    """Return a triplet loss over all pairs of a batch; without `pushes` it only pulls together."""

    def loss(y: Any, z: Any) -> Any:
        z = ops.cast(z, "float32")
        squares = ops.sum(ops.square(z[:, None] - z[None]), axis=-1)
        y = ops.reshape(y, (-1,))
        is_same = ops.cast(ops.equal(y[:, None], y[None]), "float32")
        near = ops.sum(squares * is_same, axis=1) / ops.sum(is_same, axis=1)
        if not pushes:
            return near
        is_other = 1 - is_same
        cost = ops.relu(margin + near[:, None] - squares) * is_other
        return ops.sum(cost, axis=1) / ops.maximum(ops.sum(is_other, axis=1), 1.0)

    return loss


digits = bundled("digits", scale="div16", one_hot_labels=True)
digits_numbered = bundled("digits", scale="div16")
digits_standard = bundled("digits", one_hot_labels=True)
images = bundled("digits", scale="div16", one_hot_labels=True, image=True)
iris = bundled("iris", one_hot_labels=True)
wine = bundled("wine", one_hot_labels=True)
cancer = bundled("breast_cancer")
diabetes = bundled("diabetes", target="standard")

crossentropy = keras.losses.CategoricalCrossentropy
binary = keras.losses.BinaryCrossentropy
squared = keras.losses.MeanSquaredError
sparse = keras.losses.SparseCategoricalCrossentropy

# ---------------------------------------------------------------------------------- optimizers

adam = keras.optimizers.Adam
sgd = keras.optimizers.SGD
momentum = functools.partial(keras.optimizers.SGD, momentum=0.9)
nesterov = functools.partial(keras.optimizers.SGD, momentum=0.9, nesterov=True)
adamw = functools.partial(keras.optimizers.AdamW, weight_decay=0.01)


def cosine(rate: float, steps: int) -> Any:
    return keras.optimizers.schedules.CosineDecay(rate, steps)


def warm_up(rate: float, steps: int) -> Any:
    return keras.optimizers.schedules.CosineDecay(
        1e-6, steps - steps // 5, warmup_target=rate, warmup_steps=steps // 5
    )


def halving(rate: float, steps: int) -> Any:
    return keras.optimizers.schedules.ExponentialDecay(rate, steps // 4, 0.5, staircase=True)


# ---------------------------------------------------------------------------------- the recipes

DIGITS = Recipe(
    "digits-mlp",
    digits,
    nets.mlp,
    {"outputs": 10, "last": "softmax"},
    crossentropy,
    adam,
    1e-3,
)
CNN = DIGITS.having(
    name="digits-cnn", data=images, net=nets.cnn, options={"units": ()}, rate=2e-3, epochs=12
)
RESNET = CNN.having(name="digits-resnet-bn", net=nets.resnet, options={"norm": "batch"}, epochs=10)
REGRESSION = Recipe(
    "friedman-mlp",
    generated(data.friedman, 1500),
    nets.mlp,
    {"outputs": 1},
    squared,
    adam,
    1e-3,
    metrics=("mae",),
    task="value",
    aim=0.85,
    epochs=20,
)
TWO_CLASSES = Recipe(
    "cancer-mlp",
    cancer,
    nets.mlp,
    {"outputs": 1, "last": "sigmoid", "units": (16,)},
    binary,
    adam,
    1e-3,
    epochs=30,
    aim=0.93,
)
SERIES = TWO_CLASSES.having(
    name="series-lstm",
    data=generated(data.sequences, 1500),
    net=nets.recurrent,
    rate=0.01,
    epochs=12,
)
WORDS = TWO_CLASSES.having(
    name="words-mean",
    data=generated(data.tokens, 2000),
    net=nets.bag_of_words,
    options={"words": 200},
    rate=0.02,
    epochs=12,
    aim=0.88,
)
SPIRALS = TWO_CLASSES.having(
    name="spirals-mlp",
    data=generated(data.spirals, 1200),
    options={"units": (64, 64)},
    rate=5e-3,
    epochs=40,
    aim=0.95,
)

HEADS = REGRESSION.having(
    name="heads-mlp",
    data=generated(number_and_kind, 2000),
    net=nets.two_heads,
    options={"units": (16, 8)},
    loss=losses_of_heads(),
    metrics=(),
    epochs=30,
    rate=3e-3,
    aim=0.55,
)
TRIPLET = DIGITS.having(
    name="digits-triplet",
    data=digits_numbered,
    options={"outputs": 16, "last": None, "units": (64,)},
    loss=triplet,
    metrics=(),
    batch_size=64,
    epochs=12,
    task="near",
    aim=0.9,
)
TAGS = Recipe(
    "words-tagger",
    generated(data.tagged, 800),
    nets.step_by_step,
    {"outputs": 6, "last": "softmax", "words": 100, "mask_zero": True},
    keras.losses.SparseCategoricalCrossentropy,
    adam,
    1e-2,
    epochs=8,
    task="steps",
)
LETTERS = TAGS.having(
    name="letters-lstm",
    data=generated(data.letters, 1000),
    options={"outputs": 12, "words": 12, "mask_zero": False},
    aim=0.5,
)
LEVELS = WORDS.having(
    name="levels-lstm",
    data=generated(data.levels, 1200),
    net=nets.recurrent,
    options={"words": 6},
    rate=0.01,
    epochs=10,
    aim=0.9,
)
TEXTS = WORDS.having(
    name="texts-lstm",
    data=generated(data.padded_behind, 1200),
    net=nets.recurrent,
    options={"words": 50, "mask_zero": True},
    rate=0.01,
    epochs=6,
    aim=0.8,
)
HALVES = WORDS.having(
    name="halves-transformer",
    data=generated(data.halves, 1500),
    net=nets.transformer,
    options={"words": 10},
    rate=4e-3,
    epochs=8,
    aim=0.85,
)
WAVE = REGRESSION.having(
    name="wave-gru",
    data=generated(data.wave, 800),
    net=nets.recurrent,
    options={"kind": "GRU"},
    rate=0.01,
    epochs=15,
)
CITIES = REGRESSION.having(
    name="cities-mlp",
    data=generated(data.cities, 1200),
    options={"units": (32,)},
    rate=5e-3,
    epochs=12,
    aim=0.85,
)
CITY_CLASSES = TWO_CLASSES.having(
    name="cities-classes",
    data=generated(data.cities, 1200, classes=True),
    options={"units": (32,)},
    rate=5e-3,
    epochs=12,
    aim=0.85,
)
SHOPS = REGRESSION.having(
    name="shops-mlp",
    data=generated(data.shops, 1000),
    options={"units": (32,)},
    rate=3e-3,
    epochs=12,
    aim=0.6,
)
SHOP_CLASSES = TWO_CLASSES.having(
    name="shops-classes",
    data=generated(data.shops, 1000, classes=True),
    options={"units": (32,)},
    rate=3e-3,
    epochs=12,
    aim=0.7,
)
SMOOTH = WAVE.having(
    name="smooth-mlp",
    data=generated(data.smoothed, 800),
    net=nets.mlp,
    options={"units": (16,)},
    rate=2e-3,
    epochs=8,
    aim=-0.1,
)
PEOPLE = TWO_CLASSES.having(
    name="people-mlp",
    data=generated(data.people, 1600),
    rate=2e-3,
    epochs=6,
    aim=0.7,
)
CONTINUED = REGRESSION.having(
    name="continued-lstm",
    data=generated(data.continued, 1280),
    net=nets.carried,
    options={"batch": 32},
    rate=0.01,
    fit={"shuffle": False},
    epochs=20,
    aim=0.6,
)

HE = "he_normal"


def wide_first(index: int) -> Any:
    """Return an initializer that makes tanh units nonlinear within the range of the spirals."""
    return keras.initializers.RandomNormal(stddev=3.0 if index == 0 else 0.15)


RECIPES = [
    # Activations, on one task.
    DIGITS,
    DIGITS.having(name="digits-mlp-elu", options={"activation": "elu"}),
    DIGITS.having(name="digits-mlp-leaky", options={"activation": "leaky_relu"}),
    DIGITS.having(name="digits-mlp-prelu", options={"activation": "prelu"}),
    DIGITS.having(name="digits-mlp-maxout", options={"pieces": 2}),
    DIGITS.having(
        name="digits-mlp-gelu-adamw", options={"activation": "gelu"}, optimizer=adamw, rate=3e-3,
        schedule=cosine,
    ),
    DIGITS.having(
        name="digits-mlp-tanh-momentum", options={"activation": "tanh"}, optimizer=momentum,
        rate=0.02,
    ),
    DIGITS.having(
        name="digits-mlp-sigmoid", options={"activation": "sigmoid", "units": (64,)}, rate=0.01
    ),
    DIGITS.having(
        name="digits-selu-deep",
        options={"activation": "selu", "units": (32,) * 6, "kernel": "lecun_normal"},
    ),
    DIGITS.having(name="digits-relu-deep", options={"units": (64,) * 6, "kernel": HE}, epochs=8),
    # Optimizers and schedules.
    DIGITS.having(name="digits-mlp-sgd", optimizer=sgd, rate=0.1),
    DIGITS.having(name="digits-mlp-momentum", optimizer=momentum, rate=0.02),
    DIGITS.having(name="digits-mlp-nesterov-halving", optimizer=nesterov, rate=0.05,
                  schedule=halving),
    DIGITS.having(name="digits-mlp-rmsprop", optimizer=keras.optimizers.RMSprop),
    DIGITS.having(name="digits-mlp-adagrad", optimizer=keras.optimizers.Adagrad, rate=0.05),
    DIGITS.having(name="digits-mlp-warm-up", rate=5e-3, schedule=warm_up),
    DIGITS.having(
        name="digits-mlp-clipped",
        optimizer=functools.partial(keras.optimizers.SGD, momentum=0.9, clipnorm=1.0),
        rate=0.05,
        epochs=8,
    ),
    # Regularisation and norms.
    DIGITS.having(
        name="digits-mlp-dropout", options={"units": (128, 128), "dropout": 0.3}, epochs=25
    ),
    DIGITS.having(name="digits-mlp-l2",
                  options={"penalty": lambda index: keras.regularizers.L2(1e-4)}),
    DIGITS.having(
        name="digits-mlp-bn", options={"units": (64,) * 4, "norm": "batch"}, rate=2e-3, epochs=15
    ),
    DIGITS.having(name="digits-mlp-ln", options={"units": (64,) * 3, "norm": "layer"}, epochs=15),
    DIGITS.having(
        name="digits-mlp-smoothing",
        loss=lambda: keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
    ),
    # Batches, steps and precision.
    DIGITS.having(name="digits-mlp-full-batch", batch_size=1400, epochs=200, rate=5e-3),
    DIGITS.having(name="digits-mlp-large-batch", batch_size=256, epochs=80, rate=3e-3),
    DIGITS.having(name="digits-mlp-small-batch", batch_size=4, epochs=4),
    DIGITS.having(name="digits-mlp-long", epochs=60, rate=3e-4,
                  options={"units": (128,), "dropout": 0.3}),
    DIGITS.having(name="digits-mlp-bfloat16", policy="mixed_bfloat16", epochs=12),
    DIGITS.having(name="digits-mlp-float16", policy="mixed_float16", epochs=12),
    DIGITS.having(name="digits-cnn-float16", data=images, net=nets.cnn, policy="mixed_float16",
                  epochs=5, rate=2e-3),
    DIGITS.having(name="digits-mlp-no-validation", data=without_validation(digits)),
    DIGITS.having(
        name="digits-mlp-logits", data=digits_numbered, options={"last": None},
        loss=lambda: sparse(from_logits=True),
    ),
    DIGITS.having(name="digits-mlp-standardised", data=digits_standard, epochs=12,
                  options={"dropout": 0.2}),
    DIGITS.having(
        name="digits-mlp-rescaled", data=times(16, digits),
        options={"first": (lambda: keras.layers.Rescaling(1 / 16),)},
    ),
    DIGITS.having(
        name="digits-mlp-bn-first", data=times(16, digits), epochs=15,
        options={"first": (keras.layers.BatchNormalization,), "dropout": 0.2},
    ),
    # Images.
    CNN,
    CNN.having(name="digits-cnn-bn", options={"norm": "batch", "momentum": 0.9}, epochs=8),
    CNN.having(name="digits-cnn-swish-dropout", options={"activation": "swish", "dropout": 0.3}),
    CNN.having(name="digits-cnn-prelu-sgd", options={"activation": "prelu"}, optimizer=momentum,
               rate=0.02),
    RESNET,
    RESNET.having(name="digits-resnet-bn-sgd", optimizer=momentum, rate=0.05, schedule=cosine),
    RESNET.having(name="digits-resnet-bn-small-batch", batch_size=8, epochs=3, rate=1e-3),
    # Auto-encoders.
    DIGITS.having(
        name="digits-autoencoder", data=to_itself(digits), loss=squared, task="value", aim=0.6,
        options={"outputs": 64, "last": None, "units": (32, 16, 32)}, metrics=(), epochs=25,
    ),
    DIGITS.having(
        name="digits-autoencoder-sigmoid", data=to_itself(digits), loss=binary, task="value",
        aim=0.6, options={"outputs": 64, "last": "sigmoid", "units": (32, 16, 32)}, metrics=(),
        epochs=25, rate=2e-3,
    ),
    REGRESSION.having(
        name="plane-autoencoder-tanh", data=generated(data.low_rank, 1200), aim=0.88, metrics=(),
        options={"outputs": 30, "units": (16, 4, 16), "activation": "tanh"}, rate=3e-3, epochs=30,
    ),
    # Metric learning.
    TRIPLET,
    TRIPLET.having(name="digits-triplet-wide", options={"units": (128, 64)}),
    TRIPLET.having(name="digits-triplet-sgd", optimizer=momentum, rate=0.02),
    # Recurrent nets, transformers, words.
    SERIES,
    SERIES.having(name="series-gru", options={"kind": "GRU"}),
    SERIES.having(
        name="series-lstm-both-ways", options={"both_ways": True, "units": (8,)}, epochs=6
    ),
    SERIES.having(name="series-lstm-stack", options={"units": (12, 12)}, epochs=5),
    SERIES.having(name="series-rnn", options={"kind": "SimpleRNN"}, rate=3e-3),
    SERIES.having(name="series-conv", net=nets.conv1d, rate=5e-3, aim=0.9),
    REGRESSION.having(
        name="next-value-gru", data=generated(next_values, 1200), net=nets.recurrent, aim=0.95,
        options={"kind": "GRU"}, rate=5e-3, epochs=12,
    ),
    WORDS,
    # Masks, order and time.
    TAGS,
    TAGS.having(name="words-tagger-both-ways", options={"both_ways": True}),
    TAGS.having(name="words-tagger-gru-long", options={"kind": "GRU"},
                data=generated(data.tagged, 600, length=40)),
    LETTERS,
    LETTERS.having(name="letters-conv", options={"kind": "Conv1D"}),
    LETTERS.having(name="letters-attention", options={"kind": "attention"}),
    LEVELS,
    LEVELS.having(name="levels-gru", options={"kind": "GRU"}),
    LEVELS.having(name="spikes-lstm", data=generated(data.spikes, 1200), options={"words": None},
                  epochs=15),
    TEXTS,
    TEXTS.having(name="texts-gru", options={"kind": "GRU"}),
    TEXTS.having(name="texts-rnn", options={"kind": "SimpleRNN"}, rate=3e-3),
    HALVES,
    HALVES.having(name="halves-transformer-one-block", options={"blocks": 1}),
    HALVES.having(name="halves-transformer-wide", options={"width": 32}, rate=2e-3),
    WAVE,
    WAVE.having(name="wave-mlp", net=nets.mlp),
    WAVE.having(name="wave-conv", net=nets.conv1d, rate=5e-3),
    CITIES,
    CITIES.having(name="cities-mlp-tanh", options={"activation": "tanh"}),
    CITY_CLASSES,
    SHOPS,
    SHOPS.having(name="shops-mlp-tanh", options={"activation": "tanh"}),
    SHOP_CLASSES,
    SMOOTH,
    SMOOTH.having(name="smooth-gru", net=nets.recurrent, options={"kind": "GRU"}),
    SMOOTH.having(name="smooth-conv", net=nets.conv1d, rate=3e-3),
    PEOPLE,
    PEOPLE.having(name="people-mlp-tanh", options={"activation": "tanh"}),
    PEOPLE.having(name="people-mlp-many", data=generated(data.people, 2000, each=4)),
    CONTINUED,
    CONTINUED.having(name="continued-gru", options={"kind": "GRU"}),
    CONTINUED.having(name="continued-rnn", options={"kind": "SimpleRNN"}, rate=3e-3),
    WORDS.having(name="words-lstm", net=nets.recurrent, rate=5e-3, epochs=6, aim=0.8),
    DIGITS.having(name="digits-transformer", net=nets.transformer, data=images, epochs=14,
                  rate=4e-3, schedule=cosine, options={"width": 32}),
    WORDS.having(name="words-transformer", net=nets.transformer, rate=2e-3, epochs=3, aim=0.8),
    # Two classes, several labels, tables; small, noisy and imbalanced data.
    TWO_CLASSES,
    TWO_CLASSES.having(name="cancer-logistic", options={"units": ()}, rate=0.01),
    TWO_CLASSES.having(name="cancer-logits", options={"last": None},
                       loss=lambda: binary(from_logits=True)),
    TWO_CLASSES.having(name="cancer-mlp-full-batch", batch_size=426, epochs=100, rate=0.01,
                       options={"penalty": lambda index: keras.regularizers.L2(1e-3)}),
    SPIRALS,
    SPIRALS.having(name="spirals-tanh", options={"activation": "tanh", "kernel": wide_first}),
    SPIRALS.having(name="spirals-maxout", options={"pieces": 2, "units": (16, 16)}),
    SPIRALS.having(name="spirals-prelu", options={"activation": "prelu", "units": (32, 32)}),
    DIGITS.having(
        name="wine-mlp", data=wine, options={"outputs": 3, "units": (16,)}, batch_size=16,
        epochs=40, rate=2e-3,
    ),
    DIGITS.having(
        name="iris-tanh-sgd", data=iris, batch_size=8, epochs=40, optimizer=sgd, rate=0.05,
        options={"outputs": 3, "units": (8,), "activation": "tanh"}, aim=0.88,
    ),
    TWO_CLASSES.having(name="noise-mlp", data=generated(data.noisy_labels, 3000), epochs=8,
                       options={"units": (8,)}, aim=0.6),
    TWO_CLASSES.having(name="rare-mlp", data=generated(data.imbalanced, 3000), epochs=20,
                       rate=3e-3, aim=0.8),
    TWO_CLASSES.having(name="rare-mlp-weighted", data=generated(data.imbalanced, 3000), epochs=20,
                       rate=3e-3, aim=0.8, fit={"class_weight": {0: 0.5, 1: 8.0}}),
    TWO_CLASSES.having(name="rare-mlp-oversampled", data=oversampled(
        generated(data.imbalanced, 3000)), epochs=12, rate=3e-3, aim=0.8),
    DIGITS.having(name="digits-mlp-darker", data=held_out_as(lambda x: 0.7 * x, digits), aim=0.85),
    DIGITS.having(name="digits-mlp-stream", stream=Stream),
    DIGITS.having(name="digits-mlp-curriculum",
                  stream=functools.partial(Stream, spoil=ever_stronger)),
    TWO_CLASSES.having(name="cancer-mlp-others", aim=0.85,
                       data=held_out_as(lambda x: 1.1 * x + 0.3, cancer)),
    TWO_CLASSES.having(name="labels-mlp", data=generated(data.multi_label, 1500), task="labels",
                       options={"outputs": 5, "units": (32,)}, rate=3e-3, epochs=20,
                       metrics=("binary_accuracy",), aim=0.88),
    # Soft labels, custom losses, rare events.
    DIGITS.having(name="digits-mlp-mixed", data=mixed(digits), aim=0.9),
    TWO_CLASSES.having(name="cancer-mlp-mixed", data=mixed(cancer), aim=0.9,
                       options={"last": None}, loss=lambda: binary(from_logits=True)),
    TWO_CLASSES.having(name="clicks-mlp", data=generated(clicks, 6000), epochs=8,
                       options={"units": (16,)}, metrics=("AUC",), aim=0.9),
    TWO_CLASSES.having(name="labels-rare", data=generated(rare_labels, 3000), task="labels",
                       options={"outputs": 12, "units": (16,)}, epochs=8, metrics=("AUC",),
                       aim=0.9),
    REGRESSION.having(name="skewed-mae", data=generated(skewed, 3000), epochs=10, aim=-0.1,
                      options={"units": (32,)}, loss=keras.losses.MeanAbsoluteError),
    REGRESSION.having(name="friedman-pinball", loss=lambda: pinball, aim=0.3, metrics=()),
    # Several outputs.
    HEADS,
    HEADS.having(name="heads-mlp-weighted", loss=losses_of_heads(size=a_tenth_of_squares)),
    HEADS.having(name="heads-mlp-tanh", options={"activation": "tanh"}),
    # Regression.
    REGRESSION,
    REGRESSION.having(name="friedman-sgd", optimizer=sgd, rate=0.05),
    REGRESSION.having(name="friedman-imputed", aim=0.6,
                      data=imputed(0.1, generated(data.friedman, 1500))),
    REGRESSION.having(name="friedman-maxout", options={"pieces": 2, "units": (32,)}, rate=3e-3),
    REGRESSION.having(name="friedman-huber", loss=keras.losses.Huber, optimizer=momentum,
                      rate=0.02),
    REGRESSION.having(name="diabetes-mlp", data=diabetes, options={"units": (16,)}, epochs=25,
                      aim=0.35),
    REGRESSION.having(name="sine-tanh", data=generated(data.sine, 800), epochs=60, rate=1e-2,
                      options={"activation": "tanh"}, aim=0.93),
    REGRESSION.having(name="counts-poisson", data=generated(counts, 2000), aim=0.3,
                      options={"last": "exponential", "units": (16,)}, epochs=12, rate=3e-3,
                      loss=keras.losses.Poisson, metrics=()),
]  # fmt: skip
"""Every healthy base."""


WEAK_PENALTY = {"model": own_steps.Stepping, "penalty": lambda index: keras.regularizers.L2(1e-4)}

GAN = Recipe(
    "ring-gan",
    generated(own_steps.ring, 2000),
    own_steps.adversarial,
    {},
    lambda: None,
    adam,
    1e-3,
    batch_size=64,
    epochs=15,
    metrics=(),
    task="samples",
    aim=0.5,
)

VARIATIONAL = GAN.having(
    name="digits-variational",
    data=to_itself(digits),
    net=own_steps.variational,
    rate=3e-3,
    batch_size=32,
    epochs=15,
    task="value",
    aim=0.2,
)

DENOISING = GAN.having(
    name="ring-denoising",
    net=own_steps.denoising,
    rate=3e-3,
    task="value",
    aim=0.5,
)

DISTILLING = GAN.having(
    name="digits-distilling",
    data=digits,
    net=own_steps.distilling,
    options={"outputs": 10},
    before=(own_steps.taught(keras.losses.CategoricalCrossentropy(from_logits=True)),),
    rate=3e-3,
    batch_size=32,
    epochs=30,
    task="class",
    aim=0.85,
)

TRIPLETS = GAN.having(
    name="digits-triplets",
    data=in_triplets(digits_numbered),
    net=own_steps.triplets,
    batch_size=32,
    task="near",
    aim=0.85,
)

OWN = [
    DIGITS.having(name="digits-following", net=own_steps.following, metrics=()),
    REGRESSION.having(name="friedman-following", net=own_steps.following, metrics=()),
    TWO_CLASSES.having(name="cancer-following", net=own_steps.following, metrics=()),
    DIGITS.having(name="digits-own-step", options=WEAK_PENALTY, metrics=()),
    REGRESSION.having(name="friedman-own-step", options=WEAK_PENALTY, metrics=()),
    TWO_CLASSES.having(name="cancer-own-step", options=WEAK_PENALTY, metrics=()),
    GAN,
    GAN.having(name="ring-gan-wide", options={"units": (64,)}),
    GAN.having(name="ring-gan-noise", options={"noise": 8}),
    VARIATIONAL,
    VARIATIONAL.having(name="digits-variational-wide", options={"units": 96, "code": 8}),
    VARIATIONAL.having(name="plane-variational", data=generated(data.low_rank, 1200)),
    GAN.having(name="ring-gan-hard-labels", options={"targets": (1.0, 0.0)}),
    DENOISING,
    DENOISING.having(name="digits-denoising", data=to_itself(times(2.0, digits, shift=-1.0)),
                     options={"units": (128, 128)}, optimizer=adamw, epochs=30),
    DENOISING.having(name="cancer-denoising", data=to_itself(cancer), options={"units": (96,)},
                     optimizer=keras.optimizers.RMSprop, rate=1e-3, batch_size=16, epochs=40),
    DISTILLING,
    DISTILLING.having(name="friedman-distilling", data=generated(data.friedman, 1500),
                      options={"outputs": 1, "units": (24,)},
                      before=(own_steps.taught(squared_error),), optimizer=momentum, rate=0.02,
                      task="value", aim=0.8),
    DISTILLING.having(name="cancer-distilling", data=cancer,
                      options={"outputs": 1, "units": (8,)},
                      before=(own_steps.taught(keras.losses.BinaryCrossentropy(from_logits=True)),),
                      optimizer=keras.optimizers.RMSprop, rate=1e-3, aim=0.9),
    TRIPLETS,
    TRIPLETS.having(name="wine-triplets", data=in_triplets(bundled("wine")), batch_size=16,
                    options={"units": (16,), "code": 4}, optimizer=momentum, rate=0.02, epochs=30),
    TRIPLETS.having(name="cancer-triplets", data=in_triplets(cancer),
                    options={"units": (32, 32), "code": 16, "margin": 0.2}, optimizer=adamw),
]  # fmt: skip
"""Bases with a training step of their own, which not every backend runs."""


def find(name: str) -> Recipe:
    """Return the recipe of a name."""
    return next(r for r in [*RECIPES, *OWN, *TUNED] if r.name == name)


def runs_here(recipe: Recipe) -> bool:
    """Return whether the backend in use trains a recipe."""
    return own_steps.RUNS_HERE or recipe.name not in {one.name for one in OWN}


# ----------------------------------------------------------------------------------- fine-tuning


def pretrain(model: keras.Model, split: Split, *, frozen: bool) -> None:
    """Train on the digits below 5, then replace the head; freeze the rest or not."""
    is_low = split.y.argmax(axis=1) < 5
    model.compile("adam", "categorical_crossentropy")
    model.fit(split.x[is_low], split.y[is_low], epochs=8, verbose=0)
    *body, head = model.layers
    head.kernel.assign(keras.initializers.GlorotUniform()(head.kernel.shape))
    head.bias.assign(ops.zeros_like(head.bias))
    for layer in body:
        layer.trainable = not frozen


TUNED = [
    DIGITS.having(
        name="digits-tuned-frozen", before=(functools.partial(pretrain, frozen=True),), rate=3e-3,
        aim=0.85, epochs=30,
    ),
    DIGITS.having(
        name="digits-tuned-all", before=(functools.partial(pretrain, frozen=False),), rate=3e-4
    ),
    CNN.having(
        name="digits-cnn-tuned-frozen", before=(functools.partial(pretrain, frozen=True),),
        rate=3e-3,
    ),
]  # fmt: skip
"""Bases that start from weights of another task."""


def recipes() -> dict[str, Recipe]:
    """Return the recipe of each healthy program by its id."""
    every = filter(runs_here, [*RECIPES, *OWN, *TUNED])
    return {f"{recipe.name}-{seed}": recipe for recipe in every for seed in SEEDS}


def programs() -> list[Program]:
    """Return every base with every seed."""
    return [
        Program(
            id=name,
            family=f"zoo-{recipe.name}",
            part="healthy",
            label=Label(),
            build=functools.partial(recipe.build, int(name.rsplit("-", 1)[1])),
        )
        for name, recipe in recipes().items()
    ]
