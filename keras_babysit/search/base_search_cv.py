"""The common part of all searches: arguments, `fit` and results."""

import contextlib
import functools
import inspect
import uuid
import zlib

import optuna

from keras_babysit import markup
from keras_babysit.errors import SearchFailedError
from keras_babysit.search.checkpoint import Checkpoints
from keras_babysit.search.cross_validation import CrossValidation, quick_garbage_collection
from keras_babysit.search.data import Examples, make_folds, to_arrays
from keras_babysit.search.fidelity import read_fidelities, stages
from keras_babysit.search.finalists import by_metric, closeness, winner, with_reruns
from keras_babysit.search.hparams import HParams
from keras_babysit.search.hyper_parameters import HyperParameters
from keras_babysit.search.hypermodel import Hypermodel
from keras_babysit.search.objective import read_objective, read_refit
from keras_babysit.search.parallel import (
    check_backend,
    run_workers,
    shared_storage,
    watching,
    worker_count,
)
from keras_babysit.search.phases import NEW, Phase
from keras_babysit.search.plot import plot
from keras_babysit.search.progress import ProgressBar, incomplete_counts
from keras_babysit.search.record import best, ranking
from keras_babysit.search.results import cv_results
from keras_babysit.search.rounds import Steering, ranges_by_round
from keras_babysit.search.sampler import read_pruner, read_sampler
from keras_babysit.search.settings import read_settings
from keras_babysit.search.storage import read_storage
from keras_babysit.search.study import (
    has_same_settings,
    open_study,
    quiet_optuna_log,
    require_same_settings,
)
from keras_babysit.search.table import MAX_TABLE_ROWS, as_text, show, shown_value, summary
from keras_babysit.search.worker import Plan, Worker

DEFAULT_MODEL_EXAMPLES = 8
"""Number of examples on which the default model is evaluated before the first trial."""

RESULTS = (
    *("best_params_", "best_score_", "best_trial_", "best_index_", "best_model_", "cv_results_"),
    *("ranges_", "findings_", "records_", "study_", "n_splits_"),
)
"""Attributes that `fit` sets."""


