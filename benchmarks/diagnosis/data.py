"""Data sets without download: generated, or shipped with scikit-learn."""

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.model_selection import train_test_split

from benchmarks.diagnosis.program import Split

Array = NDArray[np.floating]


def standardise(x: Array) -> Array:
    spread = x.std(axis=0)
    return (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1)


def min_max(x: Array) -> Array:
    span = np.ptp(x, axis=0)
    return (x - x.min(axis=0)) / np.where(span > 0, span, 1)


SCALES = {
    "none": lambda x: x,
    "standard": standardise,
    "minmax": min_max,
    "div16": lambda x: x / 16,
}


def one_hot(labels: NDArray[np.integer], classes: int | None = None) -> Array:
    labels = np.asarray(labels, int)
    return np.eye(classes or int(labels.max()) + 1)[labels]


def as_floats(split: Split) -> Split:
    """Return the data with floating-point values in float32."""
    return Split(*(keras.tree.map_structure(_as_float, part) for part in split))


def _as_float(array: Array | None) -> Array | None:
    is_real = array is not None and array.dtype.kind == "f"
    return array.astype("float32") if is_real else array


def hold_out(x: Array, y: Array, fraction: float = 0.25, *, seed: int = 0) -> Split:
    x, x_val, y, y_val = train_test_split(x, y, test_size=fraction, random_state=seed)
    return Split(x, y, x_val, y_val)


def head(x: Array, y: Array, n: int) -> Split:
    return Split(x[:n], y[:n], x[n:], y[n:])


def bundled(
    name: str,
    *,
    scale: str = "standard",
    one_hot_labels: bool = False,
    target: str = "none",
    image: bool = False,
    n: int | None = None,
    fraction: float = 0.25,
    seed: int = 0,
) -> Split:
    """Return a data set of scikit-learn, a part held out; `n` limits the training examples."""
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    x = SCALES[scale](x)
    if image:
        x = x.reshape(-1, 8, 8, 1)
    y = one_hot(y) if one_hot_labels else SCALES[target](y.astype(float))
    split = hold_out(x, y, fraction, seed=seed)
    return split._replace(x=split.x[:n], y=split.y[:n])


def circle() -> Split:
    x, y = datasets.make_circles(n_samples=1000, noise=0.1, random_state=1)
    return head(x, y, 700)


def blob() -> Split:
    x, y = datasets.make_blobs(
        n_samples=1000, centers=3, n_features=2, cluster_std=2, random_state=2
    )
    return head(x, one_hot(y), 700)


def spirals(rng: np.random.Generator, n: int, *, noise: float = 0.02) -> Split:
    total = n + n // 4
    radius, arm = rng.uniform(0.5, 3, total), rng.integers(0, 2, total)
    angle = 3 * radius + np.pi * arm
    x = radius[:, None] / 3 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return head(x + rng.normal(0, noise, x.shape), arm.astype(float), n)


