"""What does a search cost to reach the score of random search, on small networks in NumPy?

    KERAS_BACKEND=torch python -m benchmarks.search_policy [--seeds 20] [--problems text wine]
        [--searches "Optuna TPE"] [--write]

`benchmarks/search.py` trains Keras models, which takes about a day for 20 seeds. What a search does
next depends on scores alone, and here they come from networks in NumPy: problems, folds, epochs,
batches, hyperparameters, optimizer and searches are those of that benchmark. `digits-conv` is its
images for a dense network. A trial is stopped if its weights are not finite; other causes are not
simulated. Examples are compared, not time.

The target of a problem is the final score of random search, median over the seeds. `--write` puts
the table into `docs/search.md`.
"""

import argparse
import itertools
import math
import os
from pathlib import Path
from unittest import mock

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import optuna

from benchmarks import search as bench
from keras_babysit.findings import Finding, Severity
from keras_babysit.search.cross_validation import CrossValidation, Fold
from keras_babysit.search.objective import read_objective

PAGE = Path(__file__).parents[1] / "docs" / "search.md"
START, END = "<!-- policy: start -->", "<!-- policy: end -->"
MOMENTUM, WORDS = 0.9, 300


class Network:
    """The network of `bench.builder`, trained by gradient descent with momentum.

    Args:
        params: Values of its hyperparameters, by name.
        x: Inputs: rows of numbers; for text, what fraction of its words each word is.
        y: Whole numbers for classes, or numbers.
        seed: Seed of its weights, batches and dropout.
        is_text: Whether the first layer is the mean of an embedding of words.
    """

    def __init__(self, params, x, y, seed, *, is_text=False):
        self._params, self._rng = params, np.random.default_rng(seed)
        self._classes = len(np.unique(y)) if y.dtype.kind == "i" else 0
        units, width = params["units"], x.shape[1]
        self._words = None
        if is_text:
            self._words = self._rng.uniform(-0.05, 0.05, (WORDS, units))
            width = units
        widths = [width, *[units] * params["layers"], self._classes or 1]
        self._layers = [[self._glorot(a, b), np.zeros(b)] for a, b in itertools.pairwise(widths)]
        self._velocity = [[np.zeros_like(w) for w in layer] for layer in self._layers]
        self._words_velocity = 0.0

    def fit(self, x, y, batch_size):
        """Train for one epoch."""
        order = self._rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            self._step(x[rows], y[rows])

    def score(self, x, y, name):
        """Return `"val_accuracy"`, or `"val_loss"` with its weight penalty."""
        outputs, _ = self._forward(x, is_training=False)
        if name == "val_accuracy":
            return float((outputs.argmax(1) == y).mean())
        if self._classes:
            loss = -_log_softmax(outputs)[np.arange(len(y)), y].mean()
        else:
            loss = np.square(outputs[:, 0] - y).mean()
        kernels = [kernel for kernel, _ in self._layers[:-1]]
        return float(loss + self._params["l2"] * sum(np.square(k).sum() for k in kernels))

    @property
    def is_finite(self):
        """Whether all weights are finite."""
        return all(np.isfinite(weight).all() for layer in self._layers for weight in layer)

    def _glorot(self, inputs, outputs):
        limit = math.sqrt(6 / (inputs + outputs))
        return self._rng.uniform(-limit, limit, (inputs, outputs))

    def _forward(self, x, *, is_training):
        """Return the outputs, and per layer its input and the derivative of its activation."""
        hidden, kept = x if self._words is None else x @ self._words, []
        for kernel, bias in self._layers[:-1]:
            before = hidden
            if self._params["activation"] == "relu":
                hidden = np.maximum(before @ kernel + bias, 0)
                slope = (hidden > 0).astype(float)
            else:
                hidden = np.tanh(before @ kernel + bias)
                slope = 1 - hidden**2
            rate = self._params["dropout"]
            if is_training and rate:
                mask = (self._rng.random(hidden.shape) >= rate) / (1 - rate)
                hidden, slope = hidden * mask, slope * mask
            kept.append((before, slope))
        kernel, bias = self._layers[-1]
        return hidden @ kernel + bias, [*kept, (hidden, None)]

    def _step(self, x, y):
        outputs, kept = self._forward(x, is_training=True)
        if self._classes:
            gradient = np.exp(_log_softmax(outputs))
            gradient[np.arange(len(y)), y] -= 1
        else:
            gradient = 2 * (outputs - y[:, None])
        gradient = gradient / len(y)
        found = []
        for index in reversed(range(len(self._layers))):
            (before, _), kernel = kept[index], self._layers[index][0]
            penalty = 2 * self._params["l2"] * kernel if index + 1 < len(self._layers) else 0
            found.append((index, before.T @ gradient + penalty, gradient.sum(0)))
            gradient = gradient @ kernel.T
            if index:
                gradient = gradient * kept[index - 1][1]
        rate = self._params["learning_rate"]
        for index, *gradients in found:
            for weight, velocity, one in zip(
                self._layers[index], self._velocity[index], gradients, strict=True
            ):
                velocity *= MOMENTUM
                velocity -= rate * one
                weight += velocity
        if self._words is not None:
            self._words_velocity = MOMENTUM * self._words_velocity - rate * (x.T @ gradient)
            self._words += self._words_velocity


