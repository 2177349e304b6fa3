"""Compare centering, normalization, decorrelation and whitening.

    python examples/preprocessing.py [--save docs/images]

Shows 500 points in the plane after each step, with their covariance, and scikit-learn's digits
before and after ZCA whitening.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits

from keras_babysit.layers import Whitening, ZeroCenter


def cloud():
    """Return 500 correlated points away from the origin."""
    rng = np.random.default_rng(0)
    return (rng.normal(size=(500, 2)) @ [[2.0, 1.2], [0.0, 0.5]] + [3.0, 1.5]).astype("float32")


def stages(points):
    """Return the points after each kind of preprocessing, by its name."""
    normalize = keras.layers.Normalization()
    normalize.adapt(points)
    layers = {
        "centered": ZeroCenter().adapt(points),
        "normalized": normalize,
        "decorrelated": Whitening(mode="pca", whiten=False).adapt(points),
        "whitened (PCA)": Whitening(mode="pca").adapt(points),
        "whitened (ZCA)": Whitening(mode="zca").adapt(points),
    }
    changed = {name: keras.ops.convert_to_numpy(layer(points)) for name, layer in layers.items()}
    return {"raw": points, **changed}


def whitened_digits(epsilon=0.01):
    """Return the digits as 8 x 8 images, before and after ZCA whitening of their pixels."""
    x, _ = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    white = Whitening(mode="zca", epsilon=epsilon).adapt(x)
    return x.reshape(-1, 8, 8), keras.ops.convert_to_numpy(white(x)).reshape(-1, 8, 8)


def draw_clouds(clouds):
    """Return a scatter plot per kind of preprocessing, all on the same scale."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 6.0), layout="constrained")
    planes = figure.subplots(2, 3, sharex=True, sharey=True)
    for axes, (name, points) in zip(planes.ravel(), clouds.items(), strict=True):
        axes.axhline(0, color="0.7", linewidth=0.8)
        axes.axvline(0, color="0.7", linewidth=0.8)
        axes.scatter(*points.T, s=4, alpha=0.5)
        axes.set(title=name, xlim=(-9, 9), ylim=(-9, 9), xticks=(-5, 0, 5), yticks=(-5, 0, 5))
        axes.set_box_aspect(1)
    return figure


def draw_digits(before, after, count=10):
    """Return a plot with raw digits in the upper row and whitened ones in the lower row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 2.2), layout="constrained")
    rows = figure.subplots(2, count)
    for axes, image in zip(rows[0], before, strict=False):
        axes.imshow(image, cmap="gray", vmin=0, vmax=1)
    for axes, image in zip(rows[1], after, strict=False):
        axes.imshow(image, cmap="gray", vmin=-3, vmax=3)
    for axes in rows.ravel():
        axes.set(xticks=[], yticks=[])
    rows[0, 0].set_ylabel("raw")
    rows[1, 0].set_ylabel("ZCA")
    return figure


def main(arguments=None):
    """Print mean and covariance after each step, and save the plots on request."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", type=Path, help="folder for the plots")
    save = parser.parse_args(arguments).save
    clouds = stages(cloud())
    for name, points in clouds.items():
        (xx, xy), (_, yy) = np.cov(points.T)
        x, y = np.round(points.mean(axis=0), 2) + 0.0  # -0.0 becomes 0.0
        xy = round(xy, 2) + 0.0
        print(f"{name:<15} mean {x:.2f}, {y:.2f}  variance {xx:.2f}, {yy:.2f}  covariance {xy:.2f}")
    before, after = whitened_digits()
    if save:
        save.mkdir(parents=True, exist_ok=True)
        draw_clouds(clouds).savefig(save / "preprocessing.png", dpi=110)
        draw_digits(before, after).savefig(save / "whitened_digits.png", dpi=110)
    return clouds, before, after


if __name__ == "__main__":
    main()
