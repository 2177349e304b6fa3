"""`make bench-headroom`: the headroom of the learning rate, against trainings at eight rates.

Ten architectures with three optimizers each, on generated data. Every network is trained at eight
learning rates from the same initial weights, and its headroom is measured at the steps at which a
run of that length measures it. Two questions are answered:

- Does the warning come before a run diverges, and is it silent on runs that learn?
- How good is the learning rate that is suggested for a run at too high a rate, trained for real?

The results are kept in `benchmarks/headroom.jsonl`, one line per training, so that a part can be
run and the table be made again:

    python -m benchmarks.headroom run --networks mlp/sgd cnn/adam
    python -m benchmarks.headroom table
    python -m benchmarks.headroom docs
"""

import argparse
import functools
import json
import math
import pathlib
import statistics

import keras
import numpy as np
from keras import layers

from keras_babysit.actions import ScaleLearningRate
from keras_babysit.backends import backend
from keras_babysit.history import History, Measurement
from keras_babysit.probes.headroom import Headroom
from keras_babysit.probes.optimizer_state import describe_settings
from keras_babysit.rules import learning_rate_too_high, loss_explosion
from keras_babysit.schedule import Looks
from keras_babysit.schedule.plan import HEADROOM_GROWTH, HEADROOM_SPACING

RESULTS = pathlib.Path(__file__).with_suffix(".jsonl")
PAGE = pathlib.Path(__file__).parent.parent / "docs" / "remedies.md"
STEPS, BATCH_SIZE, EXAMPLES = 256, 32, 512
LOOKS = Looks(HEADROOM_SPACING, HEADROOM_GROWTH).steps(STEPS)
WITHIN = 1.5  # times the best loss of the sweep, where a training counts as good
LEAD = 20  # aim: steps that a warning comes before a divergence, in the median
FEWEST_FALSE = 0.01  # aim: largest fraction of good trainings that are warned of
EXPLODED = 3.0  # times the loss before the first step, where a training has diverged
OPTIMIZERS = {
    "sgd": (keras.optimizers.SGD, 10.0 ** np.arange(-2.5, 1.5, 0.5)),
    "momentum": (
        functools.partial(keras.optimizers.SGD, momentum=0.9),
        10.0 ** np.arange(-3.5, 0.5, 0.5),
    ),
    "adam": (keras.optimizers.Adam, 10.0 ** np.arange(-3.5, 0.5, 0.5)),
}


@functools.cache
def classes(shape=(20,)):
    """Inputs and the classes that a random network gives them, a tenth of them wrong."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(EXAMPLES, *shape)).astype("float32")
    flat = x.reshape(EXAMPLES, -1)
    hidden = np.tanh(flat @ rng.normal(size=(flat.shape[1], 16)) / math.sqrt(flat.shape[1]))
    y = (hidden @ rng.normal(size=(16, 5))).argmax(axis=1)
    wrong = rng.random(EXAMPLES) < 0.1
    return x, np.where(wrong, rng.integers(0, 5, EXAMPLES), y).astype("int32")


@functools.cache
def numbers():
    """Inputs and a smooth function of them, with noise."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(EXAMPLES, 20)).astype("float32")
    y = np.sin(x[:, 0] + x[:, 1]) + 0.5 * x[:, 2] * x[:, 3] + 0.1 * rng.normal(size=EXAMPLES)
    return x, (y / y.std()).astype("float32")[:, None]


@functools.cache
def tokens():
    """Sequences of ten tokens, and which half holds more of the low ones."""
    rng = np.random.default_rng(2)
    x = rng.integers(1, 30, (EXAMPLES, 10))
    low = x < 15
    return x.astype("int32"), (low[:, :5].sum(1) > low[:, 5:].sum(1)).astype("int32")


def dense(depth, activation, *, initializer="he_normal", norm=None, shape=(20,)):
    hidden = []
    for _ in range(depth):
        hidden.append(layers.Dense(32, kernel_initializer=initializer))
        hidden += [norm()] if norm else []
        hidden.append(layers.Activation(activation))
    return keras.Sequential([keras.Input(shape), *hidden, layers.Dense(5)])


def cnn():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(5),
        ]
    )


def residual():
    inputs = keras.Input((20,))
    h = layers.Dense(32)(inputs)
    for _ in range(3):
        h = layers.add([h, layers.Dense(32)(layers.Dense(32, "relu")(h))])
    return keras.Model(inputs, layers.Dense(5)(h))


