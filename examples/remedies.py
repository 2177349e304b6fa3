"""Try what the findings advise, each remedy against the same training without it.

    python examples/remedies.py [--out FOLDER] [--epochs N] [--seeds N] [--budget TIME]

The data are scikit-learn's handwritten digits. The learning rate is far too low: the network hardly
learns.
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
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, activation="relu", name="hidden_1"),
            keras.layers.Dense(64, activation="relu", name="hidden_2"),
            keras.layers.Dense(10, activation="softmax", name="digits"),
        ]
    )
    model.compile(
        keras.optimizers.SGD(1e-4), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def main(arguments=None):
    """Print the table of the trial, save it as a page and a plot, and return the trial."""
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
    trial.plot().save(given.out / "remedies.png")
    if trial.best:
        for change in trial.best.changes:
            print(f"\n{change.code}")
    return trial


if __name__ == "__main__":
    main()
