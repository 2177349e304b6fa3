"""Is the account honest? What a watched run takes beyond what `sitter.overhead` says.

    KERAS_BACKEND=torch python -m benchmarks.account [--rows mlp cnn ...] [--rounds 8]
        [--seconds 10] [--write]

In one process, in turns: a bare fit, one with a callback that does nothing, a watched one, a bare
one again, as many rounds as asked for. Each takes the same steps on the same data from the same
seed. The watched one should take what the bare ones beside it take and its own account; what is
left over is shown as a share of the bare run, and beside it the same of the empty callback. The
runs are short, so that the budget of a minute falls into them: a watcher that understates its
account by a tenth shows as one percent. Pin it to a core that is otherwise free.

Results are added to `.cost/account.jsonl`; `--write` puts the table of all of them into
docs/cost.md.
"""

import argparse
import gc
import json
import statistics
import time

import keras

from benchmarks.networks import NETWORKS
from benchmarks.overhead import EPOCHS, ROOT, data, empty, pace, write
from keras_babysit import Babysitter

RESULTS = ROOT / ".cost" / "account.jsonl"


def seconds_of(network, steps, callback=None):
    """Return the processor time of one fit."""
    x, y, validation = data(network, steps)
    keras.utils.set_random_seed(0)
    model = network.compiled()
    model.optimizer.build(model.trainable_variables)  # TensorFlow would trace a bare step twice
    callbacks = [] if callback is None else [callback]
    gc.collect()
    start = time.process_time()
    model.fit(
        x,
        y,
        batch_size=network.batch_size,
        epochs=EPOCHS,
        validation_data=validation,
        verbose=0,
        callbacks=callbacks,
    )
    return time.process_time() - start


def one_round(network, steps):
    """Return what is left over of the watched run and of the empty callback, in bare runs."""
    sitter = Babysitter(verbose=0)
    before = seconds_of(network, steps)
    idle = seconds_of(network, steps, empty())
    watched = seconds_of(network, steps, sitter)
    bare = (before + seconds_of(network, steps)) / 2
    own = sitter.overhead.seconds
    return {
        "bare": bare,
        "own": own / bare,
        "beyond": (watched - own - bare) / bare,
        "empty": (idle - bare) / bare,
    }


def measure(row, rounds, seconds):
    """Print and keep the rounds of one network."""
    network = NETWORKS[row]
    steps = max(1, round(seconds / EPOCHS / pace(network)))
    seconds_of(network, steps)  # what a process pays once
    RESULTS.parent.mkdir(exist_ok=True)
    for _ in range(rounds):
        found = {"row": row, "backend": keras.backend.backend()} | one_round(network, steps)
        print(json.dumps(found), flush=True)
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")


def table():
    """Return all results as Markdown."""
    records = [json.loads(line) for line in RESULTS.read_text("utf-8").splitlines()]
    heads = ["network", "backend", "rounds", "bare", "its own account", "beyond that"]
    lines = [[*heads, "an empty callback"], ["---"] * 7]
    for row, backend in dict.fromkeys((r["row"], r["backend"]) for r in records):
        mine = [r for r in records if (r["row"], r["backend"]) == (row, backend)]
        own, bare = (statistics.median(r[key] for r in mine) for key in ("own", "bare"))
        cells = [row, backend, str(len(mine)), f"{bare:.1f} s", f"{own:.1%}"]
        lines.append(cells + [quartiles([r[key] for r in mine]) for key in ("beyond", "empty")])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def quartiles(values):
    """Return the median and the quartiles beside it."""
    if len(values) == 1:
        return f"{values[0]:+.1%}"
    low, middle, high = statistics.quantiles(values, method="inclusive")
    return f"{middle:+.1%} ({low:+.1%} to {high:+.1%})"


def main():
    """Measure what was asked for, and show all that was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="*", choices=NETWORKS, default=["mlp"])
    parser.add_argument("--rounds", type=int, default=8, help="0 shows what was measured before")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    for row in arguments.rows:
        measure(row, arguments.rounds, arguments.seconds)
    print(table())
    if arguments.write:
        write(table(), "account")


if __name__ == "__main__":
    main()
