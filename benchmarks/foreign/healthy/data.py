"""Generated data of the healthy programs."""

from typing import Any

import numpy as np

from benchmarks.diagnosis.reports import parts


def split(x: Any, y: Any, share: float = 0.8) -> parts.Data:
    """Return the first examples for training and the others for validation."""
    return parts.cut(np.asarray(x), np.asarray(y), int(share * len(y)))


def pictures(rng: np.random.Generator) -> parts.Data:
    """Return the digits of scikit-learn as pictures in [0, 1]."""
    return parts.digits(rng, image=True)


def texts(rng: np.random.Generator, n: int = 1000, steps: int = 16, words: int = 40) -> parts.Data:
    """Return texts of word numbers from 2 on, padded with 0, and whether they are positive."""
    x = rng.integers(2, words, (n, steps))
    y = rng.integers(0, 2, n)
    for row in range(n):  # words of an opinion
        places = rng.choice(steps // 2, 3, replace=False)
        x[row, places] = 2 + rng.integers(0, 4, 3) + 4 * y[row]
    x[np.arange(steps)[None] >= rng.integers(steps // 2, steps + 1, n)[:, None]] = 0
    return split(x, y[:, None].astype("float32"))


def language(rng: np.random.Generator, n: int = 800, steps: int = 12, words: int = 16) -> Any:
    """Return sequences in which each word follows from the one before, mostly."""
    table = rng.integers(1, words, (words, 2))
    tokens = np.zeros((n, steps + 1), "int32")
    tokens[:, 0] = rng.integers(1, words, n)
    for t in range(1, steps + 1):
        tokens[:, t] = table[tokens[:, t - 1], (rng.random(n) < 0.2).astype(int)]
    return tokens


def waves(rng: np.random.Generator, n: int = 900, steps: int = 24) -> tuple[Any, Any]:
    """Return windows of noisy waves and their next values."""
    start, pace = rng.uniform(0, 6, (n, 1)), rng.uniform(0.2, 0.5, (n, 1))
    series = np.sin(start + pace * np.arange(steps + 1)) + 0.1 * rng.normal(size=(n, steps + 1))
    return series[:, :-1, None].astype("float32"), series[:, -1:].astype("float32")


def signals(rng: np.random.Generator, n: int = 800, steps: int = 40) -> parts.Data:
    """Return three kinds of signals of one channel."""
    y = rng.integers(0, 3, n)
    t = np.arange(steps) + rng.uniform(0, 20, (n, 1))
    kinds = [np.sin(0.5 * t), np.sign(np.sin(0.5 * t)), 2 * (t / 12.6 % 1) - 1]
    x = np.choose(y[:, None], kinds) + 0.3 * rng.normal(size=(n, steps))
    return split(x[:, :, None], y)


def table(rng: np.random.Generator, n: int = 1200) -> tuple[Any, Any]:
    """Return numbers, two columns of categories, and a label that depends on both."""
    numbers = rng.normal(size=(n, 5)).astype("float32")
    kinds = rng.integers(0, 6, (n, 2))
    effect = np.array([-1.5, -0.5, 0.0, 0.5, 1.0, 1.5])
    logit = numbers[:, 0] - numbers[:, 1] + effect[kinds[:, 0]] * (1 + 0.5 * (kinds[:, 1] > 2))
    y = (rng.random(n) < 1 / (1 + np.exp(-2 * logit)))[:, None].astype("float32")
    return [numbers, kinds.astype("int32")], y
