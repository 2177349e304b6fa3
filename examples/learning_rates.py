"""Compare learning rates that are too low, good, high and far too high.

    python examples/learning_rates.py [--save docs/images]

Trains the same network on scikit-learn's digits at four learning rates, prints what `kb.Babysitter`
finds in each run, and suggests a learning rate with `lr_range_test`.
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
    """Return 1,797 images of digits as rows with values in [0, 1], and their labels."""
    x, y = load_digits(return_X_y=True)
    return (x / 16).astype("float32"), y


def make_model(rate=0.1):
    """Return a small network for the digits, with the same weights each time."""
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
    """Return the loss before training and after each epoch, and the findings."""
    x, y = digits()
    model = make_model(rate)
    sitter = Babysitter(verbose=0, every=10)  # fixed interval: same findings on any machine
    start = model.evaluate(x, y, verbose=0)
    history = model.fit(x, y, epochs=EPOCHS, verbose=0, callbacks=[sitter]).history
    return [start, *history["loss"]], sitter.findings


def draw(curves, found):
    """Return plots of the loss curves and of the range test, by file name."""
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
    """Train at each learning rate, print the findings, and save the plots on request."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", type=Path, help="folder for the plots")
    save = parser.parse_args(arguments).save
    found = lr_range_test(make_model(), *digits(), min_lr=1e-5, max_lr=100.0)
    print(f"range test: {found}\n")
    curves = {}
    for name, rate in RATES.items():
        curves[name], findings = train(rate)
        print(f"{name} ({rate:g}): loss {curves[name][0]:.2f} -> {curves[name][-1]:.3g}")
        for finding in findings:
            state = finding.severity.name if finding.is_open else "resolved"
            if finding.cause:  # a symptom: its cause has the remedy
                print(f"    -> {state} {finding.rule}")
                continue
            print(f"  {state} {finding.rule}: {finding.message}")
            if finding.is_open and finding.remedies and finding.remedies[0].code:
                print(f"    {finding.remedies[0].code}")
    if save:
        save.mkdir(parents=True, exist_ok=True)
        for file, figure in draw(curves, found).items():
            figure.savefig(save / file, dpi=110)
    return curves, found


if __name__ == "__main__":
    main()
