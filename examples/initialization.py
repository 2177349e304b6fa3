"""How initial weights change the signal and the gradient in a deep network.

    python examples/initialization.py --folder docs/images

Prints the standard deviation of signal and gradient through 50 layers, and plots histograms of the
activations by depth: for weights that are too small, too large, Xavier's and He's.

The forward and backward passes are written in NumPy. Only the weights come from the initializers.
"""

import argparse
import pathlib
from collections.abc import Callable

import keras
import numpy as np
from matplotlib.figure import Figure

from keras_babysit.initializers import He, SmallRandom, VariancePreserving, Xavier

Array = np.ndarray
Function = Callable[[Array], Array]

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def sigmoid(z: Array) -> Array:
    """Return `1 / (1 + exp(-z))`, without overflow."""
    return 0.5 * (1 + np.tanh(z / 2))


def elu(z: Array, alpha: float = 1.0) -> Array:
    """Return z where it is positive, and `alpha * (exp(z) - 1)` elsewhere."""
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def elu_slope(z: Array, alpha: float = 1.0) -> Array:
    """Return the derivative of `elu`."""
    return np.where(z > 0, 1.0, alpha * np.exp(np.minimum(z, 0)))


# SiLU stands in for GELU, which is similar but has a longer derivative.
ACTIVATIONS: dict[str, tuple[Function, Function]] = {
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.2 * z), lambda z: np.where(z > 0, 1.0, 0.2)),
    "elu": (elu, elu_slope),
    "selu": (
        lambda z: SELU_SCALE * elu(z, SELU_ALPHA),
        lambda z: SELU_SCALE * elu_slope(z, SELU_ALPHA),
    ),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * sigmoid(-z))),
    "maxout": (lambda z: z.max(axis=-1), lambda z: (z == z.max(axis=-1, keepdims=True)) * 1.0),
}
PIECES = 2


def initializers(activation: str) -> dict[str, keras.initializers.Initializer]:
    """Return the initializers to compare, by their name in the table."""
    if activation == "maxout":
        fitting = VariancePreserving(pieces=PIECES)
    else:
        fitting = VariancePreserving(activation)
    return {
        "zeros": keras.initializers.Zeros(),
        "small, 0.01": SmallRandom(0.01),
        "large, 1": SmallRandom(1.0),
        "Xavier": Xavier(),
        "He": He(),
        "fitting": fitting,
    }


def forward(activation: str, kernels: list[Array], x: Array) -> tuple[list[Array], list[Array]]:
    """Return the pre-activations and activations of every layer."""
    f, _ = ACTIVATIONS[activation]
    preactivations, activations = [], []
    for kernel in kernels:
        z = x @ kernel
        if activation == "maxout":
            z = z.reshape(len(z), -1, PIECES)
        x = f(z)
        preactivations.append(z)
        activations.append(x)
    return preactivations, activations


def backward(
    activation: str, kernels: list[Array], preactivations: list[Array], gradient: Array
) -> list[Array]:
    """Return the gradient of each layer's activations, given that of the last layer."""
    _, slope = ACTIVATIONS[activation]
    gradients = [gradient]
    for kernel, z in zip(kernels[:0:-1], preactivations[:0:-1], strict=True):
        if activation == "maxout":
            gradient = gradient[..., None]
        gradient = (gradient * slope(z)).reshape(len(z), -1) @ kernel.T
        gradients.append(gradient)
    return gradients[::-1]


def draw_kernels(
    initializer: keras.initializers.Initializer, activation: str, width: int, depth: int
) -> list[Array]:
    """Return one kernel per layer, with one column per piece of each unit."""
    columns = width * (PIECES if activation == "maxout" else 1)
    # Each clone has its own seed: one initializer would give every layer the same weights.
    return [
        keras.ops.convert_to_numpy(initializer.clone()((width, columns))).astype("float64")
        for _ in range(depth)
    ]


def deviations(
    activation: str, initializer: keras.initializers.Initializer, *, width: int, depth: int
) -> tuple[list[float], list[float]]:
    """Return the standard deviation of signal and gradient, one value per layer."""
    random = np.random.default_rng(0)
    kernels = draw_kernels(initializer, activation, width, depth)
    with np.errstate(over="ignore", invalid="ignore"):
        preactivations, activations = forward(activation, kernels, random.normal(size=(200, width)))
        gradients = backward(activation, kernels, preactivations, random.normal(size=(200, width)))
        return [float(a.std()) for a in activations], [float(g.std()) for g in gradients]


