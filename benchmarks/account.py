"""Checks the reported overhead: what a monitored run takes beyond `sitter.overhead`.

    KERAS_BACKEND=torch python -m benchmarks.account [--rows mlp cnn ...] [--rounds 8]
        [--seconds 10] [--write]

Each round consists of a plain `fit`, one with an empty callback, a monitored one and another plain
one, in one process, with the same steps, data and seed. The monitored run should take the time of
the plain runs plus the overhead that it reports. The table shows the difference as a percentage of
the plain run, and the same for the empty callback. The runs are short, so that the allowance of a
minute falls into them: an overhead that is understated by a tenth shows up as one percent. Pin the
process to an idle core.

Results are appended to `.cost/account.jsonl`; `--write` puts the table of all results into
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
    """Return the CPU time of one `fit`."""
    x, y, validation = data(network, steps)
    keras.utils.set_random_seed(0)
    model = network.compiled()
    model.optimizer.build(
        model.trainable_variables
    )  # otherwise TensorFlow traces the plain step twice
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
    """Return the unreported time of the monitored run and of the empty callback, in plain runs."""
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
    """Measure, print and store the rounds of one network."""
    network = NETWORKS[row]
    steps = max(1, round(seconds / EPOCHS / pace(network)))
    seconds_of(network, steps)  # one-time costs of a process
    RESULTS.parent.mkdir(exist_ok=True)
    for _ in range(rounds):
        found = {"row": row, "backend": keras.backend.backend()} | one_round(network, steps)
        print(json.dumps(found), flush=True)
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")


def table():
    """Return all results as Markdown."""
    records = [json.loads(line) for line in RESULTS.read_text("utf-8").splitlines()]
    heads = ["network", "backend", "rounds", "plain", "reported overhead", "unreported"]
    lines = [[*heads, "empty callback"], ["---"] * 7]
    for row, backend in dict.fromkeys((r["row"], r["backend"]) for r in records):
        mine = [r for r in records if (r["row"], r["backend"]) == (row, backend)]
        own, bare = (statistics.median(r[key] for r in mine) for key in ("own", "bare"))
        cells = [row, backend, str(len(mine)), f"{bare:.1f} s", f"{own:.1%}"]
        lines.append(cells + [quartiles([r[key] for r in mine]) for key in ("beyond", "empty")])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def quartiles(values):
    """Return the median with the quartiles, as text."""
    if len(values) == 1:
        return f"{values[0]:+.1%}"
    low, middle, high = statistics.quantiles(values, method="inclusive")
    return f"{middle:+.1%} ({low:+.1%} to {high:+.1%})"


def main():
    """Measure the requested networks, and print all results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="*", choices=NETWORKS, default=["mlp"])
    parser.add_argument("--rounds", type=int, default=8, help="0 prints the earlier results")
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