def sequence(reader):
    inputs = keras.Input((10,), dtype="int32")
    h = reader(layers.Embedding(30, 16)(inputs))
    return keras.Model(inputs, layers.Dense(2)(h))


def attention(h):
    for _ in range(2):
        seen = layers.LayerNormalization()(h)
        h = layers.add([h, layers.MultiHeadAttention(2, 8)(seen, seen)])
        inner = layers.Dense(32, "gelu")(layers.LayerNormalization()(h))
        h = layers.add([h, layers.Dense(16)(inner)])
    return layers.Flatten()(h)


def regression():
    hidden = [layers.Dense(32, "relu"), layers.Dense(32, "relu")]
    return keras.Sequential([keras.Input((20,)), *hidden, layers.Dense(1)])


ARCHITECTURES = {
    "linear": (lambda: dense(0, "relu"), classes),
    "mlp": (lambda: dense(2, "relu"), classes),
    "deep_relu": (lambda: dense(6, "relu"), classes),
    "deep_tanh": (lambda: dense(6, "tanh", initializer="glorot_uniform"), classes),
    "batch_norm": (lambda: dense(3, "relu", norm=layers.BatchNormalization), classes),
    "layer_norm": (lambda: dense(3, "silu", norm=layers.LayerNormalization), classes),
    "cnn": (cnn, functools.partial(classes, (8, 8, 1))),
    "residual": (residual, classes),
    "attention": (lambda: sequence(attention), tokens),
    "regression": (regression, numbers),
}
NETWORKS = [f"{net}/{optimizer}" for net in ARCHITECTURES for optimizer in OPTIMIZERS]


def compiled(network, rate):
    """Return a network, with the same initial weights at each rate, and its data."""
    net, optimizer = network.split("/")
    make, data = ARCHITECTURES[net]
    keras.utils.set_random_seed(0)
    model = make()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(OPTIMIZERS[optimizer][0](float(rate)), "mse" if net == "regression" else loss)
    return model, *data()


def train(network, rate, *, looks=LOOKS):
    """Train once; return the record of it."""
    model, x, y = compiled(network, rate)
    headroom = Headroom(model, is_compiled=keras.backend.backend() != "torch")
    rng = np.random.default_rng(0)
    losses, measured = [], []
    for step in range(STEPS):
        rows = rng.permutation(EXAMPLES)[:BATCH_SIZE]
        batch = (x[rows], y[rows], None)
        model.make_train_function()
        model.optimizer.build(model.trainable_variables)
        known = headroom.before(None, batch) if step in looks else None
        losses.append(float(model.train_on_batch(x[rows], y[rows])))
        if known is not None:
            measured += headroom.after(known, backend.state(model, None)[0], step, 0)
        if not math.isfinite(losses[-1]):
            break
    whole = np.arange(STEPS) if len(losses) < STEPS else None
    final = math.inf if whole is not None else float(model.evaluate(x, y, verbose=0))
    return {
        "network": network,
        "rate": float(rate),
        "losses": [_jsonable(loss) for loss in losses],
        "final": _jsonable(final),
        "headroom": [(one.step, one.quantity, float(one.value)) for one in measured],
    }


def _jsonable(value):
    return float(f"{value:.5g}") if math.isfinite(value) else None


def run(networks):
    """Train what is not kept yet."""
    known = {(one["network"], one["rate"]) for one in read() if not one.get("is_suggested")}
    for network in networks:
        for rate in OPTIMIZERS[network.split("/")[1]][1]:
            if (network, float(rate)) in known:
                continue
            record = train(network, rate)
            _keep(record)
        print(network, "done", flush=True)


def read():
    """Return the records that are kept."""
    if not RESULTS.exists():
        return []
    return [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]


def history_of(record, until):
    """Return what a run had measured after the step `until`."""
    history = History()
    make = OPTIMIZERS[record["network"].split("/")[1]][0]
    optimizer = make(record["rate"])
    history.note(
        optimizer=type(optimizer).__name__, optimizer_settings=describe_settings(optimizer)
    )
    values = [float("nan") if loss is None else loss for loss in record["losses"]]
    for step in range(until + 1):
        history.append(Measurement(step, 0, "optimizer/learning_rate", "", record["rate"]))
        if step == 0:
            history.append(Measurement(0, 0, "loss/start", "", values[0]))
        if step in LOOKS:
            history.append(Measurement(step, 0, "loss/batch", "", values[step]))
        for at, quantity, value in record["headroom"]:
            if at == step:
                history.append(Measurement(step, 0, quantity, "", value))
    return history


