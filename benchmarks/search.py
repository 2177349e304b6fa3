"""What does a search cost to reach the score of random search, and how good is it at equal cost?

    make bench-search            # goes on where it ended; a part: ROWS="--seeds 0 --problems text"
    KERAS_BACKEND=torch python benchmarks/search.py run [--seeds 0 1 2] [--problems ...]
    KERAS_BACKEND=torch python benchmarks/search.py table [--write]

All searches get the same build function, folds and epochs. The target of a problem is the final
score of random search with 24 trials, median over the seeds. The cost is the number of examples
processed, or the seconds of CPU time on one thread (the time that a search takes on an idle
machine), until a trial that is complete over all folds has at least that score. If no trial has,
the whole cost of the search counts, as a lower bound. A trial of which a fold has diverged (see
`keras_babysit.search.validity`) counts as failed, whichever search asked for it. Searches that stop
trials early go on until they have had the budget of random search. Searches run one after the
other; each finished one is stored, and is not run again.

`DEVELOPMENT` names the problems on which the search was developed. The others were only measured.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import keras
import keras_tuner
import numpy as np
import optuna
from optuna.trial import TrialState
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_friedman1
from sklearn.preprocessing import scale

import keras_babysit as kb
from keras_babysit.search.cross_validation import CrossValidation
from keras_babysit.search.data import Examples, make_folds
from keras_babysit.search.fidelity import Fidelity, stages
from keras_babysit.search.hyper_parameters import HyperParameters
from keras_babysit.search.hypermodel import Hypermodel
from keras_babysit.search.objective import read_objective
from keras_babysit.search.suggest import suggest

FOLDS, EPOCHS, TRIALS = 3, 6, 24
FULL = FOLDS * EPOCHS
OUR_TRIALS, OUR_ROUNDS = 84, 9
SAVED = Path(__file__).with_suffix(".jsonl")
"""A line for each search: its trials with score, examples and CPU seconds. Kept, since all of them
take a day."""
RESAMPLES, MIN_SEEDS = 2000, 3
PAGE = Path(__file__).parents[1] / "docs" / "search.md"
START, END = "<!-- measured: start -->", "<!-- measured: end -->"
RANDOM = "KerasTuner RandomSearch"
HEADER = (
    "problem",
    "search",
    "seeds",
    "examples to reach random search's score",
    "of its budget",
    "reached",
    "CPU time to reach it",
    "score at equal examples",
    "at equal CPU time",
)

DEVELOPMENT = ("digits", "regression")


def digits():
    """Images of 8 x 8 pixels, as vectors."""
    x, y = load_digits(return_X_y=True)
    return scale(x[:600]).astype("float32"), y[:600], "val_accuracy"


def digits_conv():
    """The same images, other ones, for a convolutional network."""
    x, y = load_digits(return_X_y=True)
    return (x[900:1500].reshape(-1, 8, 8, 1) / 16).astype("float32"), y[900:1500], "val_accuracy"


def breast_cancer():
    """A table of 30 columns."""
    x, y = load_breast_cancer(return_X_y=True)
    return scale(x).astype("float32"), y, "val_loss"


def wine():
    """A table of 13 columns, three classes."""
    x, y = load_wine(return_X_y=True)
    return scale(x).astype("float32"), y, "val_loss"


def text():
    """Generated sentences of 16 words: four topics, each with 30 words of its own among 300."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 600)
    own = y[:, None] * 30 + rng.integers(0, 30, (600, 16))
    x = np.where(rng.random((600, 16)) < 0.2, own, rng.integers(120, 300, (600, 16)))
    return x.astype("int32"), y, "val_loss"


def regression():
    """Friedman's first function, with noise."""
    x, y = make_friedman1(600, noise=1.0, random_state=0)
    return scale(x).astype("float32"), scale(y).astype("float32"), "val_loss"


