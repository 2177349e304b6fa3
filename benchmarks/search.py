"""How many training examples does a search need to reach a given cross-validated score?

    make bench-search
    KERAS_BACKEND=torch python benchmarks/search.py [--seeds 5] [--trials 24] [--only digits]

Four searches get the same build function, folds, epochs and number of trials. The target of a
problem is the final score of KerasTuner's random search, median over the seeds. The benchmark
counts the examples processed until a trial that is complete over all folds has at least that score.
If no trial has, all examples of the search count, as a lower bound.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import keras_tuner
import numpy as np
import optuna
from sklearn.datasets import load_breast_cancer, load_digits, make_friedman1
from sklearn.preprocessing import scale

import keras_babysit as kb
from keras_babysit.search.cross_validation import CrossValidation
from keras_babysit.search.data import Examples, make_folds
from keras_babysit.search.hyper_parameters import HyperParameters
from keras_babysit.search.hypermodel import Hypermodel
from keras_babysit.search.objective import read_objective
from keras_babysit.search.suggest import suggest

FOLDS = 3


def digits():
    x, y = load_digits(return_X_y=True)
    return scale(x).astype("float32"), y, "val_accuracy", {"epochs": 5, "batch_size": 128}


def breast_cancer():
    x, y = load_breast_cancer(return_X_y=True)
    return scale(x).astype("float32"), y, "val_loss", {"epochs": 8, "batch_size": 64}


def regression():
    x, y = make_friedman1(600, noise=1.0, random_state=0)
    return scale(x).astype("float32"), scale(y), "val_loss", {"epochs": 8, "batch_size": 64}


PROBLEMS = {"digits": digits, "breast cancer": breast_cancer, "regression": regression}


def builder(x, y):
    """Return a build function with six hyperparameters, in KerasTuner's form."""
    classes = len(np.unique(y)) if y.dtype.kind == "i" else 0

    def build(hp):
        model = keras.Sequential([keras.Input(x.shape[1:])])
        penalty = hp.Float("l2", 1e-6, 1e-1, sampling="log")
        for _ in range(hp.Int("layers", 1, 2)):
            model.add(
                keras.layers.Dense(
                    hp.Int("units", 8, 128, sampling="log"),
                    activation=hp.Choice("activation", ["relu", "tanh"]),
                    kernel_regularizer=keras.regularizers.L2(penalty),
                )
            )
            model.add(keras.layers.Dropout(hp.Float("dropout", 0.0, 0.6)))
        model.add(keras.layers.Dense(classes or 1))
        rate = hp.Float("learning_rate", 1e-5, 10.0, sampling="log")
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True) if classes else "mse"
        optimizer = keras.optimizers.SGD(rate, momentum=0.9)
        model.compile(optimizer, loss, metrics=["accuracy"] if classes else [])
        return model

    return build


class Bench:
    """One problem and seed. Each search returns `(score or None, examples)` per trial."""

    def __init__(self, problem, seed, trials):
        x, y, objective, fit = PROBLEMS[problem]()
        self.x, self.y, self.fit = x, y, fit
        self.build = builder(x, y)
        self.seed, self.trials = seed, trials
        self.objective = read_objective(objective)
        examples = Examples(x, y)
        self.evaluation = CrossValidation(
            Hypermodel(self.build),
            examples,
            make_folds(examples, FOLDS, seed),
            self.objective,
            seed=seed,
            is_watched=False,
            fit_arguments=fit,
        )
        self.worst = 0.0 if self.objective.sign < 0 else 1e6

    def evaluate(self, hp, number, continues=lambda score, fold: True):
        """Return the mean score over all folds, None if it was pruned, and the examples."""
        scores, examples = [], 0
        for index, fold in enumerate(self.evaluation.run(hp, number, may_stop=False)):
            scores.append(fold.score if np.isfinite(fold.score) else self.worst)
            examples += fold.examples
            is_last = index + 1 == FOLDS
            if not is_last and not continues(float(np.mean(scores)), index):
                return None, examples
        return float(np.mean(scores)), examples

    def kerastuner_random(self):
        """Run KerasTuner's random search; a trial is cross-validated in `run_trial`."""
        bench, found = self, []

        class Tuner(keras_tuner.RandomSearch):
            def run_trial(self, trial, *args, **kwargs):
                found.append(bench.evaluate(trial.hyperparameters, len(found)))
                return {bench.objective.name: found[-1][0]}

        with tempfile.TemporaryDirectory() as folder:
            objective = keras_tuner.Objective(self.objective.name, self.objective.direction)
            tuner = Tuner(
                self.build,
                objective=objective,
                max_trials=self.trials,
                seed=self.seed,
                directory=folder,
            )
            tuner.search(verbose=0)
        return found

    def tpe(self, pruner=None):
        """Run Optuna's default sampler."""
        found = []

        def objective(trial):
            def continues(score, fold):
                trial.report(score, fold)
                return not trial.should_prune()

            hp = HyperParameters(lambda dimension: suggest(trial, dimension))
            found.append(self.evaluate(hp, trial.number, continues))
            if found[-1][0] is None:
                raise optuna.TrialPruned
            return found[-1][0]

        study = optuna.create_study(
            direction=f"{self.objective.direction}imize",
            sampler=optuna.samplers.TPESampler(seed=self.seed),
            pruner=pruner or optuna.pruners.NopPruner(),
        )
        study.optimize(objective, n_trials=self.trials)
        return found

    def tpe_pruned(self):
        """Run the same with the pruner of `CoarseToFineSearchCV`."""
        return self.tpe(optuna.pruners.MedianPruner(n_startup_trials=5))

    def ours(self):
        """Run `CoarseToFineSearchCV` with its defaults."""
        search = kb.search.CoarseToFineSearchCV(
            self.build,
            objective=self.objective.name,
            max_trials=self.trials,
            cv=FOLDS,
            seed=self.seed,
            verbose=0,
        ).fit(self.x, self.y, **self.fit)
        return [(r.score if r.state == "complete" else None, r.examples) for r in search.records_]


