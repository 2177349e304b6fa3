"""`make bench-lr`: the learning rates that `lr_range_test` suggests, against training for real.

Nine networks, some seeds each. Per seed: one sweep of the range test, a training of five epochs at
each of eight learning rates, and one at the suggestion and at fastai's `valley` of the same losses.
The results are kept in `.lr_range/`, so that a part can be run and the table be made again:

    KERAS_BACKEND=jax python -m benchmarks.lr_range run --nets mlp deep_relu --seeds 0 1
    KERAS_BACKEND=jax python -m benchmarks.lr_range table [--write]

`--write` puts the table into docs/checks.md. The command `factors` trains at other parts of the end
of the fall.
"""

import argparse
import functools
import json
import math
import pathlib

import jax
import keras
import numpy as np
from keras import layers

from benchmarks.overhead import ROOT, write
from keras_babysit.checks import LrRange, lr_range_test
from keras_babysit.checks.lr_range import longest_fall

FOLDER = pathlib.Path(".lr_range")
PAGE = ROOT / "docs" / "checks.md"
EPOCHS = 5
BATCH_SIZE = 32
WITHIN = 1.5  # times the best loss of the sweep, where a suggestion counts as good
BESIDE_VALLEY = 1.1  # times the loss at fastai's valley, where it counts as worse
MAX_SPREAD = 10.0  # highest suggestion over the lowest one, over the seeds
SEEDS = range(8)
FACTORS = (1.5, 2.0, 3.0)  # that the end of the fall is divided by


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


def losses_after(name, seeds, rates):
    """Return the loss on the training data after some epochs with a constant learning rate.

    Whole trainings are compiled, with Keras' stateless steps, one after the other in a loop: these
    networks take less time for a step than `fit` takes between two.

    Args:
        name: One of `NETS`.
        seeds: Seeds of the initial weights and of the batches, one per training.
        rates: The learning rate of each training.
    """
    make, read, _ = NETS[name]
    x, y = (jax.numpy.asarray(array) for array in read())
    known = {seed: (initial_state(make, seed), orders_of(seed, len(x))) for seed in set(seeds)}
    starts, orders = zip(*[known[seed] for seed in seeds], strict=True)
    train = trainer(name)
    losses = train(x, y, stacked(starts), np.array(orders), np.array(rates, "float32"))
    return [float(loss) if math.isfinite(loss) else math.inf for loss in losses]


def initial_state(make, seed):
    """Return the weights and the other variables of a new network."""
    keras.utils.set_random_seed(seed)
    model = make()
    kinds = (model.trainable_variables, model.non_trainable_variables)
    return [[variable.numpy() for variable in kind] for kind in kinds]


def stacked(states):
    return jax.tree.map(lambda *values: np.stack(values), *states)


