"""Measures what fifteen calls of `fit` in a row cost: `make bench-short-runs`.

    KERAS_BACKEND=torch python -m benchmarks.short_runs [--rows mlp cnn lstm] [--fits 15]
        [--examples 1600] [--profile]

A program that calls `fit(epochs=1)` again and again is watched anew each time. All calls for one
model share an allowance of 3 seconds. The same calls are made plain and monitored, on two models in
one process, after a short `fit` that is not counted. The table shows the CPU time of both, the
difference, what `Babysitter` reports as its own time, and both for the first call and the others.
`--profile` lists the functions of the monitored calls that take longest.
"""

import argparse
import contextlib
import cProfile
import pstats
import time

import keras
import numpy as np

from benchmarks.networks import NETWORKS
from keras_babysit import Babysitter

FITS = 15
EXAMPLES = 1600


def seconds_of(network, x, y, fits, make):
    """Return the CPU seconds of each call of `fit`, and those that are reported as overhead."""
    model, seconds, own = network.compiled(), [], []
    for _ in range(fits):
        callbacks = make()
        start = time.process_time()
        model.fit(x, y, batch_size=network.batch_size, verbose=0, callbacks=callbacks)
        seconds.append(time.process_time() - start)
        own += [callback.overhead.seconds for callback in callbacks]
    return np.array(seconds), np.array(own)


def warm_up():
    """Train a tiny model, for the one-time costs of a process."""
    tiny = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    tiny.compile("adam", "mse")
    tiny.fit(np.ones((8, 1)), np.ones((8, 1)), verbose=0)


def main():
    """Measure the requested networks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", choices=NETWORKS, default=["mlp", "cnn", "lstm"])
    parser.add_argument("--fits", type=int, default=FITS)
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    warm_up()
    heads = ["network", "backend", "plain", "monitored", "difference", "first", "each other"]
    print(f"| {' | '.join([*heads, 'reported'])} |\n|{'---|' * (len(heads) + 1)}")
    for row in arguments.rows:
        network = NETWORKS[row]
        x, y = network.data(np.random.default_rng(0), arguments.examples)
        bare, _ = seconds_of(network, x, y, arguments.fits, list)
        profile = (
            cProfile.Profile(time.process_time) if arguments.profile else contextlib.nullcontext()
        )
        with profile:
            watched, own = seconds_of(
                network, x, y, arguments.fits, lambda: [Babysitter(verbose=0)]
            )
        more = watched - bare
        cells = [row, keras.backend.backend(), f"{bare.sum():.2f} s", f"{watched.sum():.2f} s"]
        cells += [f"{more.sum():.2f} s", f"{more[0]:.2f} s", f"{more[1:].mean():.2f} s"]
        print(f"| {' | '.join([*cells, f'{own.sum():.2f} s'])} |", flush=True)
        if arguments.profile:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(70)


if __name__ == "__main__":
    main()