def warned_at(record):
    """Return the step after which `learning_rate_too_high` warns because of the headroom."""
    for step in LOOKS:
        if step < len(record["losses"]):
            found = learning_rate_too_high(history_of(record, step))
            if any("headroom" in one.evidence for one in found):
                return step
    return None


def diverged_at(record):
    """Return the step from which on the loss stays above `EXPLODED` times the first, or None."""
    losses = np.array([np.inf if loss is None else loss for loss in record["losses"]])
    above = ~(losses <= EXPLODED * losses[0])
    if record["final"] is not None and record["final"] <= EXPLODED * losses[0]:
        return None
    return int(len(above) - np.argmin(above[::-1])) if not above.all() else 0


def suggested(record):
    """Return the learning rate that a warning suggests, None if none was measured."""
    last = min(len(record["losses"]), max(LOOKS) + 1) - 1
    warned = warned_at(record)
    if warned is None:
        found = loss_explosion(history_of(record, last))
    else:
        found = learning_rate_too_high(history_of(record, warned))
    changes = [remedy.change for one in found for remedy in one.remedies]
    return next((one.rate for one in changes if isinstance(one, ScaleLearningRate)), None)


def summary(records):
    """Return the figures of the table from the records of trainings at the eight rates."""
    sweep = [one for one in records if not one.get("is_suggested")]
    best = {
        network: min(_final(one) for one in sweep if one["network"] == network)
        for network in {one["network"] for one in sweep}
    }
    diverged = [one for one in sweep if diverged_at(one) is not None]
    late = [one for one in diverged if diverged_at(one) >= LEAD]
    good = [one for one in sweep if _final(one) <= WITHIN * best[one["network"]]]
    sound = [one for one in sweep if one not in diverged]
    leads = [_lead(one) for one in diverged]
    tried = [one for one in records if one.get("is_suggested")]
    ratios = [_final(one) / best[one["network"]] for one in tried]
    return {
        "networks": len(best),
        "trainings": len(sweep),
        "diverged": len(diverged),
        "warned_of_diverged": sum(lead is not None for lead in leads),
        "median_lead": _median([lead for lead in leads if lead is not None]),
        "late": len(late),
        "warned_of_late": sum(_lead(one) is not None for one in late),
        "median_lead_late": _median([_lead(one) for one in late if _lead(one) is not None]),
        "good": len(good),
        "false_alarms": sum(warned_at(one) is not None for one in good),
        "sound": len(sound),
        "warned_of_sound": sum(warned_at(one) is not None for one in sound),
        "suggestions": len(ratios),
        "suggestions_within": sum(ratio <= WITHIN for ratio in ratios),
        "median_ratio": _median(ratios),
        "worst_ratio": max(ratios, default=None),
    }


def table(records):
    """Return a row per network and learning rate for which another one is suggested."""
    lines = [
        "| network | too high | suggested | best of the eight | loss / best |",
        "| --- | --- | --- | --- | --- |",
    ]
    for network in NETWORKS:
        mine = [one for one in records if one["network"] == network]
        best = min((one for one in mine if not one.get("is_suggested")), key=_final, default=None)
        for one in mine:
            if one.get("is_suggested"):
                rates = (one["for_rate"], one["rate"], best["rate"])
                cells = [network, *(f"{rate:.2g}" for rate in rates)]
                lines.append(f"| {' | '.join(cells)} | {_final(one) / _final(best):.2f} |")
    return "\n".join(lines)


def _final(record):
    return math.inf if record["final"] is None else record["final"]


def _lead(record):
    """Return the steps from the warning to the divergence; None without one before it."""
    warned, diverged = warned_at(record), diverged_at(record)
    return None if warned is None or warned > diverged else diverged - warned


def _median(values):
    return statistics.median(values) if values else None