class BaseSearchCV:
    """Base class of the searches: cross-validated trials over hyperparameters.

    A trial trains one model per fold. After each fold it reports the mean score so far, and is
    pruned if that score is worse than the median of the other trials. All trials use the same
    folds. In the first fold the `Babysitter` watches: it stops a trial within tens of steps if the
    loss explodes or is not finite, if a whole layer is dead or saturated, or if the weights hardly
    change. The cause is recorded. A trial whose score is in the best tenth at that time is stopped
    only for what cannot recover: values that are not finite.

    To search in parallel, pass `n_jobs`, or start the same script several times, on one machine or
    on many, with the same `storage` and `study_name`. The processes share the trials. If one of
    them is killed, another one repeats its trial.

    Args:
        hypermodel: A function `hp -> compiled model`, or a KerasTuner `HyperModel`. `hp` is a
            `HyperParameters`, which has the methods of KerasTuner's.
        objective: `"val_loss"`, or `"val_"` and the name of a metric of the model. The loss is
            taken without weight penalties.
        direction: `"min"`, `"max"`, or `"auto"` to infer it from the name of the objective.
        cv: Number of folds, a scikit-learn splitter, or an iterable of `(train, validation)` row
            numbers.
        pruner: `"median"` to prune between folds once 5 trials are complete; `"wilcoxon"` to prune
            a trial that Wilcoxon's test on its folds finds worse than the best one, which takes at
            least 4 folds; None to never prune; or an Optuna pruner.
        diagnose: Whether the `Babysitter` watches the trials and stops those that cannot succeed.
        max_stopped: Largest fraction of the trials of a round that may be stopped in the first
            fold, in [0, 1]. It leaves slow starters a chance.
        error_score: `"raise"` to end the search if a trial raises an exception, `"fail"` to mark
            that trial as failed and continue.
        refit: Whether to train a model with the best hyperparameters on all examples at the end.
            The name of a metric, such as `"val_accuracy"`, does so for the trial that is the best
            one by that metric.
            There is no validation data then: callbacks that monitor it are left out, and where
            there are such, the model is trained for the median of the epochs that its folds kept.
        storage: None to keep the trials in memory, `"sqlite:///search.db"` to share them between
            processes of one machine, `"postgresql+psycopg://..."` to share them between machines,
            or the return value of `open_storage`.
        study_name: Name of the search in the storage.
        heartbeat_interval: Seconds between two heartbeats of a worker. After two intervals without
            a heartbeat, another worker repeats its trial.
        max_retries: How often a trial is repeated after its worker died.
        allow_lost_trials: Whether to accept a storage that cannot detect that a worker died.
        log_dir: Folder of the event files for TensorBoard's HParams tab, or None to write none.
        seed: Seed of folds, samples and weights. None derives it from `study_name`.
        verbose: 1 to show a progress bar and a table of results, 0 to print nothing.
        reruns: How often each of the 3 best trials is trained again with other seeds at the end,
            at least 0. The winner is then the one with the best mean of these repetitions.
        n_jobs: Number of worker processes, as in scikit-learn: None for one, -1 for one per core.
            Within `joblib.parallel_config("dask")` or `"ray"`, the workers run on that cluster, and
            `storage` must be a database that all of them reach.
        checkpoint_dir: Folder for the states of trials that a later round continues; workers on
            several machines need a shared one. Without a state, a trial is trained from its start
            again, with the same result. None for a temporary folder.

    Attributes:
        best_params_: Hyperparameters of the best complete trial of all rounds.
        best_score_: Mean score of that trial over the folds. With `reruns`, the mean over its
            repetitions: the score by which it was selected is left out, because the best of many
            scores is too good on average.
        best_trial_: `Record` of that trial.
        best_index_: Its index in the columns of `cv_results_`.
        best_model_: With `refit`, the model trained on all examples.
        cv_results_: Dictionary of columns with one entry per trial (see `cv_results`).
        ranges_: One dictionary per round, with the `Range` of each numeric hyperparameter.
        findings_: One `Finding` per change of a range, suggestions of what else to search, how well
            the ranks of short trials agree with those of longer ones, and whether the winner is
            clear.
        records_: One `Record` per trial.
        study_: The Optuna study.
        n_splits_: Number of folds.

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If `hypermodel` or `storage` has the wrong type.
    """

    def __new__(cls, *args, **kwargs):
        """Keep the arguments, for `get_params` and for the workers of `n_jobs`."""
        search = super().__new__(cls)
        search._given = dict(zip(("hypermodel",), args, strict=False)) | kwargs
        return search

    def __init__(
        self,
        hypermodel,
        *,
        objective,
        direction="auto",
        cv=5,
        pruner="median",
        diagnose=True,
        max_stopped=0.5,
        error_score="raise",
        refit=False,
        storage=None,
        study_name=None,
        heartbeat_interval=60,
        max_retries=2,
        allow_lost_trials=False,
        log_dir=None,
        seed=None,
        verbose=1,
        reruns=0,
        n_jobs=None,
        checkpoint_dir=None,
    ):
        _check(max_stopped, error_score, storage, study_name, reruns)
        self.hypermodel = Hypermodel(hypermodel)
        self.objective = read_objective(objective, direction)
        self.cv = cv
        self.pruner = read_pruner(pruner)
        self.diagnose = diagnose
        self.max_stopped = max_stopped
        self.error_score = error_score
        self.refit = refit
        self._is_in_memory = storage is None
        self.storage = read_storage(
            storage,
            heartbeat_interval=heartbeat_interval,
            max_retries=max_retries,
            allow_lost_trials=allow_lost_trials,
        )
        self.heartbeat_interval = heartbeat_interval
        self.study_name = study_name or f"search-{uuid.uuid4().hex[:8]}"
        self.max_retries = max_retries
        self.log_dir = log_dir
        self.seed = zlib.crc32(self.study_name.encode()) if seed is None else seed
        self.verbose = verbose
        self.reruns = reruns
        self.n_jobs = n_jobs
        self.checkpoint_dir = checkpoint_dir

    def __getattr__(self, name):
        """Say how to get a result that is not there yet."""
        if name not in RESULTS:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        from sklearn.exceptions import NotFittedError

        raise NotFittedError(
            f"There must be a search before `{name}` is read. Received: {_reason(self, name)}"
        )

    def __sklearn_is_fitted__(self):
        """Whether there are results, for scikit-learn's `check_is_fitted`."""
        return "best_params_" in vars(self)

    def __sklearn_tags__(self):
        """Return what scikit-learn needs to know: no more than of any estimator."""
        from sklearn.base import BaseEstimator

        return BaseEstimator().__sklearn_tags__()

    def fit(self, x, y=None, *, groups=None, sample_weight=None, **fit_arguments):
        """Run the search. The arguments are those of `Model.fit`.

        Args:
            x: Inputs: an array or data frame, or a list, tuple or dictionary of them.
            y: Targets, of the same types.
            groups: Group of each example, for splitters that keep groups together.
            sample_weight: Weight of each example.
            **fit_arguments: Further arguments of `Model.fit`, such as `epochs`, `batch_size` or
                `callbacks`. Each fold trains with copies of the callbacks; pass a function that
                returns them if they cannot be copied. They get the scored part of the fold as
                validation data, so that early stopping makes the scores a little better than those
                on new data.

        Returns:
            The search itself.

        Raises:
            ValueError: Before the first trial, if there are fewer examples than folds, if the model
                does not report the objective, or if the study was started with another objective,
                seed, search space or default model, or with other folds, data or arguments.
            TypeError: If the data cannot be indexed by rows, the hypermodel returns no model, `fit`
                has no such argument, or a callback cannot be copied.
            SearchFailedError: If no trial completed.

        If the search ends early, by Ctrl-C or by an exception in a trial, the results are those of
        the trials so far. The next `fit` with the same arguments continues it; with several
        workers, it needs a `storage` for that.
        """
        _check_fit(fit_arguments)
        for name in RESULTS:
            vars(self).pop(name, None)
        examples = Examples(x, y, sample_weight)
        folds = make_folds(examples, self.cv, self.seed, groups)
        model, space, metrics = self._discover_space(examples)
        self.hypermodel.check_fit(model, fit_arguments)
        by_metric_of = read_refit(self.refit, self.objective, metrics)
        few = examples.take(slice(0, DEFAULT_MODEL_EXAMPLES))
        of_rounds = self._fidelities(len(folds), _epochs(fit_arguments))
        fidelities = list(dict.fromkeys(of_rounds))
        phases = self._phases(
            space,
            lambda hp: self.hypermodel.ask_all(hp, few, fit_arguments),
            [fidelities.index(one) for one in of_rounds],
        )
        settings = read_settings(
            self.objective, self.seed, folds, examples, space, model, fit_arguments
        ) | {"fidelity": [[one.folds, one.epochs] for one in fidelities]}
        if len(phases) > 1:  # what later ones run depends on the earlier ones
            settings["number of trials"] = [phase.size for phase in phases]
        data = {"x": x, "y": y, "groups": groups, "sample_weight": sample_weight}
        evaluation = CrossValidation(
            self.hypermodel,
            examples,
            folds,
            self.objective,
            seed=self.seed,
            is_watched=self.diagnose,
            fit_arguments=fit_arguments,
            ladder=stages(fidelities),
            checkpoints=Checkpoints(self.checkpoint_dir),
        )
        hparams = HParams(self.log_dir, self.objective, space)
        bar = ProgressBar(self.objective, phases, verbose=self.verbose)
        workers = worker_count(self.n_jobs)
        conclude = functools.partial(
            self._conclude, phases=phases, folds=len(folds), by_metric_of=by_metric_of
        )
        with quiet_optuna_log(), quick_garbage_collection(), bar, self._shared(workers) as given:
            self.study_ = self._open_study(settings, space)
            worker = Worker(
                self.study_,
                self.storage,
                Plan(
                    phases,
                    self._steering(),
                    self.max_stopped,
                    self.max_retries,
                    self.error_score == "fail",
                ),
                evaluation,
                self.objective,
                on_change=bar.update,
                on_trial=hparams.write,
            )
            try:
                if workers > 1:
                    make = functools.partial(type(self), **given)
                    with watching(worker.show):
                        run_workers(make, workers, data, fit_arguments, self.max_retries)
                worker.run()  # with several workers, what is left by those that died
            except BaseException:
                with contextlib.suppress(Exception):  # of no more interest than the first one
                    conclude(worker.records())
                raise
            records = worker.records()
        conclude(records)
        if self.refit:
            self._refit(evaluation)
        return self

    def _refit(self, evaluation):
        """Train the final model."""
        hp = self._hp(self.best_params_)
        try:
            self.best_model_ = evaluation.train_on_all(hp, self.best_trial_.epochs)
        except Exception as error:
            error.add_note(
                "The search itself is complete, with `best_params_` and all other results. Only "
                "`refit` failed: it trains on all examples, so that there is no validation data."
            )
            raise

    def get_params(self, deep=True):
        """Return the arguments of the search by name, as scikit-learn's estimators do.

        Args:
            deep: Has no effect: no argument has parameters of its own.
        """
        known = {}
        for kind in reversed(type(self).__mro__):
            for name, one in inspect.signature(kind.__init__).parameters.items():
                if one.kind in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD) and name != "self":
                    known[name] = one.default
        return known | self._given

    def set_params(self, **params):
        """Change arguments of the search, and forget its results.

        Raises:
            ValueError: If it has no such argument.
        """
        unknown = sorted(set(params) - set(self.get_params()))
        if unknown:
            raise ValueError(
                f"{type(self).__name__} must have these arguments. Received: {unknown}. It has: "
                f"{sorted(self.get_params())}"
            )
        changed = type(self)(**self._given | params)  # raises before anything is forgotten
        vars(self).clear()
        vars(self).update(vars(changed))
        return self

    def build(self, params):
        """Return a new compiled model with these hyperparameters, given like `best_params_`."""
        return self.hypermodel.build(self._hp(params))

    def predict(self, x, **arguments):
        """Return the predictions of `best_model_`. The arguments are those of `Model.predict`.

        Raises:
            NotFittedError: If there is no such model: before `fit`, or without `refit=True`. It is
                scikit-learn's, an AttributeError.
        """
        return self.best_model_.predict(to_arrays("x", x), **{"verbose": 0} | arguments)

    def plot(self, rounds=None):
        """Plot the score against each hyperparameter (see `keras_babysit.search.plot`).

        Args:
            rounds: Number of rounds to show, with the ranges up to the next one; None for all.

        Returns:
            A `matplotlib.figure.Figure`, which displays itself in a notebook; `show()` opens it
            from a script, `save(path)` writes it.

        Raises:
            ImportError: If matplotlib is not installed.
        """
        return plot(self.records_, self.ranges_, self.objective, rounds)

    def summary(self):
        """Return the table of the best trials and the findings, as text."""
        return as_text(summary(self.records_, self.findings_, self.objective))

    def __repr__(self):
        name, objective = type(self).__name__, self.objective.name
        if not hasattr(self, "records_"):
            return f"{name}({objective}, not fitted)"
        found = vars(self).get("best_score_")
        score = "no complete trial" if found is None else f"best {found:.4g}"
        return f"{name}({objective}: {score}, {len(self.records_)} trials)"

    def _repr_html_(self):
        if not hasattr(self, "records_"):
            return markup.fragment(markup.heading(repr(self)))
        shown = ranking(self.records_)[:MAX_TABLE_ROWS]
        names = list(dict.fromkeys(name for record in shown for name in record.params))
        rows = [
            (
                record.number,
                f"{record.score:.4g}",
                len(record.scores),
                f"{record.gap:+.2g}",
                *(shown_value(record.params.get(name, "")) for name in names),
            )
            for record in shown
        ]
        return markup.fragment(
            markup.heading(repr(self)),
            markup.table(("trial", self.objective.name, "folds", "gap", *names), rows),
            *(markup.paragraph(one.message, lead=one.rule) for one in self.findings_),
        )

    def _hp(self, params):
        return HyperParameters(
            lambda dimension: params.get(dimension.name, dimension.default_value)
        )

    @contextlib.contextmanager
    def _shared(self, workers):
        """Use a storage that the workers share; yield the arguments of their searches."""
        given = self._given | {"seed": self.seed, "study_name": self.study_name}
        # Not None: within a task of Dask that means as many as the cluster has, in each of them.
        given |= {"verbose": 0, "n_jobs": 1, "refit": False}
        if workers > 1:
            check_backend(self._is_in_memory)
        if workers == 1 or not self._is_in_memory:
            yield given
            return
        with shared_storage(self.heartbeat_interval, self.max_retries) as (url, storage, folder):
            self.storage = storage
            yield given | {"storage": url, "checkpoint_dir": self.checkpoint_dir or folder}
            self.storage = optuna.storages.InMemoryStorage()
            optuna.copy_study(
                from_study_name=self.study_name, from_storage=storage, to_storage=self.storage
            )
        self.study_ = optuna.load_study(study_name=self.study_name, storage=self.storage)

    def _phases(self, space, ask, rungs):
        """Return the `Phase`s of the search.

        Args:
            space: The search space by name.
            ask: Function that asks given `HyperParameters` for all that a trial asks for.
            rungs: Index of the fidelity of each round.
        """
        raise NotImplementedError

    def _fidelities(self, folds, epochs):
        """Return the `Fidelity` of each round."""
        return read_fidelities(None, 1, folds, epochs)

    def _make_sampler(self, space):
        return read_sampler("random", self.seed)

    def _steering(self):
        return Steering()

    def _discover_space(self, examples):
        """Return the default model, the search space, and values of the model on a few examples."""
        model, space = self.hypermodel.discover_space()
        few = examples.take(slice(0, DEFAULT_MODEL_EXAMPLES))
        try:
            metrics = self.objective.evaluate(model, few, None)
        except Exception as error:
            if few[1] is None and model.loss is not None:
                raise ValueError(
                    "Argument `y` must be given, because the model is compiled with a loss. "
                    "Received: y=None"
                ) from error
            raise
        return model, space, metrics

    def _open_study(self, settings, space):
        """Return the study, continued if these are its settings.

        Trials in memory are those of an earlier `fit` of this object: with other data or arguments
        it starts anew.
        """
        study = self._create_study(space)
        is_own = self._is_in_memory and isinstance(self.storage, optuna.storages.InMemoryStorage)
        if is_own and not has_same_settings(study, settings):
            self.storage = read_storage(None)
            study = self._create_study(space)
        require_same_settings(study, settings)
        return study

    def _create_study(self, space):
        return open_study(
            self.storage,
            self.study_name,
            direction={"min": "minimize", "max": "maximize"}[self.objective.direction],
            sampler=self._make_sampler(space),
            pruner=self.pruner,
        )

    def _conclude(self, records, *, phases, folds, by_metric_of):
        self.n_splits_ = folds
        rounds = 1 + phases[-1].round
        after = Phase(NEW, rounds, phases[-1].rung)  # what the last round says about a next one
        ranges, self.findings_ = ranges_by_round(records, [*phases, after], self._steering())
        self.ranges_ = ranges[:rounds]
        self.records_ = with_reruns(records)
        self.findings_ += closeness(self.records_, rounds - 1)
        self.cv_results_ = cv_results(self.records_, folds)
        if self.verbose:
            show(summary(self.records_, self.findings_, self.objective))
        found = winner(self.records_)
        if by_metric_of is not None:
            found = best(by_metric(self.records_, by_metric_of))
        if found is None:
            raise SearchFailedError(
                f"No trial completed ({_describe_ends(self.records_)}). "
                f"{self._way_out(self.records_)}"
            )
        self.best_trial_ = found
        self.best_params_ = dict(found.params)
        self.best_score_ = found.rerun_score if found.reruns else found.score
        self.best_index_ = [r.number for r in self.records_ if r.is_finished].index(found.number)

    def _way_out(self, records):
        messages = [record.message for record in records if record.message]
        return f"The last message: {messages[-1]}" if messages else "Raise `max_trials`."


