"""`make bench-lr`: the learning rates that `lr_range_test` suggests, against training for real.

Nine networks, some seeds each. Per seed: one sweep of the range test, a training of five epochs at
each of eight learning rates, and one at the suggestion and at fastai's `valley` of the same losses.
The results are kept in `.lr_range/`, so that a part can be run and the table be made again:

    python -m benchmarks.lr_range run --nets mlp deep_relu --seeds 0 1
    python -m benchmarks.lr_range table
"""

import argparse
import functools
import json
import math
import pathlib

import keras
import numpy as np
from keras import layers

from keras_babysit.checks import LrRange, lr_range_test
from keras_babysit.checks.lr_range import longest_fall

FOLDER = pathlib.Path(".lr_range")
EPOCHS = 5
BATCH_SIZE = 32
WITHIN = 1.5  # times the best loss of the sweep, where a suggestion counts as good
BESIDE_VALLEY = 1.1  # times the loss at fastai's valley, where it counts as worse
MAX_SPREAD = 10.0  # highest suggestion over the lowest one, over the seeds
SEEDS = range(8)


@functools.cache
def digits():
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (x / 16.0).astype("float32"), y.astype("int32")


def pictures():
    x, y = digits()
    return x.reshape(-1, 8, 8, 1), y


@functools.cache
def table():
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True)
    x, y = (x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std()
    return x.astype("float32"), y[:, None].astype("float32")


@functools.cache
def tokens():
    """Sequences of 20 tokens, and whether the first half holds more of the low ones."""
    rng = np.random.default_rng(0)
    x = rng.integers(1, 50, (1500, 20))
    low = x < 25
    return x.astype("int32"), (low[:, :10].sum(1) > low[:, 10:].sum(1)).astype("float32")[:, None]


def classifier(hidden, optimizer, shape=(64,)):
    model = keras.Sequential([keras.Input(shape), *hidden, layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss)
    return model


def mlp():
    return classifier([layers.Dense(64, "relu")], keras.optimizers.SGD())


def mlp_adam():
    return classifier([layers.Dense(64, "relu"), layers.Dense(64, "relu")], keras.optimizers.Adam())


def deep_relu():
    hidden = [layers.Dense(64, "relu", kernel_initializer="he_normal") for _ in range(10)]
    return classifier(hidden, keras.optimizers.SGD())


def deep_tanh():
    return classifier([layers.Dense(64, "tanh") for _ in range(6)], keras.optimizers.RMSprop())


def batch_norm():
    hidden = []
    for _ in range(4):
        hidden += [layers.Dense(64, use_bias=False), layers.BatchNormalization(), layers.ReLU()]
    return classifier(hidden, keras.optimizers.SGD(momentum=0.9))


def cnn():
    hidden = [
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.Flatten(),
    ]
    return classifier(hidden, keras.optimizers.SGD(momentum=0.9), (8, 8, 1))


def regression():
    model = keras.Sequential([keras.Input((10,)), layers.Dense(32, "relu"), layers.Dense(1)])
    model.compile(keras.optimizers.Adam(), "mse")
    return model


def residual():
    inputs = keras.Input((64,))
    h = layers.Dense(64)(inputs)
    for _ in range(5):
        inner = layers.Dense(64, "relu", kernel_initializer="he_normal")(h)
        h = layers.Add()([h, layers.Dense(64, kernel_initializer="zeros")(inner)])
    model = keras.Model(inputs, layers.Dense(10)(h))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(), loss)
    return model


def embedding():
    hidden = [layers.Embedding(50, 16), layers.Flatten(), layers.Dense(32, "relu")]
    model = keras.Sequential([keras.Input((20,), dtype="int32"), *hidden, layers.Dense(1)])
    model.compile(keras.optimizers.Adam(), keras.losses.BinaryCrossentropy(from_logits=True))
    return model


PLAIN_RATES = np.geomspace(1e-3, 3.0, 8)  # of gradient descent
ADAPTIVE_RATES = np.geomspace(1e-5, 0.1, 8)  # of steps that are normalized
NETS = {
    "mlp": (mlp, digits, PLAIN_RATES),
    "mlp_adam": (mlp_adam, digits, ADAPTIVE_RATES),
    "deep_relu": (deep_relu, digits, PLAIN_RATES),
    "deep_tanh": (deep_tanh, digits, ADAPTIVE_RATES),
    "batch_norm": (batch_norm, digits, PLAIN_RATES),
    "cnn": (cnn, pictures, PLAIN_RATES),
    "regression": (regression, table, ADAPTIVE_RATES),
    "residual": (residual, digits, PLAIN_RATES),
    "embedding": (embedding, tokens, ADAPTIVE_RATES),
}


def fastai_valley(found):
    """Return the suggestion of fastai's `valley`, None where the losses never fall.

    Its losses are a running mean with a decay of 0.98, and it stops at four times the lowest one.
    A tenth at the beginning and five steps at the end are cut off.
    """
    smooth, running, lowest = [], 0.0, math.inf
    for step, loss in enumerate(found.losses, 1):
        running = 0.98 * running + 0.02 * loss
        mean = running / (1 - 0.98**step)
        if not math.isfinite(mean) or mean > 4 * lowest:
            break
        lowest = min(lowest, mean)
        smooth.append(mean)
    begin = len(found.losses) // 10
    last, length = longest_fall(np.array(smooth[begin:-5]))
    third = length / 3
    return float(found.learning_rates[begin + last - length + int(third) + int(third / 2)])


def loss_after(make, data, seed, rate):
    """Return the loss on the training data after some epochs with a constant learning rate."""
    keras.utils.set_random_seed(seed)
    model = make()
    model.optimizer.learning_rate = rate
    x, y = data
    model.fit(x, y, batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=0)
    loss = float(model.evaluate(x, y, batch_size=512, verbose=0))
    return loss if math.isfinite(loss) else math.inf


def measure(name, seed):
    """Return the range test and the sweep of trainings of one network and seed."""
    make, read, rates = NETS[name]
    x, y = data = read()
    keras.utils.set_random_seed(seed)
    found = lr_range_test(make(), x, y, batch_size=BATCH_SIZE, seed=seed)
    return {
        "net": name,
        "seed": seed,
        "learning_rates": list(map(float, found.learning_rates)),
        "losses": list(map(float, found.losses)),
        "sweep": {f"{rate:.3g}": loss_after(make, data, seed, rate) for rate in rates},
        "chosen": {},
    }


def choose(record):
    """Train at the learning rates that the recorded losses suggest, unless that was done."""
    make, read, _ = NETS[record["net"]]
    found = LrRange(np.array(record["learning_rates"]), np.array(record["losses"]))
    for kind, rate in (("suggestion", found.suggestion), ("valley", fastai_valley(found))):
        if record["chosen"].get(kind, {"rate": 0})["rate"] == rate:
            continue
        loss = math.inf if rate is None else loss_after(make, read(), record["seed"], rate)
        record["chosen"][kind] = {"rate": rate, "loss": loss}
    return record


def path_of(name, seed):
    return FOLDER / f"{name}-{seed}.json"


def run(nets, seeds):
    FOLDER.mkdir(exist_ok=True)
    for seed in seeds:
        for name in nets:
            path = path_of(name, seed)
            is_known = path.exists()
            record = json.loads(path.read_text("utf-8")) if is_known else measure(name, seed)
            path.write_text(json.dumps(choose(record)), encoding="utf-8")
            print(name, seed, flush=True)


def load(name):
    paths = [path_of(name, seed) for seed in SEEDS]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def row_of(name, records):
    """Return what one network shows: numbers by the heading of their column."""
    rates = [one["chosen"]["suggestion"]["rate"] for one in records]
    known = [rate for rate in rates if rate is not None]
    ratios = [one["chosen"]["suggestion"]["loss"] / min(one["sweep"].values()) for one in records]
    valleys = [one["chosen"]["valley"]["loss"] / min(one["sweep"].values()) for one in records]
    return {
        "network": name,
        "seeds": len(records),
        "suggested": f"{min(known):.2g} to {max(known):.2g}" if known else "none",
        "spread": max(known) / min(known) if known else math.inf,
        "loss / best": float(np.median(ratios)),
        "worst": max(ratios),
        "valley / best": float(np.median(valleys)),
        "worst of valley": max(valleys),
    }


def show():
    rows = [row_of(name, records) for name in NETS if (records := load(name))]
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + " --- |" * len(rows[0]))
    for row in rows:
        cells = [f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row.values()]
        print("| " + " | ".join(cells) + " |")
    spread = sum(row["spread"] <= MAX_SPREAD for row in rows)
    good = sum(row["loss / best"] <= WITHIN for row in rows)
    worse = [
        row["network"] for row in rows if row["loss / best"] > BESIDE_VALLEY * row["valley / best"]
    ]
    print(f"\nspread of at most {MAX_SPREAD:g} times: {spread} of {len(rows)} networks")
    print(f"median loss within {WITHIN:g} times the best of the sweep: {good} of {len(rows)}")
    print(f"worse than fastai's valley by more than 10 %: {', '.join(worse) or 'none'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run")
    running.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    running.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    commands.add_parser("table")
    arguments = parser.parse_args()
    if arguments.command == "run":
        run(arguments.nets, arguments.seeds)
    else:
        show()


if __name__ == "__main__":
    main()
