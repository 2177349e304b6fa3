"""Pictures of CS231n's lesson "Training Neural Networks, part 1" that need a training or a sketch.

    python examples/lesson.py --save docs/images

Draws: what a stack of layers without activation can separate; why outputs that are not zero-centred
give gradients of one sign, and the zigzag that follows; batch normalization by depth; grid against
random search; an underfit, a right fit and an overfit with learning curves; a validation curve.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

from keras_babysit.figures import COLOURS

BLUE, ORANGE, GREEN = COLOURS[:3]


def digits(examples=600, wrong=0.0):
    """Return digits for training, and 400 others for validation, in [0, 1].

    Of the training labels, the fraction `wrong` is drawn at random: noise that can be learned by
    heart, but not applied.
    """
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], y[order]
    random = np.random.default_rng(1)
    noisy = np.where(random.random(len(y)) < wrong, random.integers(0, 10, len(y)), y)
    return (x[400 : 400 + examples], noisy[400 : 400 + examples]), (x[:400], y[:400])


def classifier(*hidden, features=64, classes=10, rate=0.1):
    """Return a compiled network with the given hidden layers, always with the same weights."""
    keras.utils.set_random_seed(0)
    layers = [keras.Input((features,)), *hidden, keras.layers.Dense(classes)]
    model = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), loss, metrics=["accuracy"])
    return model


# ------------------------------------------------------------------- layers without activation


def rings(count=300):
    """Return points of two rings around the origin, which no line separates."""
    random = np.random.default_rng(0)
    y = np.arange(count) % 2
    radius = 1 + y + random.normal(0, 0.15, count)
    angle = random.uniform(0, 2 * np.pi, count)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return x.astype("float32"), y


def linear_stack(epochs=60):
    """Plot what four layers separate without activations, and with ReLU."""
    x, y = rings()
    figure = Figure(figsize=(8.0, 3.8), layout="constrained")
    grid = np.stack(np.meshgrid(*[np.linspace(-2.6, 2.6, 60)] * 2), axis=-1).astype("float32")
    panels = zip(figure.subplots(1, 2, sharey=True), (None, "relu"), strict=True)
    for axes, activation in panels:
        hidden = [keras.layers.Dense(16, activation=activation) for _ in range(3)]
        model = classifier(*hidden, features=2, classes=2, rate=0.03)
        model.fit(x, y, epochs=epochs, batch_size=50, verbose=0)
        scores = model.predict(grid.reshape(-1, 2), verbose=0, batch_size=512)
        margin = (scores[:, 1] - scores[:, 0]).reshape(grid.shape[:2])
        levels = [margin.min() - 1, 0, margin.max() + 1]
        axes.contourf(
            *np.moveaxis(grid, -1, 0), margin, levels=levels, alpha=0.25, colors=[BLUE, ORANGE]
        )
        for kind, colour in enumerate((BLUE, ORANGE)):
            axes.scatter(*x[y == kind].T, s=8, color=colour)
        accuracy = model.evaluate(x, y, verbose=0)[1]
        name = "ReLU" if activation else "no activation: one linear map"
        axes.set(title=f"4 layers, {name}\naccuracy {accuracy:.0%}", aspect="equal")
    return figure


# ------------------------------------------------------------------------ one-signed gradients


def one_signed_fraction(activation, depth=4, width=100, examples=200):
    """Return, per layer, the fraction of units whose weight gradients all have one sign.

    The gradient of a unit's weights is its own gradient times the outputs of the layer before. For
    a single example, all entries have the same sign where those outputs are positive.
    """
    random = np.random.default_rng(0)
    outputs = random.normal(size=(examples, width))
    fractions = []
    for _ in range(depth):
        # Each unit's own gradient only sets the sign of its column, so the outputs decide.
        is_one_signed = (outputs > 0).all(axis=1) | (outputs < 0).all(axis=1)
        fractions.append(float(is_one_signed.mean()))
        outputs = activation(outputs @ random.normal(0, np.sqrt(1 / width), (width, width)))
    return fractions


def descent(inputs, *, rate, steps=24):
    """Return the path of two weights, one example per step, towards a fit of the targets.

    The examples have length 1, so that the paths differ only by the directions of their steps.
    """
    wanted, weights = np.array([1.0, -1.0]), np.zeros(2)
    path = [weights]
    for step in range(steps):
        example = inputs[step % len(inputs)]
        example = example / np.linalg.norm(example)
        weights = weights - rate * (example @ (weights - wanted)) * example
        path.append(weights)
    return np.array(path)


def one_signed():
    """Plot the fraction of one-signed gradients by layer, and the zigzag that they cause."""
    functions = {"sigmoid": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh}
    figure = Figure(figsize=(9.0, 3.8), layout="constrained")
    bars, path = figure.subplots(1, 2)
    for index, (name, function) in enumerate(functions.items()):
        fractions = one_signed_fraction(function)
        places = np.arange(len(fractions)) + 0.4 * index
        drawn = bars.bar(places, fractions, width=0.38, color=(ORANGE, BLUE)[index], label=name)
        bars.bar_label(drawn, [f"{fraction:.0%}" for fraction in fractions])
    bars.set(
        title="Units whose weight gradients all have one sign,\nfor one example",
        xlabel="layer (the inputs of the first are zero-centred)",
        ylabel="fraction of the units",
        ylim=(0, 1.3),
        yticks=np.linspace(0, 1, 6),
        xticks=np.arange(4) + 0.2,
        xticklabels=["1", "2", "3", "4"],
    )
    bars.legend(frameon=False, loc="upper left", ncols=2)
    inputs = np.random.default_rng(1).normal(size=(20, 2))
    for name, examples, colour in (
        ("all inputs positive", np.abs(inputs), ORANGE),
        ("zero-centred inputs", inputs, BLUE),
    ):
        path.plot(*descent(examples, rate=0.5).T, marker=".", color=colour, label=name)
    path.plot(1, -1, "k*", markersize=12)
    path.set(
        title="Two weights on their way to the star:\npositive inputs raise both, or lower both",
        xlabel="weight 1",
        ylabel="weight 2",
    )
    path.legend(frameon=False)
    return figure


# ------------------------------------------------------------------------- batch normalization


def deep(depth, *, is_normalized):
    """Return hidden layers with tanh, with or without batch normalization, of small weights."""
    small = keras.initializers.RandomNormal(stddev=0.05)
    found = []
    for _ in range(depth):
        found.append(keras.layers.Dense(50, use_bias=False, kernel_initializer=small.clone()))
        found += [keras.layers.BatchNormalization()] if is_normalized else []
        found.append(keras.layers.Activation("tanh"))
    return found


def batch_normalization(depths=(1, 2, 4, 8, 16), epochs=5):
    """Plot the validation accuracy by depth, with batch normalization and without."""
    train, validation = digits()
    figure = Figure(figsize=(6.0, 3.8), layout="constrained")
    axes = figure.add_subplot()
    for is_normalized, colour in ((True, BLUE), (False, ORANGE)):
        scores = []
        for depth in depths:
            model = classifier(*deep(depth, is_normalized=is_normalized), rate=0.05)
            model.fit(*train, epochs=epochs, batch_size=32, verbose=0)
            scores.append(model.evaluate(*validation, verbose=0)[1])
        name = "with batch normalization" if is_normalized else "without"
        axes.plot(depths, scores, marker="o", color=colour, label=name)
    axes.axhline(0.1, color="grey", linewidth=0.8, linestyle=":", label="chance")
    axes.set(
        title=f"Digits, weights of 0.05, {epochs} epochs",
        xlabel="hidden layers",
        ylabel="validation accuracy",
        ylim=(0, 1),
    )
    axes.set_xscale("log", base=2)
    axes.set_xticks(depths, [str(depth) for depth in depths])
    axes.legend(frameon=False)
    return figure


# ------------------------------------------------------------------------------- grid and random


def grid_and_random(trials=9):
    """Plot the settings that a grid and a random search try, and their scores.

    The score depends on the first setting only, as Bergstra and Bengio (2012) draw it.
    """
    side = int(np.sqrt(trials))
    even = (np.arange(side) + 0.5) / side
    grid = np.array([(a, b) for a in even for b in even])
    # One point per row and column, shuffled: random, but never twice at the same place.
    random = np.random.default_rng(3)
    spread = [(random.permutation(trials) + random.random(trials)) / trials for _ in range(2)]

    def score(a):
        return np.exp(-(((a - 0.31) / 0.07) ** 2))

    figure = Figure(figsize=(8.0, 4.2), layout="constrained")
    panels = figure.subplots(2, 2, height_ratios=(1, 2.4), sharex=True)
    fine = np.linspace(0, 1, 200)
    searches = {"grid": grid, "random": np.stack(spread, axis=1)}
    for (top, cells), (name, points) in zip(panels.T, searches.items(), strict=True):
        top.plot(fine, score(fine), color="grey")
        top.plot(points[:, 0], score(points[:, 0]), "o", color=ORANGE)
        distinct = len(np.unique(points[:, 0].round(6)))
        best = score(points[:, 0]).max()
        top.set(title=f"{name}: {distinct} values, best score {best:.2f}", yticks=[])
        shown = cells.scatter(
            *points.T,
            marker="s",
            s=90,
            c=score(points[:, 0]),
            cmap="viridis",
            vmin=0,
            vmax=1,
            edgecolors="black",
            linewidths=0.5,
        )
        cells.set(
            xlim=(0, 1),
            ylim=(0, 1),
            xlabel="the setting that matters",
        )
        # The lines are the cells of the grid, as many as it has values.
        lines = np.linspace(0, 1, side + 1)
        cells.set_xticks(lines, [f"{line:.2g}" for line in lines])
        cells.set_yticks(lines, [f"{line:.2g}" for line in lines])
        cells.set_axisbelow(True)
        cells.grid(alpha=0.5)
    panels[1, 0].set_ylabel("the setting that does not")
    figure.colorbar(shown, ax=list(panels[1]), label="score")
    return figure


# ------------------------------------------------------------- underfit, right fit and overfit


WRONG = 0.2
"""Fraction of the training labels that are drawn at random."""

FITS = {
    "underfit: 2 units": ([2], 0.0, 0.05),
    "right: 32 units, dropout 0.5": ([32], 0.5, 0.02),
    "overfit: 3 x 256 units": ([256, 256, 256], 0.0, 0.05),
}
"""Units of the hidden layers, dropout rate and learning rate, by what comes of them."""


def hidden_layers(units, dropout):
    """Return ReLU layers, each followed by dropout."""
    found = []
    for size in units:
        found.append(keras.layers.Dense(size, activation="relu"))
        found += [keras.layers.Dropout(dropout)] if dropout else []
    return found


def learning_curve(units, dropout, rate, sizes, *, epochs):
    """Return training and validation error after training on parts of the data, per size."""
    (x, y), validation = digits(max(sizes), wrong=WRONG)
    curve = []
    for size in sizes:
        model = classifier(*hidden_layers(units, dropout), rate=rate)
        steps = max(1, max(sizes) // size)  # the same number of steps for each size
        model.fit(x[:size], y[:size], epochs=epochs * steps, batch_size=32, verbose=0)
        scored = ((x[:size], y[:size]), validation)
        curve.append([1 - model.evaluate(*part, verbose=0)[1] for part in scored])
    return np.array(curve)


def fits(sizes=(50, 100, 200, 400), epochs=30):
    """Plot the three kinds of fit: errors by epoch, and by the number of training examples."""
    train, validation = digits(200, wrong=WRONG)
    figure = Figure(figsize=(9.5, 5.0), layout="constrained")
    panels = figure.subplots(2, len(FITS), sharey=True)
    for (top, below), (name, (units, dropout, rate)) in zip(panels.T, FITS.items(), strict=True):
        model = classifier(*hidden_layers(units, dropout), rate=rate)
        course = []
        for _ in range(epochs):  # both scored in inference mode, on the weights after the epoch
            model.fit(*train, epochs=1, batch_size=20, verbose=0)
            course.append([1 - model.evaluate(*part, verbose=0)[1] for part in (train, validation)])
        curve = learning_curve(units, dropout, rate, sizes, epochs=epochs // 2)
        for axes, at, errors in (
            (top, range(1, epochs + 1), np.array(course)),
            (below, sizes, curve),
        ):
            axes.plot(at, errors[:, 0], marker=".", color=BLUE, label="training")
            axes.plot(at, errors[:, 1], marker=".", color=ORANGE, label="validation")
            axes.grid(alpha=0.3)
        top.set(title=name, xlabel="epoch (200 examples)", ylim=(0, 1))
        below.set(xlabel="training examples (learning curve)", xscale="log")
        below.set_xticks(sizes, [str(size) for size in sizes])
        below.minorticks_off()
    for axes in panels[:, 0]:
        axes.set_ylabel("error rate")
    panels[0, 0].legend(frameon=False)
    return figure


def validation_curve(values=(1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0), epochs=80, examples=200):
    """Plot training and validation error over one hyperparameter, an L2 penalty.

    Some training labels are wrong: without a penalty the network learns them by heart.
    """
    train, validation = digits(examples, wrong=WRONG)
    errors = []
    for value in values:
        penalty = keras.regularizers.L2(value)
        layer = keras.layers.Dense(256, activation="relu", kernel_regularizer=penalty)
        model = classifier(layer, rate=0.1)
        model.fit(*train, epochs=epochs, batch_size=20, verbose=0)
        errors.append([1 - model.evaluate(*part, verbose=0)[1] for part in (train, validation)])
    figure = Figure(figsize=(6.0, 3.8), layout="constrained")
    axes = figure.add_subplot()
    for column, (name, colour) in enumerate((("training", BLUE), ("validation", ORANGE))):
        axes.plot(values, np.array(errors)[:, column], marker="o", color=colour, label=name)
    axes.set(
        title=f"{examples} digits, {WRONG:.0%} of the labels drawn at random",
        xlabel="L2 penalty",
        ylabel="error rate",
        xscale="log",
        ylim=(0, 1),
    )
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


PICTURES = {
    "linear_stack.png": linear_stack,
    "one_signed_gradients.png": one_signed,
    "batch_normalization.png": batch_normalization,
    "grid_and_random.png": grid_and_random,
    "fits.png": fits,
    "validation_curve.png": validation_curve,
}


def main(arguments=None):
    """Draw the pictures into a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", type=Path, default=Path("out/lesson"))
    parser.add_argument("--only", nargs="*", choices=PICTURES, default=list(PICTURES))
    chosen = parser.parse_args(arguments)
    chosen.save.mkdir(parents=True, exist_ok=True)
    for name in chosen.only:
        PICTURES[name]().savefig(chosen.save / name, dpi=110)
        print(chosen.save / name)


if __name__ == "__main__":
    main()