def sine(rng: np.random.Generator, n: int, *, noise: float = 0.1) -> Split:
    x = rng.uniform(-3, 3, (n + n // 4, 1))
    return head(x, np.sin(2 * x) + rng.normal(0, noise, x.shape), n)


def noisy_labels(rng: np.random.Generator, n: int, *, noise: float = 2.0) -> Split:
    x = rng.normal(size=(n + n // 4, 20))
    return head(x, (x[:, 0] + rng.normal(0, noise, len(x)) > 0).astype(float), n)


def imbalanced(rng: np.random.Generator, n: int, *, limit: float = 2.3) -> Split:
    """Return two classes by the sum of two normal features; a limit of 2.3 gives 5 % positives."""
    x = rng.normal(size=(n + n // 4, 10))
    return head(x, (x[:, 0] + x[:, 1] > limit).astype(float), n)


def sequences(rng: np.random.Generator, n: int, *, steps: int = 12) -> Split:
    """Return series of two channels, labelled by the sign of the sum of the first channel."""
    x = rng.normal(size=(n + n // 4, steps, 2))
    return head(x, (x[..., 0].sum(axis=1) > 0).astype(float), n)


def tokens(rng: np.random.Generator, n: int, *, words: int = 200, length: int = 20) -> Split:
    """Return sequences of word ids, labelled by the sign of the sum of the words' scores."""
    x = rng.integers(1, words, (n + n // 4, length))
    scores = np.random.default_rng(8).normal(size=words)
    return head(x, (scores[x].sum(axis=1) > 0).astype(float), n)


def cities(
    rng: np.random.Generator,
    n: int,
    *,
    count: int = 40,
    is_number: bool = False,
    classes: bool = False,
) -> Split:
    """Return people of many cities, with what depends on the city, and on two numbers.

    Args:
        rng: The random generator.
        n: Number of training examples.
        count: Number of cities, which have no order.
        is_number: Whether the city is one column with its number, else a column for each.
        classes: Whether the target is one of two classes, else a number.
    """
    total = n + n // 4
    city, others = rng.integers(0, count, total), rng.normal(size=(total, 2))
    means = np.random.default_rng(9).normal(size=count)
    y = standardise(means[city] + 0.3 * others.sum(axis=1) + 0.2 * rng.normal(size=total))
    code = standardise(city)[:, None] if is_number else np.eye(count)[city]
    return head(np.concatenate([code, others], axis=1), (y > 0).astype(float) if classes else y, n)


def shops(
    rng: np.random.Generator, n: int, *, count: int = 500, own: bool = False, classes: bool = False
) -> Split:
    """Return sales of many shops with the mean target of each shop as a column.

    Args:
        rng: The random generator.
        n: Number of training examples.
        count: Number of shops, on which the target does not depend.
        own: Whether the mean counts the row itself, else the other rows of the shop only.
        classes: Whether the target is one of two classes, else a number.
    """
    total = n + n // 4
    shop, others = rng.integers(0, count, total), rng.normal(size=(total, 4))
    y = standardise(others[:, :2].sum(axis=1) + 0.7 * rng.normal(size=total))
    y = (y > 0).astype(float) if classes else y
    sums, counts = (np.bincount(shop[:n], w, count) for w in (y[:n], np.ones(n)))
    rows = np.arange(total) < (0 if own else n)
    left = counts[shop] - rows
    code = np.where(left > 0, (sums[shop] - rows * y) / np.maximum(left, 1), y[:n].mean())
    return head(np.concatenate([others, standardise(code)[:, None]], axis=1), y, n)


def tagged(rng: np.random.Generator, n: int, *, words: int = 100, length: int = 30) -> Split:
    """Return word ids padded behind with 0, and a tag of each word, 0 for padding."""
    lengths = rng.integers(3, length // 3, n + n // 4)
    is_word = np.arange(length) < lengths[:, None]
    x = np.where(is_word, rng.integers(1, words, is_word.shape), 0)
    return head(x, np.where(is_word, 1 + x % 5, 0), n)


def letters(rng: np.random.Generator, n: int, *, letters: int = 12, length: int = 16) -> Split:
    """Return letters of a Markov chain, and for each letter the next one."""
    chances = np.random.default_rng(5).dirichlet(np.full(letters, 0.15), letters).cumsum(axis=1)
    text = np.zeros((n + n // 4, length + 1), int)
    text[:, 0] = rng.integers(0, letters, len(text))
    for step in range(length):
        drawn = rng.random(len(text))[:, None]
        text[:, step + 1] = (drawn > chances[text[:, step]]).sum(axis=1).clip(0, letters - 1)
    return head(text[:, :-1], text[:, 1:], n)


def levels(rng: np.random.Generator, n: int, *, length: int = 20) -> Split:
    """Return series of levels from 0 to 5, labelled by how often level 0 occurs."""
    x = rng.integers(0, 6, (n + n // 4, length))
    return head(x, ((x == 0).sum(axis=1) > length // 6).astype(float), n)


def spikes(rng: np.random.Generator, n: int, *, length: int = 24) -> Split:
    """Return series of 0 and 1, labelled by the half that has more of them."""
    x = (rng.random((n + n // 4, length, 1)) < rng.uniform(0.2, 0.8, (n + n // 4, 1, 1))) * 1.0
    half = length // 2
    return head(x, (x[:, :half].sum(axis=(1, 2)) > x[:, half:].sum(axis=(1, 2))).astype(float), n)


def padded_behind(rng: np.random.Generator, n: int, *, length: int = 60) -> Split:
    """Return short texts padded behind with 0, labelled by the scores of their words."""
    lengths = rng.integers(4, 12, n + n // 4)
    is_word = np.arange(length) < lengths[:, None]
    x = np.where(is_word, rng.integers(1, 50, is_word.shape), 0)
    scores = np.random.default_rng(9).normal(size=50) * (np.arange(50) > 0)
    return head(x, (scores[x].sum(axis=1) > 0).astype(float), n)


def halves(rng: np.random.Generator, n: int, *, length: int = 12) -> Split:
    """Return series of small numbers, labelled by whether the first half has the larger sum."""
    x = rng.integers(1, 10, (n + n // 4, length))
    half = length // 2
    return head(x, (x[:, :half].sum(axis=1) > x[:, half:].sum(axis=1)).astype(float), n)


def windows(series: Array, n: int, *, length: int = 20) -> Split:
    """Return windows of a series, with the value that follows each."""
    total = n + n // 4
    x = np.stack([series[start : start + length] for start in range(total)])[..., None]
    return head(x, series[length : length + total], n)


def wave(rng: np.random.Generator, n: int) -> Split:
    """Return windows of a noisy sine, whose last value is a poor forecast."""
    times = np.arange(2 * n) / 2
    return windows(np.sin(times) + 0.1 * rng.normal(size=len(times)), n)


def walk(rng: np.random.Generator, n: int) -> Split:
    """Return windows of a random walk, of which nothing is known but the last value."""
    return windows(standardise(rng.normal(size=2 * n).cumsum()[:, None])[:, 0], n)


def smoothed(rng: np.random.Generator, n: int, *, around: bool = False) -> Split:
    """Return windows of the mean over the last 7 values of a walk, and the step that follows.

    Args:
        rng: The random generator.
        n: Number of training examples.
        around: Whether to take the mean over the values around each one, also those to come.
    """
    series = rng.normal(size=2 * n).cumsum()
    means = np.convolve(series, np.ones(7) / 7, "same")
    ends = np.arange(30, 30 + n + n // 4)
    x = means[(ends - 3 * (not around))[:, None] - np.arange(9, -1, -1)]
    return head((x - x[:, -1:])[..., None], 3 * (series[ends + 1] - series[ends]), n)


def people(rng: np.random.Generator, n: int, *, each: int = 8, size: int = 12) -> Split:
    """Return several examples of each of many people, some of whom are ill.

    The people of the validation data are others than those of the training data.
    """
    total = (n + n // 4) // each
    person = rng.normal(size=(total, 1, size))
    x = (person + 0.2 * rng.normal(size=(total, each, size))).reshape(-1, size)
    is_ill = person[:, 0, :3].sum(axis=1) + 0.5 * rng.normal(size=total) > 0
    return head(x, np.repeat(is_ill, each).astype(float), n)


def continued(rng: np.random.Generator, n: int, *, steps: int = 8, batch: int = 32) -> Split:
    """Return pieces of series in batches that continue each other, with the sum of all so far.

    The sum decays: without the pieces before it, it cannot be told.
    """
    total = n + n // 4
    values = rng.normal(size=(batch, total // batch * steps))
    sums = np.zeros_like(values)
    for step in range(values.shape[1]):
        sums[:, step] = 0.95 * (sums[:, step - 1] if step else 0) + values[:, step]
    pieces = np.split(values, total // batch, axis=1)
    return head(
        np.concatenate(pieces)[..., None],
        np.concatenate([piece[:, -1:] for piece in np.split(sums, total // batch, axis=1)]) / 3,
        n,
    )


def wide_target(rng: np.random.Generator, n: int) -> Split:
    x = rng.normal(size=(n + n // 4, 8))
    return head(x, 100 + 30 * x[:, :3].sum(axis=1) + rng.normal(0, 5, len(x)), n)


def multi_label(rng: np.random.Generator, n: int, *, labels: int = 5) -> Split:
    x = rng.normal(size=(n + n // 4, 15))
    directions = np.random.default_rng(6).normal(size=(15, labels))
    return head(x, (x @ directions > 0).astype(float), n)


def low_rank(rng: np.random.Generator, n: int, *, rank: int = 4, width: int = 30) -> Split:
    """Return data in a subspace of `rank` dimensions, with the inputs as targets."""
    x = rng.normal(size=(n + n // 4, rank))
    x = min_max(x @ np.random.default_rng(7).normal(size=(rank, width)))
    return head(x, x, n)


def friedman(rng: np.random.Generator, n: int, *, noise: float = 1.0) -> Split:
    """Return Friedman's first regression problem with standardized inputs and targets."""
    x, y = datasets.make_friedman1(
        n_samples=n + n // 4, noise=noise, random_state=int(rng.integers(2**31))
    )
    return head(standardise(x), standardise(y), n)