def train_suggested(networks):
    """Train at each rate that is suggested for a rate that diverges or is warned of.

    What was trained at a rate that is no longer suggested is dropped.
    """
    for network in networks:
        mine = [one for one in read() if one["network"] == network]
        sweep = [one for one in mine if not one.get("is_suggested")]
        if len(sweep) < len(OPTIMIZERS[network.split("/")[1]][1]):
            continue
        bad = [one for one in sweep if warned_at(one) is not None or diverged_at(one) is not None]
        wanted = {one["rate"]: rate for one in bad if (rate := suggested(one)) is not None}
        kept = [(one["for_rate"], one["rate"]) for one in mine if one.get("is_suggested")]
        if sorted(kept) == sorted(wanted.items()):
            continue
        _drop_suggested(network)
        for bad_rate, rate in wanted.items():
            known = train(network, rate, looks=())
            _keep(known | {"is_suggested": True, "for_rate": bad_rate})
        print(network, "suggested", flush=True)


def _drop_suggested(network):
    lines = RESULTS.read_text(encoding="utf-8").splitlines(keepends=True)
    records = map(json.loads, lines)
    kept = [
        line
        for line, one in zip(lines, records, strict=True)
        if one["network"] != network or not one.get("is_suggested")
    ]
    RESULTS.write_text("".join(kept), encoding="utf-8")


def _keep(record):
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def text(found):
    """Return the figures as a paragraph."""

    def part(count, of):
        return f"{count} of {of}" + (f" ({count / of:.1%})" if of else "")

    def shown(value):
        return "none" if value is None else f"{value:.3g}"

    first = (
        f"{found['networks']} of {len(NETWORKS)} networks at 8 learning rates each, "
        f"{found['trainings']} trainings of {STEPS} steps from the same initial weights "
        f"(Keras {keras.__version__} on {keras.backend.backend()}).\n\n"
    )
    warning = "None of these trainings diverged, so that the lead was not measured.\n"
    if found["diverged"]:
        warning = (
            f"{found['diverged']} trainings diverged: their loss stays above {EXPLODED:g} times "
            f"the first. `learning_rate_too_high` warned of "
            f"{part(found['warned_of_diverged'], found['diverged'])} by the headroom, with a "
            f"median lead of {shown(found['median_lead'])} steps (aim: {LEAD}). "
            f"{found['diverged'] - found['late']} diverged before step {LEAD}, where that lead is "
            "not possible. "
        )
        warning += (
            f"Of the {found['late']} that diverged at step {LEAD} or later it warned of "
            f"{part(found['warned_of_late'], found['late'])}"
            + (
                f", {shown(found['median_lead_late'])} steps ahead in the median.\n"
                if found["warned_of_late"]
                else ".\n"
            )
            if found["late"]
            else f"None diverged at step {LEAD} or later, so that a longer lead was not possible.\n"
        )
    alarms = (
        f"Of the trainings that end within {WITHIN:g} times the best loss of their network "
        f"{part(found['false_alarms'], found['good'])} were warned of (aim: at most "
        f"{FEWEST_FALSE:.0%}); of all that did not diverge "
        f"{part(found['warned_of_sound'], found['sound'])}.\n"
    )
    suggestions = "Not trained yet.\n"
    if found["suggestions"]:
        suggestions = (
            f"{part(found['suggestions_within'], found['suggestions'])} end within {WITHIN:g} "
            f"times the best loss of the sweep; median ratio {shown(found['median_ratio'])}, "
            f"worst {shown(found['worst_ratio'])}.\n"
        )
    return (
        f"{first}- **Warning before a divergence.** {warning}- **False alarms.** {alarms}"
        f"- **Suggested learning rate, trained for real.** {suggestions}"
    )


def write_page(records):
    """Write the figures into docs/remedies.md, between their marks."""
    start, end = "<!-- headroom: start -->", "<!-- headroom: end -->"
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(start)
    figures = f"{text(summary(records))}\n{table(records)}\n"
    section = f"{start}\nWritten by `make bench-headroom`: {figures}{end}"
    PAGE.write_text(before + section + rest.split(end)[1], encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("run", "table", "docs"))
    parser.add_argument("--networks", nargs="*", choices=NETWORKS, default=NETWORKS)
    options = parser.parse_args()
    if options.command == "run":
        run(options.networks)
        train_suggested(options.networks)
    elif options.command == "table":
        print(text(summary(read())), table(read()), sep="\n")
    else:
        write_page(read())
