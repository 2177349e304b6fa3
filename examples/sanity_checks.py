"""Check networks before the first epoch with `check`.

    python examples/sanity_checks.py [--save docs/images]

Checks four programs for scikit-learn's digits: a correct one, and three with a fault that `fit`
does not report. The plot shows how initial weights that are too small or too large change the
signal by depth.
"""

import argparse
from pathlib import Path

import keras
from sklearn.datasets import load_digits

from keras_babysit.checks import check

DEPTH = 8
SCALES = {"too small: 0.02": 0.02, "LeCun: 1 / sqrt(64)": 0.125, "too large: 1": 1.0}


def digits():
    """Return 1,797 images of digits as rows with values in [0, 1], and their labels."""
    x, y = load_digits(return_X_y=True)
    return (x / 16).astype("float32"), y


def make_model(activation=None, *, from_logits=True, layers=None):
    """Return a compiled network with the given hidden layers and output activation."""
    keras.utils.set_random_seed(0)
    hidden = layers or [keras.layers.Dense(64, activation="relu")]
    last = keras.layers.Dense(10, activation=activation)
    model = keras.Sequential([keras.Input((64,)), *hidden, last])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits))
    return model


def programs():
    """Return model, inputs and labels of each program, by its fault."""
    x, y = digits()
    return {
        "nothing wrong": (make_model(), x, y),
        "softmax twice": (make_model("softmax"), x, y),
        "pixels up to 255, labels from 1": (make_model(), x * 255, y + 1),
        "weights too small for its depth": (make_model(layers=deep(0.02)), x, y),
    }


def deep(scale):
    """Return tanh layers whose weights have a standard deviation of `scale`."""
    return [
        keras.layers.Dense(
            64, activation="tanh", kernel_initializer=keras.initializers.RandomNormal(0, scale)
        )
        for _ in range(DEPTH)
    ]


def draw():
    """Return a plot of signal and gradient by depth for three scales of the weights."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 3.6), layout="constrained")
    axes = figure.subplots(1, 2)
    for name, scale in SCALES.items():
        model = make_model(layers=deep(scale))
        history = check(model, *digits(), checks=["initial_signal"], verbose=0).history
        for panel, quantity in zip(axes, ("signal/std", "signal/gradient_norm"), strict=True):
            values = [history.last(quantity, target) for target in history.targets(quantity)]
            panel.plot(range(1, len(values) + 1), values, marker=".", label=name)
    axes[0].set(title="Signal: standard deviation of the units", xlabel="layer", yscale="log")
    axes[1].set(title="Gradient: norm at the layer", xlabel="layer", yscale="log")
    axes[0].legend(title="weights", frameon=False)
    return figure


def main(arguments=None):
    """Check each program, print the tables, and save the plot on request."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", type=Path, help="folder for the plot")
    save = parser.parse_args(arguments).save
    reports = {}
    for name, (model, x, y) in programs().items():
        print(f"\n=== {name} ===")
        reports[name] = check(model, x, y)
    if save:
        save.mkdir(parents=True, exist_ok=True)
        draw().savefig(save / "initial_signal.png", dpi=110)
    return reports


if __name__ == "__main__":
    main()
