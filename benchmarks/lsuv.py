"""`make bench-lsuv`: whether `lsuv` damages a model, and whether it changes how well one trains.

    KERAS_BACKEND=torch python -m benchmarks.lsuv run [--nets dense ...]
    KERAS_BACKEND=torch python -m benchmarks.lsuv train [--nets dense ...]
    python -m benchmarks.lsuv table [--write]

Each network is scaled on 256 of its examples, with `force=True` where its signal is not lost. The
loss is measured here on 1,024, not read from the result. It may be at most three times as large
afterwards, unless `lsuv` has put the weights back. `train` trains networks that learn well from
Keras' weights, and networks whose signal is lost: from Keras' weights, with `lsuv`, and with
`lsuv(force=True)`, with some seeds and the same batches, and compares the loss on 1,024 further
examples. Results are kept in `.lsuv/`; `--write` puts the tables into docs/initializers.md.
"""

import argparse
import functools
import json
import math
import pathlib

import keras
import numpy as np
from keras import layers, ops

from benchmarks.overhead import ROOT, write
from keras_babysit.initializers import lsuv
from keras_babysit.layers import Maxout

FOLDER = pathlib.Path(".lsuv")
PAGE = ROOT / "docs" / "initializers.md"
EXAMPLES, SCALED_ON = 1024, 256
EPOCHS = 10
SEEDS = range(3)
MAX_RATIO = 3.0  # of the losses after and before, as in the documentation of `lsuv`


# ------------------------------------------------------------------------------------------- data


def rows(mean=0.0, deviation=1.0, features=20, *, seed=0):
    """Return independent features, and whether a quadratic form of them is positive."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(EXAMPLES, features))
    y = z[:, 0] + z[:, 1] * z[:, 2] > 0
    return (mean + deviation * z).astype("float32"), y[:, None].astype("float32")


def images(noise=False, *, seed=0):
    """Return images of a bright patch, left or right, or of noise alone."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(EXAMPLES, 16, 16, 3))
    y = rng.integers(0, 2, EXAMPLES)
    if not noise:
        for image, label in zip(x, y, strict=True):
            row, column = rng.integers(0, 12), rng.integers(0, 4) + 8 * label
            image[row : row + 4, column : column + 4] += 2.0
    return x.astype("float32"), y[:, None].astype("float32")


def steps(length, filled, *, front=False, features=5, seed=0):
    """Return sequences of which some steps are filled, the others padding of zeros."""
    rng = np.random.default_rng(seed)
    x = np.zeros((EXAMPLES, length, features), "float32")
    values = rng.normal(size=(EXAMPLES, filled, features))
    x[:, -filled:] = values if front else 0.0
    if not front:
        x[:, :filled] = values
    return x, (values[:, :, 0].mean(axis=1) > 0)[:, None].astype("float32")