PROBLEMS = {
    "digits": digits,
    "digits-conv": digits_conv,
    "breast-cancer": breast_cancer,
    "wine": wine,
    "text": text,
    "regression": regression,
}


def builder(problem, x, y):
    """Return a build function with six hyperparameters, in KerasTuner's form."""
    classes = len(np.unique(y)) if y.dtype.kind == "i" else 0

    def build(hp):
        units = hp.Int("units", 8, 128, sampling="log")
        activation = hp.Choice("activation", ["relu", "tanh"])
        penalty = keras.regularizers.L2(hp.Float("l2", 1e-6, 1e-1, sampling="log"))
        dropout = hp.Float("dropout", 0.0, 0.6)
        layers = hp.Int("layers", 1, 2)
        model = keras.Sequential([keras.Input(x.shape[1:])])
        if problem == "text":
            model.add(keras.layers.Embedding(300, units))
            model.add(keras.layers.GlobalAveragePooling1D())
        if problem == "digits-conv":
            model.add(keras.layers.Conv2D(max(4, units // 8), 3, activation=activation))
            model.add(keras.layers.MaxPooling2D())
            model.add(keras.layers.Flatten())
        for _ in range(layers):
            model.add(keras.layers.Dense(units, activation=activation, kernel_regularizer=penalty))
            model.add(keras.layers.Dropout(dropout))
        model.add(keras.layers.Dense(classes or 1))
        rate = hp.Float("learning_rate", 1e-5, 10.0, sampling="log")
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True) if classes else "mse"
        optimizer = keras.optimizers.SGD(rate, momentum=0.9)
        model.compile(optimizer, loss, metrics=["accuracy"] if classes else [])
        return model

    return build


class Budgeted:
    """A hypermodel that ends the search once it has trained on so many examples.

    Args:
        build: The build function.
        most: The number of examples.
    """

    def __init__(self, build, most):
        self.build = build
        self._left = most

    def fit(self, hp, model, x, y, **arguments):
        """Train the model, or interrupt the search as Ctrl-C does."""
        if self._left <= 0:
            raise KeyboardInterrupt
        history = model.fit(x, y, **arguments)
        self._left -= len(x) * len(history.epoch)
        return history


class Bench:
    """One problem and seed. Each search returns `[score or None, examples, seconds]` per trial."""

    def __init__(self, problem, seed):
        x, y, objective = PROBLEMS[problem]()
        self.x, self.y, self.seed = x, y, seed
        self.fit = {"epochs": EPOCHS, "batch_size": max(32, len(x) // 6)}
        self.build = builder(problem, x, y)
        self.objective = read_objective(objective)
        self.worst = -1.0 if self.objective.sign < 0 else 1e6  # what a failed fold tells a search
        self.found = []

    def evaluation(self, *fidelities):
        examples = Examples(self.x, self.y)
        return CrossValidation(
            Hypermodel(self.build),
            examples,
            make_folds(examples, FOLDS, self.seed),
            self.objective,
            seed=self.seed,
            is_watched=False,
            fit_arguments=self.fit,
            ladder=stages([*fidelities, Fidelity(FOLDS, EPOCHS)]),
        )

    def evaluate(self, evaluation, hp, continues=lambda score, step: True):
        """Train a trial stage by stage; return its mean score, or None if it was pruned."""
        start, scores, examples, ladder = time.process_time(), {}, 0, evaluation.ladder
        folds = evaluation.run(hp, (0, len(self.found), 0), ladder, may_stop=False)
        score = None
        for step, (stage, fold) in enumerate(zip(ladder, folds, strict=False)):
            scores[stage.fold] = fold.score if np.isfinite(fold.score) else self.worst
            examples += fold.examples
            mean = float(np.mean(list(scores.values())))
            if step + 1 == len(ladder):
                score = mean
            elif not continues(mean, step):
                break
        has_failed = self.worst in scores.values()
        seconds = time.process_time() - start
        self.found.append([None if has_failed else score, examples, seconds])
        return score

    @property
    def budget(self):
        return TRIALS * FULL * (len(self.x) - len(self.x) // FOLDS)

    def is_spent(self):
        return sum(examples for _, examples, _ in self.found) >= self.budget

    def kerastuner(self, kind, **options):
        """Run a tuner of KerasTuner; a trial is cross-validated in `run_trial`."""
        bench = self

        class Tuner(kind):
            def run_trial(self, trial, *args, **kwargs):
                hp = trial.hyperparameters
                return {bench.objective.name: bench.run_tuner_trial(hp)}

            def on_trial_end(self, trial):
                super().on_trial_end(trial)
                if bench.is_spent():
                    raise StopIteration

        with tempfile.TemporaryDirectory() as folder:
            objective = keras_tuner.Objective(self.objective.name, self.objective.direction)
            tuner = Tuner(
                self.build, objective=objective, seed=self.seed, directory=folder, **options
            )
            with contextlib.suppress(StopIteration):
                tuner.search(verbose=0)
        return self.found

    def run_tuner_trial(self, hp):
        """Train as far as the tuner asks for: its Hyperband asks for some epochs of one fold.

        Of a trial that Hyperband continues, only the further epochs count. At the last epoch, the
        trial is cross-validated.
        """
        epochs = hp.values.get("tuner/epochs", EPOCHS)
        done = hp.values.get("tuner/initial_epoch", 0)
        if epochs == EPOCHS:
            ladder = [Fidelity(1, done)] if done else []
            evaluation, skipped = self.evaluation(*ladder), bool(done)
            score = self.evaluate(evaluation, hp)
        else:
            evaluation, skipped = self.evaluation(*[Fidelity(1, e) for e in (done, epochs) if e]), 0
            seen = []

            def continues(mean, step):
                seen.append(mean)
                return step < (1 if done else 0)

            self.evaluate(evaluation, hp, continues)
            score, skipped = seen[-1], bool(done)
        if skipped:  # KerasTuner loads a checkpoint instead
            _, examples, seconds = self.found[-1]
            saved = done * (len(self.x) - len(self.x) // FOLDS)
            self.found[-1][1:] = [examples - saved, seconds * (1 - saved / examples)]
        return score

    def kerastuner_random(self):
        """Run random search."""
        return self.kerastuner(keras_tuner.RandomSearch, max_trials=TRIALS)

    def kerastuner_bayesian(self):
        """Run Bayesian optimization with a Gaussian process."""
        return self.kerastuner(keras_tuner.BayesianOptimization, max_trials=TRIALS)

    def kerastuner_hyperband(self):
        """Run Hyperband over the epochs of one fold, as often as the budget allows."""
        options = {"max_epochs": EPOCHS, "factor": 3, "hyperband_iterations": 10}
        return self.kerastuner(keras_tuner.Hyperband, **options)

    def optuna(self, sampler, pruner=None, fidelities=()):
        """Run a sampler of Optuna."""
        evaluation = self.evaluation(*fidelities)

        def objective(trial):
            def continues(score, step):
                trial.report(score, step)
                return not trial.should_prune()

            hp = HyperParameters(lambda dimension: suggest(trial, dimension))
            score = self.evaluate(evaluation, hp, continues)
            if score is None:
                raise optuna.TrialPruned
            return score

        study = optuna.create_study(
            direction=f"{self.objective.direction}imize",
            sampler=sampler,
            pruner=pruner or optuna.pruners.NopPruner(),
        )
        while not self.is_spent():
            study.optimize(objective, n_trials=1)
        return self.found

    def tpe(self):
        """Run Optuna's default sampler."""
        return self.optuna(optuna.samplers.TPESampler(seed=self.seed))

    def gp(self):
        """Run Optuna's Gaussian process."""
        return self.optuna(optuna.samplers.GPSampler(seed=self.seed))

    def tpe_hyperband(self):
        """Run TPE with Hyperband's pruner, at the same stages as `CoarseToFineSearchCV`."""
        pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=4, reduction_factor=2)
        ladder = Fidelity(1, -(-EPOCHS // 3)), Fidelity(1, EPOCHS)
        return self.optuna(optuna.samplers.TPESampler(seed=self.seed), pruner, ladder)

    def ours(self):
        """Run `CoarseToFineSearchCV` with further rounds, up to the budget."""
        start = time.process_time()
        search = kb.search.CoarseToFineSearchCV(
            # The last epoch of a stopped trial counts in full there.
            Budgeted(self.build, 1.1 * self.budget),
            objective=self.objective.name,
            max_trials=OUR_TRIALS,
            rounds=OUR_ROUNDS,
            reruns=0,
            cv=FOLDS,
            seed=self.seed,
            verbose=0,
        )
        with contextlib.suppress(KeyboardInterrupt):
            search.fit(self.x, self.y, **self.fit)
        seconds, known = time.process_time() - start, {}
        for trial in search.study_.get_trials():
            if "examples" not in trial.user_attrs:  # it was waiting, or had just begun
                continue
            known[trial.number] = trial.user_attrs["examples"]
            before = known.get(trial.user_attrs.get("continues"), 0)
            score = trial.value if trial.state == TrialState.COMPLETE else None
            self.found.append([score, known[trial.number] - before, 0.0])
        total = sum(examples for _, examples, _ in self.found)
        for one in self.found:  # training takes most of the time
            one[2] = seconds * one[1] / total
        return self.found


SEARCHES = {
    "KerasTuner RandomSearch": Bench.kerastuner_random,
    "KerasTuner Hyperband": Bench.kerastuner_hyperband,
    "KerasTuner BayesianOptimization": Bench.kerastuner_bayesian,
    "Optuna TPE": Bench.tpe,
    "Optuna GP": Bench.gp,
    "Optuna TPE, Hyperband pruner": Bench.tpe_hyperband,
    "CoarseToFineSearchCV": Bench.ours,
}


def best_score(trials, sign, budget, column):
    """Return the best score within a budget; the worst possible one if there is none."""
    spent, best = 0.0, np.inf
    for trial in trials:
        spent += trial[column]
        if spent > budget * (1 + 1e-9):
            break
        if trial[0] is not None:
            best = min(best, sign * trial[0])
    return sign * best


def to_reach(trials, target, sign, column):
    """Return the cost until a score at least as good, and whether there is one."""
    spent = 0.0
    for trial in trials:
        spent += trial[column]
        if trial[0] is not None and sign * trial[0] <= sign * target:
            return spent, True
    return spent, False


def interval(function, count):
    """Return the 95 % bootstrap interval of a statistic of `count` seeds."""
    rng = np.random.default_rng(0)
    values = [function(rng.integers(0, count, count)) for _ in range(RESAMPLES)]
    return np.quantile(values, [0.025, 0.975])


def rows(problem, runs):
    """Yield a row of the table per search; `runs[name]` holds the trials by seed.

    The target is the median over all seeds of random search. A search is compared with random
    search on the seeds that it has.
    """
    objective = read_objective(PROBLEMS[problem]()[2])
    sign = objective.sign
    known = [best_score(trials, sign, np.inf, 1) for trials in runs[RANDOM].values()]
    target = float(np.median(known))
    for name, by_seed in runs.items():
        seeds = sorted(set(by_seed) & set(runs[RANDOM]))
        count = len(seeds)
        if not count:
            continue
        found, random = ([kind[seed] for seed in seeds] for kind in (by_seed, runs[RANDOM]))
        cells, fractions = [], None
        for column in (1, 2):
            costs = np.array([to_reach(trials, target, sign, column)[0] for trials in found])
            base = np.array([to_reach(trials, target, sign, column)[0] for trials in random])
            cells.append(
                with_interval(
                    lambda seeds, c=costs, b=base: np.median(c[seeds]) / np.median(b[seeds]),
                    count,
                    ".2f",
                )
            )
            budgets = [sum(trial[column] for trial in trials) for trials in random]
            if fractions is None:
                fractions = costs / budgets
            scores = np.array(
                [
                    best_score(trials, sign, budget, column)
                    for trials, budget in zip(found, budgets, strict=True)
                ]
            )
            cells.append(with_interval(lambda seeds, s=scores: np.median(s[seeds]), count, ".4g"))
        done = sum(to_reach(trials, target, sign, 1)[1] for trials in found)
        examples, score, seconds, timed = cells
        fraction = with_interval(lambda seeds, f=fractions: np.median(f[seeds]), count, ".2f")
        part = f"{problem}{'*' * (problem in DEVELOPMENT)}, {objective.name}"
        reached = f"{done} of {count}"
        yield part, name, str(count), examples, fraction, reached, seconds, score, timed


def with_interval(function, count, form):
    """Return a statistic of `count` seeds with its interval, if there are enough for one."""
    value = format(function(np.arange(count)), form)
    if count < MIN_SEEDS:
        return value
    low, high = interval(function, count)
    return f"{value} ({low:{form}} to {high:{form}})"


def read_saved():
    lines = SAVED.read_text().splitlines() if SAVED.exists() else []
    return {one["search"]: one["trials"] for one in map(json.loads, lines)}


def save(key, trials):
    rounded = [
        [None if score is None else float(f"{score:.4g}"), examples, round(took, 2)]
        for score, examples, took in trials
    ]
    with SAVED.open("a") as file:
        file.write(json.dumps({"search": key, "trials": rounded}) + "\n")


def run(arguments):
    """Run the searches that are not stored."""
    for seed in arguments.seeds:
        for problem in arguments.problems:
            for name in arguments.searches:
                key = f"{problem}, {name}, {seed}"
                if key in read_saved():
                    continue
                start = time.process_time()
                save(key, SEARCHES[name](Bench(problem, seed)))
                print(f"{key}: {time.process_time() - start:.0f} s of CPU time", flush=True)


def table(arguments):
    """Print the table of all searches that are stored."""
    saved = read_saved()
    lines = [
        f"Keras {keras.__version__} on {keras.backend.backend()}, one CPU thread, a budget of "
        f"{TRIALS} trials of {FOLDS} folds and {EPOCHS} epochs; medians and, of at least "
        f"{MIN_SEEDS} seeds, 95 % bootstrap intervals; * for the problems of development:",
        "",
        f"| {' | '.join(HEADER)} |",
        "|---" * len(HEADER) + "|",
    ]
    for problem in arguments.problems:
        runs = {
            name: {
                seed: saved[key]
                for seed in arguments.seeds
                if (key := f"{problem}, {name}, {seed}") in saved
            }
            for name in arguments.searches
        }
        if runs.get(RANDOM):
            lines += [f"| {' | '.join(row)} |" for row in rows(problem, runs)]
    print("\n".join(lines))
    if arguments.write:
        page = PAGE.read_text(encoding="utf-8")
        before, after = page.split(START)[0], page.split(END)[1]
        PAGE.write_text("\n".join([before + START, *lines, END + after]), encoding="utf-8")


def main():
    """Run a part of the benchmark, or print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["run", "table"])
    parser.add_argument("--seeds", type=int, nargs="+", default=range(20))
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS), choices=list(PROBLEMS))
    parser.add_argument("--searches", nargs="+", default=list(SEARCHES), choices=list(SEARCHES))
    parser.add_argument("--write", action="store_true", help="put the table into docs/search.md")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    {"run": run, "table": table}[arguments.command](arguments)


if __name__ == "__main__":
    sys.exit(main())
