"""Try what the findings advise, each remedy against the same training without it.

    python examples/remedies.py [--out FOLDER] [--epochs N] [--seeds N] [--budget TIME]

The data are scikit-learn's handwritten digits. The network has sigmoids, weights that are far too
small, and a learning rate that is far too low: it hardly learns.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from sklearn.datasets import load_digits

import keras_babysit as kb


def load():
    """Return standardized digits and their labels."""
    x, y = load_digits(return_X_y=True)
    return ((x - x.mean()) / x.std()).astype("float32"), y


def build():
    """Return a compiled network that hardly learns."""
    hidden = {
        "activation": "sigmoid",
        "kernel_initializer": keras.initializers.RandomNormal(0.0, 0.01),
    }
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, name="hidden_1", **hidden),
            keras.layers.Dense(64, name="hidden_2", **hidden),
            keras.layers.Dense(10, activation="softmax", name="digits"),
        ]
    )
    model.compile(
        keras.optimizers.SGD(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def main(arguments=None):
    """Print the table of the trial, and return the trial."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out/remedies"))
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--budget", default="10min")
    given = parser.parse_args(arguments)
    trial = kb.try_remedies(
        build(), *load(), epochs=given.epochs, seeds=given.seeds, budget=given.budget
    )
    print(trial)
    given.out.mkdir(parents=True, exist_ok=True)
    trial.to_html(given.out / "trial.html")
    if trial.best:
        print(f"Best: {trial.best.text}")
        for change in trial.best.changes:
            print(f"\n{change.code}")
    return trial


if __name__ == "__main__":
    main()