def words(length=20, *, seed=0):
    """Return sequences of words, and whether the first half holds more of the low ones."""
    x = np.random.default_rng(seed).integers(1, 50, (EXAMPLES, length))
    low = x < 25
    y = low[:, : length // 2].sum(1) > low[:, length // 2 :].sum(1)
    return x.astype("int32"), y[:, None].astype("float32")


def two_inputs(*, seed=0):
    x, y = rows(seed=seed)
    return [x[:, :8], 50 + 10 * x[:, 8:]], y


def to_itself(*, seed=0):
    x, _ = images(seed=seed)
    return x, x


# --------------------------------------------------------------------------------------- networks


def stack(shape, *hidden, dtype=None):
    return keras.Sequential(
        [keras.Input(shape, dtype=dtype), *hidden, layers.Dense(1, dtype="float32")]
    )


def dense(depth=3, units=64, activation="relu", **options):
    hidden = [layers.Dense(units, activation, **options) for _ in range(depth)]
    return stack((20,), *hidden)


def small(depth, **options):
    return dense(depth, kernel_initializer=keras.initializers.RandomNormal(stddev=0.01), **options)


def large():
    """Return layers of which each makes the signal several times as large."""
    initializer = keras.initializers.RandomNormal(stddev=1.0)
    return dense(6, kernel_initializer=initializer)


def large_biases():
    return dense(bias_initializer=keras.initializers.RandomNormal(stddev=5.0))


def constrained():
    return dense(kernel_constraint=keras.constraints.MaxNorm(0.5))


def half():
    return dense(4, dtype="mixed_float16")


def maxout():
    return stack((20,), *[Maxout(32, 2) for _ in range(3)])


def cnn():
    return stack(
        (16, 16, 3),
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(32, "relu"),
    )


def batch_norm():
    hidden = []
    for filters in (16, 16, 32):
        hidden.append(layers.Conv2D(filters, 3, padding="same", use_bias=False))
        hidden += [layers.BatchNormalization(), layers.ReLU()]
    return stack((16, 16, 3), *hidden, layers.Flatten())


def pooled(*hidden):
    return stack((16, 16, 3), *hidden, layers.GlobalAveragePooling2D(), layers.Dense(32, "relu"))


def noise_pooled():
    return pooled(*[layers.Conv2D(16, 3, activation="relu") for _ in range(3)])


def depthwise():
    hidden = []
    for _ in range(3):
        hidden += [layers.DepthwiseConv2D(3, padding="same"), layers.Conv2D(16, 1)]
        hidden.append(layers.ReLU())
    return pooled(*hidden)


def separable():
    return pooled(*[layers.SeparableConv2D(16, 3, activation="relu") for _ in range(3)])


def conv_1d():
    return stack(
        (20, 5), *[layers.Conv1D(16, 3, activation="relu") for _ in range(3)], layers.Flatten()
    )


def autoencoder():
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(3, 3, padding="same"),
        ]
    )


def residual(zeros):
    inputs = keras.Input((20,))
    h = layers.Dense(64)(inputs)
    for _ in range(6):
        inner = layers.Dense(64, "relu", kernel_initializer="he_normal")(h)
        last = layers.Dense(64, kernel_initializer="zeros" if zeros else "he_normal")
        h = layers.Add()([h, last(inner)])
    return keras.Model(inputs, layers.Dense(1)(h))


def residual_gamma():
    """Return a residual network whose branches end in a batch normalization of scale 0."""
    inputs = keras.Input((16, 16, 3))
    h = layers.Conv2D(16, 3, padding="same")(inputs)
    for _ in range(3):
        inner = layers.ReLU()(layers.BatchNormalization()(h))
        inner = layers.Conv2D(16, 3, padding="same", use_bias=False)(inner)
        h = layers.Add()([h, layers.BatchNormalization(gamma_initializer="zeros")(inner)])
    h = layers.GlobalAveragePooling2D()(layers.ReLU()(h))
    return keras.Model(inputs, layers.Dense(1)(h))


def recurrent(kind, length, *, masked=False, bidirectional=False):
    before = [layers.Masking()] if masked else []
    cell = layers.Bidirectional(kind(32)) if bidirectional else kind(32)
    return stack((length, 5), *before, cell, layers.Dense(32, "relu"))


def stacked_recurrent():
    return stack(
        (60, 5), layers.LSTM(32, return_sequences=True), layers.LSTM(32), layers.Dense(32, "relu")
    )


def attention():
    tokens = keras.Input((20,), dtype="int32")
    h = layers.Embedding(50, 32)(tokens)
    h = layers.Add()([h, layers.MultiHeadAttention(4, 8)(h, h)])
    h = layers.Dense(32, "relu")(layers.Flatten()(h))
    return keras.Model(tokens, layers.Dense(1)(h))


