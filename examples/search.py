"""Search learning rate, size, activation and dropout from coarse to fine, with two workers.

    python examples/search.py [--out FOLDER] [--trials N] [--workers N]

The data are scikit-learn's handwritten digits. The first of three rounds trains one fold for two
epochs, the second one fold for six, the third all three folds; the best trials of each round go on,
in ranges that narrow. A picture per round shows what was known after it.

The first process starts the others: they run the same script on the same database. Kill one of them
(`kill -9`), and another one repeats its trial.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core per worker
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from sklearn.datasets import load_digits

import keras_babysit as kb


def build(hp):
    """Return a compiled network. `hp` has the methods of KerasTuner's."""
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(
                hp.Int("units", 8, 128, sampling="log"),
                activation=hp.Choice("activation", ["relu", "tanh"]),
            ),
            keras.layers.Dropout(hp.Float("dropout", 0.0, 0.6)),
            keras.layers.Dense(10),
        ]
    )
    rate = hp.Float("learning_rate", 1e-6, 100.0, sampling="log")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), loss, metrics=["accuracy"])
    return model


def search(out, trials, *, verbose):
    """Run trials of the search until all are finished, and return the search."""
    x, y = load_digits(return_X_y=True)
    return kb.search.CoarseToFineSearchCV(
        build,
        objective="val_accuracy",
        max_trials=trials,
        rounds=3,
        cv=3,
        storage=f"sqlite:///{out / 'search.db'}",
        study_name="digits",
        checkpoint_dir=out / "checkpoints",
        heartbeat_interval=5,
        seed=24,
        log_dir=out / "logs",
        verbose=verbose,
    ).fit((x / 16).astype("float32"), y, epochs=6, batch_size=64)


def main(arguments=None):
    """Start the other workers, search, and print the best result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out/search"))
    parser.add_argument("--trials", type=int, default=36)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--is-helper", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, "--out", str(chosen.out), "--trials", str(chosen.trials)]
    helpers = [
        subprocess.Popen([*command, "--workers", "1", "--is-helper"])
        for _ in range(chosen.workers - 1)
    ]
    found = search(chosen.out, chosen.trials, verbose=0 if chosen.is_helper else 1)
    for helper in helpers:
        helper.wait()
    if not chosen.is_helper:
        for rounds in range(1, len(found.ranges_) + 1):
            found.plot(rounds).savefig(chosen.out / f"round-{rounds}.png", dpi=110)
        found.plot().savefig(chosen.out / "search.png", dpi=110)
        print(f"\nBest, with other seeds: val_accuracy {found.best_score_:.3f}")
        print(f"Hyperparameters: {found.best_params_}")
        print(f"Plots: {chosen.out / 'search.png'}, and round-1.png, ... for each round")
        print(f"Optuna: optuna-dashboard sqlite:///{chosen.out / 'search.db'}")
        print(f"TensorBoard: tensorboard --logdir {chosen.out / 'logs'}")
    return found


if __name__ == "__main__":
    main()