def orders_of(seed, examples):
    """Return the order of the examples in each epoch, of shape `(epochs, examples)`."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(examples) for _ in range(EPOCHS)])


@functools.cache
def trainer(name):
    """Return a compiled function that trains from each of several states in turn."""
    model = NETS[name][0]()
    optimizer = model.optimizer
    optimizer.build(model.trainable_variables)
    slots = [variable.value for variable in optimizer.variables]
    place = [variable is optimizer._learning_rate for variable in optimizer.variables].index(True)

    loss = keras.losses.get(model.loss)

    def loss_of(weights, others, x, y, training):
        outputs, others = model.stateless_call(weights, others, x, training=training)
        return jax.numpy.mean(loss(y, outputs)), others

    def step(carry, x, y):
        weights, others, slots = carry
        differentiate = jax.value_and_grad(loss_of, has_aux=True)
        (_, others), gradients = differentiate(weights, others, x, y, True)
        weights, slots = optimizer.stateless_apply(slots, gradients, weights)
        return weights, others, slots

    def epoch(carry, order, x, y):
        whole = len(order) // BATCH_SIZE * BATCH_SIZE
        rows = order[:whole].reshape(-1, BATCH_SIZE)
        carry, _ = jax.lax.scan(lambda c, some: (step(c, x[some], y[some]), None), carry, rows)
        rest = order[whole:]  # `fit` takes the last batch as well, which is smaller
        return (step(carry, x[rest], y[rest]) if len(rest) else carry), None

    def one(training, x, y):
        (weights, others), orders, rate = training
        start = (weights, others, [*slots[:place], rate, *slots[place + 1 :]])
        end, _ = jax.lax.scan(lambda c, order: epoch(c, order, x, y), start, orders)
        return loss_of(*end[:2], x, y, False)[0]

    @jax.jit
    def train(x, y, starts, orders, rates):
        return jax.lax.map(lambda training: one(training, x, y), (starts, orders, rates))

    return train


def measure(name, seeds):
    """Return a range test and a sweep of trainings per seed of a network."""
    make, read, rates = NETS[name]
    sweeps = []
    for seed in seeds:
        keras.utils.set_random_seed(seed)
        sweeps.append(lr_range_test(make(), *read(), batch_size=BATCH_SIZE, seed=seed))
    losses = losses_after(name, [seed for seed in seeds for _ in rates], [*rates] * len(seeds))
    return [
        {
            "net": name,
            "seed": seed,
            "learning_rates": list(map(float, found.learning_rates)),
            "losses": list(map(float, found.losses)),
            "sweep": {f"{rate:.3g}": loss for rate, loss in zip(rates, row, strict=True)},
            "chosen": {},
        }
        for seed, found, row in zip(
            seeds, sweeps, np.reshape(losses, (len(seeds), -1)).tolist(), strict=True
        )
    ]


def choose(name, records):
    """Train at the learning rates that the recorded losses suggest."""
    wanted = []
    for record in records:
        found = LrRange(np.array(record["learning_rates"]), np.array(record["losses"]))
        kinds = {"suggestion": found.suggestion, "valley": fastai_valley(found)}
        wanted += [(record, kind, rate) for kind, rate in kinds.items()]
    trained = [(record["seed"], rate) for record, _, rate in wanted if rate is not None]
    losses = iter(losses_after(name, *zip(*trained, strict=True)) if trained else ())
    for record, kind, rate in wanted:
        loss = math.inf if rate is None else next(losses)
        record["chosen"][kind] = {"rate": rate, "loss": loss}


def path_of(name, seed):
    return FOLDER / f"{name}-{seed}.json"


def run(nets, seeds):
    FOLDER.mkdir(exist_ok=True)
    for name in nets:
        missing = [seed for seed in seeds if not path_of(name, seed).exists()]
        records = [*load(name), *(measure(name, missing) if missing else ())]
        choose(name, records)
        for record in records:
            path_of(name, record["seed"]).write_text(json.dumps(record), encoding="utf-8")
        print(name, flush=True)


def load(name):
    paths = [path_of(name, seed) for seed in SEEDS]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def row_of(name, records):
    """Return what one network shows: numbers by the heading of their column."""
    rates = [one["chosen"]["suggestion"]["rate"] for one in records]
    known = [rate for rate in rates if rate is not None]
    ratios = [one["chosen"]["suggestion"]["loss"] / min(one["sweep"].values()) for one in records]
    valleys = [one["chosen"]["valley"]["loss"] / min(one["sweep"].values()) for one in records]
    sweeps = np.array([list(one["sweep"].values()) for one in records])
    ours = float(np.median([one["chosen"]["suggestion"]["loss"] for one in records]))
    return {
        "network": name,
        "seeds": len(records),
        "suggested": f"{min(known):.2g} to {max(known):.2g}" if known else "none",
        "spread": max(known) / min(known) if known else math.inf,
        "loss / best": float(np.median(ratios)),
        "worst": max(ratios),
        "valley / best": float(np.median(valleys)),
        "worst of valley": max(valleys),
        "one for all seeds / best": float(
            np.median(sweeps / sweeps.min(1, keepdims=True), 0).min()
        ),
        "loss / best rate": ours / float(np.median(sweeps, 0).min()),
    }


def table():
    """Return one row per network, and the totals, as Markdown."""
    rows = [row_of(name, records) for name in NETS if (records := load(name))]
    lines = [list(rows[0]), ["---"] * len(rows[0])]
    for row in rows:
        cells = [f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row.values()]
        lines.append(cells)
    spread = sum(row["spread"] <= MAX_SPREAD for row in rows)
    good = sum(row["loss / best"] <= WITHIN for row in rows)
    as_one_rate = sum(row["loss / best rate"] <= WITHIN for row in rows)
    worse = [
        row["network"] for row in rows if row["loss / best"] > BESIDE_VALLEY * row["valley / best"]
    ]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return (
        f"{text}\n\nThe suggestions of {spread} of {len(rows)} networks lie within a factor of "
        f"{MAX_SPREAD:g}. The median loss is within {WITHIN:g} times the best of the sweep on "
        f"{good} of {len(rows)}, and within {WITHIN:g} times that of the best learning rate for "
        f"all seeds on {as_one_rate} of {len(rows)}. Worse than fastai's `valley` by more than "
        f"10 %: {', '.join(worse) or 'none'}."
    )


def factors(nets):
    """Train at other fractions of the end of the fall, and print the losses as in the table."""
    for name in nets:
        records = load(name)
        best = np.array([min(one["sweep"].values()) for one in records])
        ends = [
            LrRange(np.array(one["learning_rates"]), np.array(one["losses"])).maximum
            for one in records
        ]
        seeds = [one["seed"] for one in records] * len(FACTORS)
        rates = [end / factor for factor in FACTORS for end in ends]
        losses = np.reshape(losses_after(name, seeds, rates), (len(FACTORS), -1))
        for factor, row in zip(FACTORS, losses, strict=True):
            print(f"{name}: end of the fall / {factor:g}: {np.median(row / best):.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run")
    running.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    running.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    others = commands.add_parser("factors")
    others.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    commands.add_parser("table").add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if arguments.command == "run":
        run(arguments.nets, arguments.seeds)
        return
    if arguments.command == "factors":
        factors(arguments.nets)
        return
    print(table())
    if arguments.write:
        write(table(), "lr-range", PAGE)


if __name__ == "__main__":
    main()