def transformer():
    tokens = keras.Input((20,), dtype="int32")
    h = layers.Embedding(50, 32)(tokens)
    for _ in range(3):
        seen = layers.LayerNormalization()(h)
        h = layers.Add()([h, layers.MultiHeadAttention(4, 8)(seen, seen)])
        inner = layers.Dense(64, "gelu")(layers.LayerNormalization()(h))
        h = layers.Add()([h, layers.Dense(32)(inner)])
    h = layers.Flatten()(layers.LayerNormalization()(h))
    return keras.Model(tokens, layers.Dense(1)(h))


def text():
    return stack((20,), layers.Embedding(50, 16), layers.Flatten(), layers.Dense(32, "relu"))


def several_inputs():
    one, other = keras.Input((8,)), keras.Input((12,))
    h = [layers.Dense(32, "relu")(one), layers.Dense(32, "relu")(other)]
    h = layers.Dense(32, "relu")(layers.Concatenate()(h))
    return keras.Model([one, other], layers.Dense(1)(h))


def shared():
    inputs = keras.Input((20,))
    layer = layers.Dense(20, "tanh")
    h = inputs
    for _ in range(6):
        h = layer(h)
    return keras.Model(inputs, layers.Dense(1)(h))


class Subclassed(keras.Model):
    """A network that is written as a class."""

    def __init__(self):
        super().__init__()
        self.hidden = [layers.Dense(64, "gelu") for _ in range(4)]
        self.outer = layers.Dense(1)

    def call(self, inputs):
        for layer in self.hidden:
            inputs = layer(inputs)
        return self.outer(inputs)


SEQUENCES = {
    "behind": functools.partial(steps, 60, 20),
    "front": functools.partial(steps, 60, 20, front=True),
}
NETS = {
    "dense": (dense, rows),
    "dense, 10 x tanh": (lambda: dense(10, activation="tanh"), rows),
    "dense, weights of 0.01": (lambda: small(5), rows),
    "dense, 10 x tanh, weights of 0.01": (lambda: small(10, activation="tanh"), rows),
    "dense, weights of 1": (large, rows),
    "dense, biases N(0, 5)": (large_biases, rows),
    "dense, inputs 100 ± 0.01": (dense, functools.partial(rows, 100, 0.01)),
    "dense, inputs 10 ± 1": (dense, functools.partial(rows, 10)),
    "dense, MaxNorm(0.5)": (constrained, rows),
    "dense, mixed float16": (half, rows),
    "SiLU x 20": (lambda: dense(20, activation="silu"), rows),
    "sigmoid x 5": (lambda: dense(5, activation="sigmoid"), rows),
    "maxout": (maxout, rows),
    "convolutions": (cnn, images),
    "batch normalization": (batch_norm, images),
    "noise images, global pooling": (noise_pooled, functools.partial(images, noise=True)),
    "depthwise": (depthwise, images),
    "separable": (separable, images),
    "convolutions of steps": (conv_1d, functools.partial(steps, 20, 20)),
    "autoencoder, transposed": (autoencoder, to_itself),
    "residual": (lambda: residual(False), rows),
    "residual, zero kernels": (lambda: residual(True), rows),
    "residual, zero scales": (residual_gamma, images),
    "LSTM, no padding": (lambda: recurrent(layers.LSTM, 20), functools.partial(steps, 20, 20)),
    "LSTM, padded behind": (lambda: recurrent(layers.LSTM, 60), SEQUENCES["behind"]),
    "LSTM, padded behind to 80": (
        lambda: recurrent(layers.LSTM, 80),
        functools.partial(steps, 80, 5),
    ),
    "LSTM, padded in front": (lambda: recurrent(layers.LSTM, 60), SEQUENCES["front"]),
    "LSTM, masked": (lambda: recurrent(layers.LSTM, 60, masked=True), SEQUENCES["behind"]),
    "LSTM, bidirectional": (
        lambda: recurrent(layers.LSTM, 60, bidirectional=True),
        SEQUENCES["behind"],
    ),
    "LSTM x 2, padded behind": (stacked_recurrent, SEQUENCES["behind"]),
    "GRU, padded behind": (lambda: recurrent(layers.GRU, 60), SEQUENCES["behind"]),
    "GRU, padded in front": (lambda: recurrent(layers.GRU, 60), SEQUENCES["front"]),
    "attention": (attention, words),
    "transformer": (transformer, words),
    "embedding": (text, words),
    "several inputs": (several_inputs, two_inputs),
    "shared layer": (shared, rows),
    "subclassed": (Subclassed, rows),
}
"""Networks by name: how one is made, and its data."""