def _reason(search, name):
    """Return why a search has no result of this name, and what to do."""
    is_refitted = bool(search.refit)
    if "records_" not in vars(search):
        more = "" if name != "best_model_" or is_refitted else ", with refit=True"
        return f"a {type(search).__name__} that is not fitted. Call `fit` first{more}."
    if "best_params_" not in vars(search):
        return "a search without a complete trial."
    if is_refitted:
        return "a search whose final training failed. Build a model with `build(best_params_)`."
    return f"refit={search.refit!r}. Pass refit=True to the search."


def _describe_ends(records):
    """Return how the trials ended, such as `"1 pruned, 2 stopped by no_update"`."""
    parts = [
        f"{count} {name}" if name in ("pruned", "failed") else f"{count} stopped by {name}"
        for name, count in incomplete_counts(records).items()
    ]
    return ", ".join(parts) or "no trial ended"


def _check(max_stopped, error_score, storage, study_name, reruns):
    if not (isinstance(reruns, int) and reruns >= 0):
        raise ValueError(f"Argument `reruns` must be at least 0. Received: reruns={reruns}")
    if not 0 <= max_stopped <= 1:
        raise ValueError(
            f"Argument `max_stopped` must be in [0, 1]. Received: max_stopped={max_stopped}"
        )
    if error_score not in ("raise", "fail"):
        raise ValueError(
            f'Argument `error_score` must be "raise" or "fail". Received: {error_score!r}'
        )
    if storage is not None and not study_name:
        raise ValueError(
            "Argument `study_name` must be given together with `storage`, because workers find "
            "their common study by its name. Received: study_name=None"
        )


def _epochs(fit_arguments):
    """Return the number of epochs of `fit`; None if they are not counted from 0."""
    return None if fit_arguments.get("initial_epoch") else fit_arguments.get("epochs")


def _check_fit(fit_arguments):
    taken = sorted({"validation_data", "validation_split"} & set(fit_arguments))
    if taken:
        raise ValueError(
            "Validation data must not be passed to `fit`: the folds of `cv` provide it. "
            f"Received: {taken}. Remove these arguments."
        )
