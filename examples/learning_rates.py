"""What does the loss look like at a learning rate that is too low, good, high or far too high?

    python examples/learning_rates.py [--save docs/images]

Trains the same network on scikit-learn's digits at four learning rates, asks `kb.Babysitter` about
each, and lets `lr_range_test` say which rate to begin with.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits

from keras_babysit import Babysitter
from keras_babysit.checks import lr_range_test

RATES = {"too low": 0.005, "good": 0.3, "high": 1.5, "very high": 10.0}
EPOCHS = 15


def digits():
    """Return 1,797 images of digits as rows in [0, 1], and the digits."""
    x, y = load_digits(return_X_y=True)
    return (x / 16).astype("float32"), y


def make_model(rate=0.1):
    """Return a small network for digits, the same weights each time."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, activation="relu", kernel_initializer="he_normal"),
            keras.layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate), loss)
    return model


def train(rate):
    """Return the losses by epoch, the one before training first, and what the sitter said."""
    x, y = digits()
    model = make_model(rate)
    sitter = Babysitter(verbose=0, every=10)  # not by the clock: the same words on each machine
    start = model.evaluate(x, y, verbose=0)
    history = model.fit(x, y, epochs=EPOCHS, verbose=0, callbacks=[sitter]).history
    return [start, *history["loss"]], sitter.findings


def draw(curves, found):
    """Return a picture of the loss curves beside that of the range test."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    for name, losses in curves.items():
        axes.plot(losses, marker=".", label=f"{name}: {RATES[name]:g}")
    axes.set(xlabel="epoch", ylabel="loss", xlim=(0, EPOCHS), ylim=(0, 4))
    top = max(loss for losses in curves.values() for loss in losses if np.isfinite(loss))
    axes.annotate(f"up to {top:.0f}", (2.1, 3.8), color="tab:red")
    axes.legend(title="learning rate", frameon=False)
    return {"learning_rates.png": figure, "lr_range_test.png": found.plot()}


def main(arguments=None):
    """Train at each rate, print what the sitter says, and save the pictures if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", type=Path, help="folder for the pictures")
    save = parser.parse_args(arguments).save
    found = lr_range_test(make_model(), *digits(), min_lr=1e-5, max_lr=100.0)
    print(f"range test: {found}\n")
    curves = {}
    for name, rate in RATES.items():
        curves[name], finding = train(rate)
        print(f"{name} ({rate:g}): loss {curves[name][0]:.2f} -> {curves[name][-1]:.3g}")
        for one in finding:
            state = one.severity.name if one.is_open else "resolved"
            if one.cause:  # a symptom: what to do stands at its cause
                print(f"    -> {state} {one.rule}")
                continue
            print(f"  {state} {one.rule}: {one.message}")
            if one.is_open and one.remedies and one.remedies[0].code:
                print(f"    {one.remedies[0].code}")
    if save:
        save.mkdir(parents=True, exist_ok=True)
        for file, figure in draw(curves, found).items():
            figure.savefig(save / file, dpi=110)
    return curves, found


if __name__ == "__main__":
    main()
