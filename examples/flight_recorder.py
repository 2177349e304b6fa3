"""Find the example and the layer that make the loss NaN: one corrupt image among 1,797.

    python examples/flight_recorder.py [--out out/flight_recorder]

A network is trained on scikit-learn's digits in mixed precision. One pixel of one image is 100,000
instead of at most 16, and float16 ends at 65,504. The flight recorder finds the image. The rescue
skips its batch and continues. The bundle reproduces the bad value in a separate process.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from sklearn.datasets import load_digits

import keras_babysit as kb

BROKEN = 1234  # the image with the bad pixel


def digits():
    """Return the digits, with one corrupt image."""
    x, y = load_digits(return_X_y=True)
    x = x.astype("float32")
    x[BROKEN, 27] = 100_000.0
    return x, y


def make_model():
    """Return a network that computes in float16, with the same weights each time."""
    keras.utils.set_random_seed(0)
    half = {"activation": "relu", "dtype": "mixed_float16"}
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, name="dense_1", **half),
            keras.layers.Dense(64, name="dense_2", **half),
            keras.layers.Dense(10, dtype="float32", name="digits"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-3))
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


def main(arguments=None):
    """Train without and with the recorder, and run the script of its bundle."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out/flight_recorder"))
    out = parser.parse_args(arguments).out
    x, y = digits()

    print("\n1. Without the recorder\n")
    alone = make_model().fit(x, y, batch_size=32, epochs=2, verbose=2)

    print("\n2. With the recorder and the rescue\n")
    sitter = kb.Babysitter(record=out, rescue=kb.Rescue(lr_factor=1.0), every=10)
    watched = make_model().fit(x, y, batch_size=32, epochs=2, verbose=2, callbacks=[sitter])

    print("\n3. The bundle, in a separate process\n")
    found = next(finding for finding in sitter.findings if finding.rule == "flight_recorder")
    script = Path(found.remedies[0].code.removeprefix("python "))
    print(f"$ python {script}", flush=True)
    shown = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    print(shown.stdout)
    return alone.history, watched.history, found, shown


if __name__ == "__main__":
    main()