HEALTHY = (
    "dense",
    "dense, 10 x tanh",
    "convolutions",
    "batch normalization",
    "convolutions of steps",
    "embedding",
    "subclassed",
)
"""Networks that Keras' weights suit, and that learn their data from these."""

LOST = (
    "dense, weights of 0.01",
    "dense, 10 x tanh, weights of 0.01",
    "SiLU x 20",
    "dense, weights of 1",
)
"""Networks whose signal vanishes or explodes on its way."""

WAYS = {"without": None, "with": False, "forced": True}
"""Trainings by name: whether `lsuv` is forced; None is without it."""


# ------------------------------------------------------------------------------------ measurement


def compiled(name, seed):
    keras.utils.set_random_seed(seed)
    model = NETS[name][0]()
    loss = "mse" if name.startswith("autoencoder") else keras.losses.BinaryCrossentropy(True)
    model.compile(keras.optimizers.Adam(), loss)
    return model


def first(data, count):
    return keras.tree.map_structure(lambda array: array[:count], data)


def loss_of(model, x, y):
    """Return the mean loss, without compiling anything."""
    loss, found = keras.losses.get(model.loss), []
    for start in range(0, EXAMPLES, SCALED_ON):
        some = slice(start, start + SCALED_ON)
        outputs = model(
            keras.tree.map_structure(lambda array, some=some: array[some], x), training=False
        )
        found.append(float(np.mean(ops.convert_to_numpy(loss(y[some], outputs)))))
    return float(np.mean(found))


def built(model, x):
    model(keras.tree.map_structure(ops.convert_to_tensor, first(x, 2)))


def scaled(model, x, y, *, force):
    """Scale a model on its first examples; return the loss on all of them before and after."""
    built(model, x)
    before = loss_of(model, x, y)
    found = lsuv(model, first(x, SCALED_ON), first(y, SCALED_ON), force=force, seed=0)
    return before, loss_of(model, x, y), found


def measure(name):
    """Return the loss of a network before and after `lsuv`, and what it did."""
    x, y = NETS[name][1]()
    before, after, found = scaled(compiled(name, 0), x, y, force=True)
    return {
        "net": name,
        "backend": keras.backend.backend(),
        "before": before,
        "after": after,
        "scaled": sum(one.left_alone is None for one in found.layers),
        "layers": len(found.layers),
        "needed": found.was_needed,
        "taken_back": found.was_taken_back,
        "left_alone": sorted({one.left_alone for one in found.layers if one.left_alone}),
    }


def trained(name, seed, *, force):
    """Return the loss on the training data after some epochs, and on further examples.

    Args:
        name: The network.
        seed: The seed of weights and batches.
        force: The argument of `lsuv`; None trains without it.
    """
    x, y = NETS[name][1]()
    model = compiled(name, seed)
    if force is not None:
        scaled(model, x, y, force=force)
    # A loss that is not built yet is built by `fit`, which draws random numbers before the batches.
    model.evaluate(first(x, 2), first(y, 2), verbose=0)
    keras.utils.set_random_seed(100 + seed)  # the same batches with and without
    model.fit(x, y, batch_size=32, epochs=EPOCHS, verbose=0)
    return loss_of(model, x, y), loss_of(model, *NETS[name][1](seed=1))