def print_table(*, width: int, depth: int) -> dict[str, dict[str, tuple[list, list]]]:
    """Print and return the standard deviations of all activations and initializers."""
    shown = sorted({0, 9, depth // 2 - 1, depth - 1} & set(range(depth)))
    table = {}
    print(f"Standard deviation of signal and gradient by layer, {width} units:\n")
    heads = [f"{what} at {layer + 1}" for what in ("signal", "gradient") for layer in shown]
    print("| " + " | ".join(["activation", "weights", *heads]) + " |")
    print("|---" * (len(heads) + 2) + "|")
    for activation in ACTIVATIONS:
        table[activation] = {}
        for name, initializer in initializers(activation).items():
            result = deviations(activation, initializer, width=width, depth=depth)
            table[activation][name] = result
            numbers = [f"{values[layer]:.2g}" for values in result for layer in shown]
            print(f"| {activation} | {name} | " + " | ".join(numbers) + " |")
    return table


def plot_depth(table: dict[str, dict[str, tuple[list, list]]]) -> Figure:
    """Plot the standard deviations by depth, one column per activation, signal above gradient."""
    figure = Figure(figsize=(2.2 * len(table), 5), layout="constrained")
    axes = figure.subplots(2, len(table), sharex=True, sharey="row")
    for column, (activation, rows) in enumerate(table.items()):
        for name, result in rows.items():
            if name == "zeros":
                continue  # zero has no position on a log scale
            for row, values in enumerate(result):
                axes[row, column].plot(range(1, len(values) + 1), values, label=name)
                axes[row, column].grid(alpha=0.3)
        axes[0, column].set(title=activation, yscale="log", ylim=(1e-8, 1e8))
        axes[1, column].set(xlabel="layer", yscale="log", ylim=(1e-8, 1e8))
    axes[0, 0].set_ylabel("std of the signal")
    axes[1, 0].set_ylabel("std of the gradient")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    return figure


def plot_histograms(activation: str, *, width: int, depth: int = 10) -> Figure:
    """Plot CS231n's figure: histograms of activations by depth, one row per initializer."""
    chosen = {k: v for k, v in initializers(activation).items() if k not in ("zeros", "fitting")}
    x = np.random.default_rng(0).normal(size=(500, width))
    figure = Figure(figsize=(1.5 * depth, 1.5 * len(chosen)), layout="constrained")
    axes = figure.subplots(len(chosen), depth, squeeze=False)
    for row, (name, initializer) in enumerate(chosen.items()):
        kernels = draw_kernels(initializer, activation, width, depth)
        for layer, values in enumerate(forward(activation, kernels, x)[1]):
            draw_histogram(axes[row, layer], values, reach=1 if activation == "tanh" else 3)
            if row == 0:
                axes[row, layer].set_title(f"layer {layer + 1}\nstd {values.std():.1e}", fontsize=9)
        axes[row, 0].set_ylabel(name)
    figure.suptitle(
        f"{activation}: activations by depth (without zeros; the outer bins hold values beyond)"
    )
    return figure


def draw_histogram(axes, values: Array, *, reach: float) -> None:
    """Plot one histogram over [-reach, reach], without the zeros of a ReLU."""
    shown = np.clip(values[values != 0], -reach, reach)
    axes.hist(shown, bins=40, range=(-reach, reach), color="tab:blue")
    axes.set(yticks=[], xticks=[-reach, 0, reach])
    axes.tick_params(labelsize=7)
    axes.set_title(f"std {values.std():.1e}", fontsize=9)


def main() -> None:
    """Print the table and save the plots."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--width", type=int, default=300)
    parser.add_argument("--depth", type=int, default=50)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(0)
    table = print_table(width=arguments.width, depth=arguments.depth)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    plot_depth(table).savefig(arguments.folder / "initialization_depth.png", dpi=90)
    for activation in ("tanh", "relu", "maxout"):
        figure = plot_histograms(activation, width=arguments.width)
        figure.savefig(arguments.folder / f"initialization_{activation}.png", dpi=90)


if __name__ == "__main__":
    main()