SEARCHES = {
    "KerasTuner RandomSearch": Bench.kerastuner_random,
    "Optuna TPE": Bench.tpe,
    "Optuna TPE, pruned between folds": Bench.tpe_pruned,
    "CoarseToFineSearchCV": Bench.ours,
}


def best_score(trials, sign):
    scores = [score for score, _ in trials if score is not None]
    return min(scores, key=lambda score: sign * score, default=float("nan"))


def to_reach(trials, target, sign):
    """Return the examples until a score at least as good, and whether there is one."""
    total = 0
    for score, examples in trials:
        total += examples
        if score is not None and sign * score <= sign * target:
            return total, True
    return total, False


def report(problem, runs):
    """Print a table; `runs[name]` holds the trials of each seed."""
    sign = read_objective(PROBLEMS[problem]()[2]).sign
    random = runs["KerasTuner RandomSearch"]
    target = float(np.median([best_score(trials, sign) for trials in random]))
    print(f"\n{problem}: {PROBLEMS[problem]()[2]} {target:.4g}")
    print(f"  {'':34}{'examples to reach it, thousands':>34}{'reached':>9}{'ratio':>7}{'best':>9}")
    base = np.median([to_reach(trials, target, sign)[0] for trials in random])
    for name, found in runs.items():
        counts = [to_reach(trials, target, sign) for trials in found]
        spent = np.array([count for count, _ in counts]) / 1e3
        middle = np.median(spent)
        best = np.median([best_score(trials, sign) for trials in found])
        spread = f"{middle:.0f} ({spent.min():.0f} to {spent.max():.0f})"
        reached = f"{sum(done for _, done in counts)}/{len(counts)}"
        ratio = middle / (base / 1e3)
        print(f"  {name:34}{spread:>34}{reached:>9}{ratio:7.2f}{best:9.4g}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--only", default="", help="run problems whose name contains this")
    parser.add_argument(
        "--save", type=Path, help="file of finished trials, from which a later run continues"
    )
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print(f"Keras {keras.__version__} on {keras.backend.backend()}; {arguments.trials} trials")
    saved = SavedTrials(arguments.save)
    for problem in PROBLEMS:
        if arguments.only not in problem:
            continue
        runs = {
            name: [
                saved.get(f"{problem}, {name}, {seed}", search, problem, seed, arguments.trials)
                for seed in range(arguments.seeds)
            ]
            for name, search in SEARCHES.items()
        }
        report(problem, runs)


class SavedTrials:
    """The finished trials of each search, in a file if a path is given."""

    def __init__(self, path):
        self.path = path
        self.trials = json.loads(path.read_text()) if path and path.exists() else {}

    def get(self, key, search, *arguments):
        """Return the trials of a search, and run it if they are not saved."""
        if key not in self.trials:
            start = time.perf_counter()
            self.trials[key] = search(Bench(*arguments))
            print(f"  {key}: {time.perf_counter() - start:.0f} s", flush=True)
            if self.path:
                self.path.write_text(json.dumps(self.trials))
        return self.trials[key]


if __name__ == "__main__":
    main()