def _log_softmax(outputs):
    shifted = outputs - outputs.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def ask(hp):
    """Return the hyperparameters that the build function of `bench.builder` asks for."""
    return {
        "units": hp.Int("units", 8, 128, sampling="log"),
        "activation": hp.Choice("activation", ["relu", "tanh"]),
        "l2": hp.Float("l2", 1e-6, 1e-1, sampling="log"),
        "dropout": hp.Float("dropout", 0.0, 0.6),
        "layers": hp.Int("layers", 1, 2),
        "learning_rate": hp.Float("learning_rate", 1e-5, 10.0, sampling="log"),
    }


def simulating(problem):
    """Return a context in which cross-validation trains a `Network` in place of a Keras model."""
    x, y, name = bench.PROBLEMS[problem]()
    x = x.reshape(len(x), -1)
    is_text = x.dtype.kind == "i"
    if is_text:
        x = np.stack([np.bincount(row, minlength=WORDS) for row in x]) / x.shape[1]

    def run(self, hp, key, stages, *, may_stop, stands_out=None):
        params, batch_size = ask(hp), self.fit_arguments["batch_size"]
        for stage in stages:  # the stages before are trained again, with the same result
            train, validation = self.folds[stage.fold]
            entropy = np.random.SeedSequence([self.seed, *key, stage.fold])
            network = Network(params, x, y, entropy, is_text=is_text)
            with np.errstate(all="ignore"):
                for _ in range(stage.end):
                    network.fit(x[train], y[train], batch_size)
                scores = [network.score(x[rows], y[rows], name) for rows in (validation, train)]
            examples = (stage.end - stage.start) * len(train)
            if may_stop and stage.fold == 0 and not network.is_finite:
                cause = Finding("non_finite_values", Severity.ERROR, "", "The weights are NaN.")
                yield Fold(np.nan, np.nan, len(train), cause=cause, is_stopped=True)
                return
            yield Fold(*scores, examples, epochs=stage.end)

    return mock.patch.object(CrossValidation, "run", run)


def measure(problem, searches, seeds):
    """Return `[score or None, examples, seconds]` of all trials, by search and seed."""
    with simulating(problem):
        return {
            name: [bench.SEARCHES[name](bench.Bench(problem, seed)) for seed in range(seeds)]
            for name in searches
        }


def rows(problem, runs):
    """Yield a row of the table per search."""
    sign = read_objective(bench.PROBLEMS[problem]()[2]).sign
    random = runs[bench.RANDOM]
    finals = [bench.best_score(trials, sign, np.inf, 1) for trials in random]
    target, budget = float(np.median(finals)), sum(trial[1] for trial in random[0])
    base = np.array([bench.to_reach(trials, target, sign, 1)[0] for trials in random])
    for name, found in runs.items():
        reached = [bench.to_reach(trials, target, sign, 1) for trials in found]
        costs = np.array([cost for cost, _ in reached])
        ratio = np.median(costs) / np.median(base)
        low, high = bench.interval(
            lambda chosen, c=costs: np.median(c[chosen]) / np.median(base[chosen]), len(costs)
        )
        scores = [bench.best_score(trials, sign, budget, 1) for trials in found]
        yield (
            problem,
            name,
            f"{ratio:.2f} ({low:.2f} to {high:.2f})",
            f"{np.median(costs) / budget:.2f}",
            f"{sum(is_reached for _, is_reached in reached)} of {len(found)}",
            f"{np.median(scores):.4g}",
        )


HEADER = (
    "problem",
    "search",
    "examples to reach random search's score",
    "of its budget",
    "reached",
    "score at its budget",
)


def main():
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--problems", nargs="+", default=list(bench.PROBLEMS))
    parser.add_argument("--searches", nargs="+", default=list(bench.SEARCHES))
    parser.add_argument("--write", action="store_true", help="put the table into docs/search.md")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    lines = [f"| {' | '.join(HEADER)} |", "|---" * len(HEADER) + "|"]
    print("\n".join(lines))
    for problem in arguments.problems:
        names = list(dict.fromkeys([bench.RANDOM, *arguments.searches]))
        for row in rows(problem, measure(problem, names, arguments.seeds)):
            lines.append(f"| {' | '.join(row)} |")
            print(lines[-1], flush=True)
    if arguments.write:
        page = PAGE.read_text(encoding="utf-8")
        before, after = page.split(START)[0], page.split(END)[1]
        table = "\n".join([f"{arguments.seeds} seeds:", "", *lines])
        PAGE.write_text(f"{before}{START}\n{table}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
