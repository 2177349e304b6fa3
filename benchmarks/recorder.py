"""Measure what the flight recorder costs per step: one run alone, watched, and recorded.

    python benchmarks/recorder.py [--steps N] [--repeats N]

The table shows the processor time of the whole process, which a busy machine changes little, as
the median of the repeats; the kinds of runs take turns. The first 20 steps of the epoch are left
out, and no probe is taken after them: what "recorded" takes beyond "watched" is the cost of the
recorder alone, of kept batches and snapshots.
"""

import argparse
import statistics
import tempfile
import time

import keras
import numpy as np

import keras_babysit as kb

MODELS = {"dense 64-64-10": (64, 64), "dense 784-512-512-10": (784, 512)}
BATCH, FIRST = 32, 20


def make_model(columns, units):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((columns,)),
            keras.layers.Dense(units, "relu"),
            keras.layers.Dense(units, "relu"),
            keras.layers.Dense(10, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


class Clock(keras.callbacks.Callback):
    """Measures the processor time from step 20 to the last one."""

    def on_train_batch_begin(self, batch, logs=None):
        """Start or stop the clock."""
        if batch == FIRST:
            self.start = time.process_time()
        if batch == self.params["steps"] - 1:
            self.seconds = (time.process_time() - self.start) / (batch - FIRST)


def seconds_per_step(model, x, y, sitter):
    """Return the processor time per step of one epoch, in seconds."""
    clock = Clock()
    callbacks = [clock, *([sitter] if sitter else [])]
    model.fit(x, y, batch_size=BATCH, verbose=0, callbacks=callbacks, shuffle=False)
    return clock.seconds


def measure(columns, units, steps, repeats):
    """Return the microseconds per step for each kind of run."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(steps * BATCH, columns)).astype("float32")
    y = rng.integers(0, 10, steps * BATCH)
    with tempfile.TemporaryDirectory() as folder:
        kinds = {
            "alone": lambda: None,
            "watched": lambda: kb.Babysitter(every=10 * steps, verbose=0),
            "rescue": lambda: kb.Babysitter(every=10 * steps, verbose=0, rescue=True),
            "recorded": lambda: kb.Babysitter(every=10 * steps, verbose=0, record=folder),
        }
        model = make_model(columns, units)
        taken = {kind: [] for kind in kinds}
        for turn in range(repeats + 1):
            for kind, make in kinds.items():
                taken[kind].append(1e6 * seconds_per_step(model, x, y, make()))
            if turn == 0:
                taken = {kind: [] for kind in kinds}  # compile first
    return {kind: statistics.median(values) for kind, values in taken.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{keras.backend.backend()}, batches of {BATCH}, microseconds of CPU time per step")
    print(f"{'':24}{'alone':>9}{'watched':>9}{'rescue':>9}{'recorded':>9}")
    for name, sizes in MODELS.items():
        found = measure(*sizes, arguments.steps, arguments.repeats)
        print(f"{name:24}" + "".join(f"{value:9.0f}" for value in found.values()), flush=True)


if __name__ == "__main__":
    main()