def by_way(name, seed):
    """Return the losses of each way; the same weights are trained once."""
    found = {way: trained(name, seed, force=force) for way, force in WAYS.items() if way != "with"}
    x, y = NETS[name][1]()
    model = compiled(name, seed)
    built(model, x)
    before = model.get_weights()
    scaled(model, x, y, force=False)
    is_same = all(np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True))
    found["with"] = found["without"] if is_same else trained(name, seed, force=False)
    return [found[way] for way in WAYS]


def path_of(name, kind=None):
    slug = "".join(letter if letter.isalnum() else "-" for letter in name)
    return FOLDER / f"{slug}.{kind or keras.backend.backend()}.json"


def run(names):
    FOLDER.mkdir(exist_ok=True)
    for name in names:
        record = measure(name)
        path_of(name).write_text(json.dumps(record), encoding="utf-8")
        print(record, flush=True)


def train(names):
    FOLDER.mkdir(exist_ok=True)
    for name in names:
        losses = [by_way(name, seed) for seed in SEEDS]
        record = {"net": name, "backend": keras.backend.backend(), "losses": losses}
        path_of(name, "trained").write_text(json.dumps(record), encoding="utf-8")
        print(record, flush=True)


def is_safe(record):
    """Return whether the loss is at most three times as large, or the weights were put back."""
    return math.isfinite(record["after"]) and record["after"] <= MAX_RATIO * record["before"]


def read(kind):
    return [json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob(f"*.{kind}.json"))]


def markdown(lines):
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def table():
    """Return one row per network, and the totals, as Markdown; empty without results."""
    records = [one for backend in ("jax", "tensorflow", "torch") for one in read(backend)]
    backends = sorted({one["backend"] for one in records})
    heads = ["network", "signal", "layers scaled", *(f"loss, {one}" for one in backends)]
    lines = [heads, ["---"] * len(heads)]
    for name in NETS:
        mine = {one["backend"]: one for one in records if one["net"] == name}
        if not mine:
            continue
        some = next(iter(mine.values()))
        what = f"{some['scaled']} of {some['layers']}"
        signal = "lost" if some["needed"] else "arrives"
        cells = [name, signal, what + (", put back" if some["taken_back"] else "")]
        for backend in backends:
            one = mine.get(backend)
            cells.append(f"{one['before']:.2g} → {one['after']:.2g}" if one else "")
        lines.append(cells)
    safe = sum(is_safe(one) for one in records)
    return records and (
        f"{markdown(lines)}\n\n{safe} of {len(records)} losses are at most {MAX_RATIO:g} times as "
        "large."
    )


def table_of_trained():
    """Return one row per trained network as Markdown; empty without results."""
    records = {one["net"]: one for one in read("trained")}
    ways = " / ".join(WAYS)
    heads = ["network", "signal", f"training loss, {ways}", f"validation loss, {ways}"]
    heads.append("validation, with / without, by seed")
    lines = [heads, ["---"] * len(heads)]
    for name in (*HEALTHY, *LOST):
        if name in records:
            losses = np.array(records[name]["losses"])  # by seed, way and data
            ratios = sorted(losses[:, 1, 1] / losses[:, 0, 1])
            cells = [" / ".join(f"{one:.2g}" for one in row) for row in np.median(losses, axis=0).T]
            cells.append(", ".join(f"{ratio:.2f}" for ratio in ratios))
            lines.append([name, "lost" if name in LOST else "arrives", *cells])
    return records and markdown(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for command, names in (("run", list(NETS)), ("train", [*HEALTHY, *LOST])):
        commands.add_parser(command).add_argument("--nets", nargs="+", choices=names, default=names)
    commands.add_parser("table").add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if arguments.command == "run":
        run(arguments.nets)
    elif arguments.command == "train":
        train(arguments.nets)
    else:
        for mark, text in (("lsuv", table()), ("lsuv-trained", table_of_trained())):
            print(text or f"no results for {mark}")
            if arguments.write and text:
                write(text, mark, PAGE)


if __name__ == "__main__":
    main()
